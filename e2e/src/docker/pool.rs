//! Who answers: requests through the balancer, and the cycle that their answers make.

use crate::client::{PATIENCE, Socket};
use crate::http::{End, Message, Reader};
use crate::ports::Address;
use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

/// One GET on a new connection.
pub fn get(address: SocketAddr, host: &str, target: &str) -> Result<Message, String> {
    let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    exchange(address, "GET", &request)
}

/// One request, as it is, on a new connection.
pub fn exchange(address: SocketAddr, method: &str, request: &str) -> Result<Message, String> {
    let socket = Socket::connect(&Address::Tcp(address), None).map_err(|e| e.to_string())?;
    let mut reader = Reader::new(socket, PATIENCE);
    reader.socket.write_all(request.as_bytes()).map_err(|e| format!("sending: {e}"))?;
    let head = reader.head().map_err(|end| format!("no answer: {}", end.word()))?;
    let framed =
        head.field("content-length").is_some() || head.field("transfer-encoding").is_some();
    let message = reader.response_body(head, method);
    match message.end {
        End::Complete => Ok(message),
        End::Closed if !framed => Ok(message),
        end => Err(format!("the answer was cut: {}", end.word())),
    }
}

/// The body of an answer with status 200, without its line end; anything else is an error.
pub fn good(message: &Message) -> Result<String, String> {
    match message.head.word(1) {
        "200" => Ok(String::from_utf8_lossy(&message.body).trim_end().to_owned()),
        _ => Err(message.head.start.clone()),
    }
}

/// What `count` requests one after the other are answered.
pub fn answers(address: SocketAddr, host: &str, count: usize) -> Result<Vec<String>, String> {
    (0..count).map(|_| get(address, host, "/").and_then(|m| good(&m))).collect()
}

/// Whether a sequence of answers is a strict cycle of so many different ones, seen twice.
pub fn is_cycle(answers: &[String], members: usize) -> bool {
    let different: BTreeSet<&String> = answers.iter().collect();
    different.len() == members
        && answers.len() >= 2 * members
        && answers.iter().zip(&answers[members..]).all(|(a, b)| a == b)
}

/// Waits until requests are answered in a strict cycle of so many; the names in their order.
pub fn wait_cycle(
    address: SocketAddr,
    host: &str,
    members: usize,
    patience: Duration,
) -> Result<Vec<String>, String> {
    let mut last = Err("not asked".to_owned());
    let found = crate::scenario::wait_until(patience, || {
        last = answers(address, host, 2 * members.max(1));
        last.as_ref().is_ok_and(|list| is_cycle(list, members))
    });
    match (found, last) {
        (true, Ok(list)) => Ok(list[..members].to_vec()),
        (_, last) => Err(format!("no cycle of {members}: {last:?}")),
    }
}

/// Waits until requests are answered by all of these and nobody else, in whatever order: other
/// clients take turns, too.
pub fn wait_members(
    address: SocketAddr,
    host: &str,
    members: &BTreeSet<String>,
    patience: Duration,
) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    let found = crate::scenario::wait_until(patience, || {
        seen.clear();
        for _ in 0..20 * members.len().max(1) {
            match get(address, host, "/").and_then(|m| good(&m)) {
                Ok(name) if members.contains(&name) => drop(seen.insert(name)),
                Ok(other) => {
                    seen.insert(other);
                    break;
                }
                Err(_) => break,
            }
            if seen == *members {
                return true;
            }
        }
        false
    });
    if found { Ok(()) } else { Err(format!("{seen:?} answer, not {members:?}")) }
}

/// Whether a name is a container's host name: 12 hexadecimal digits.
pub fn is_host_name(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

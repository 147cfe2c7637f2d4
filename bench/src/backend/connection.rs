//! One connection of a backend: request after request, or a WebSocket that echoes.

use std::io::{self, BufReader, Write};
use std::net::TcpStream;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::request::{self, Request};
use super::{Behaviour, Framing, Shared};
use crate::websocket::{self, Frame};

/// Data bytes in a chunk.
const CHUNK: usize = 1000;
/// The longest body a query may ask for.
const BODY_MAX: usize = 64 << 20;
/// The longest delay a query may ask for.
const DELAY_MAX: Duration = Duration::from_secs(60);

pub(super) fn serve(stream: &TcpStream, number: u64, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = request::read(&mut reader)? {
        shared.requests.fetch_add(1, Ordering::Relaxed);
        let now = super::now_ns();
        let _ = shared.first_ns.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
        shared.last_ns.fetch_max(now, Ordering::Relaxed);
        let behaviour = shared.behaviour.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(key) = &request.websocket_key {
            let mut open = shared.open.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(open) = open.get_mut(&number) {
                open.websocket = true;
            }
            drop(open);
            return echo(stream, &mut reader, key, &behaviour.id);
        }
        let behaviour = asked(&request, behaviour);
        let body_seen = request.drain(&mut reader)?;
        std::thread::sleep(behaviour.delay);
        let mut writer = stream;
        writer.write_all(&answer(&request, &behaviour, body_seen))?;
        if behaviour.close {
            break;
        }
    }
    Ok(())
}

/// The behaviour with what the request's query asks for.
fn asked(request: &Request, mut behaviour: Behaviour) -> Behaviour {
    let number = |name| request.query(name).and_then(|value| value.parse::<u64>().ok());
    if let Some(delay) = number("delay_ms") {
        behaviour.delay = Duration::from_millis(delay).min(DELAY_MAX);
    }
    if let Some(length) = number("bytes").and_then(|length| usize::try_from(length).ok()) {
        behaviour.body_length = length.min(BODY_MAX);
    }
    if let Some(status) = number("status").and_then(|status| u16::try_from(status).ok()) {
        behaviour.status = status;
    }
    if request.query("chunked").is_some() {
        behaviour.framing = Framing::Chunked;
    }
    if request.query("until-close").is_some() {
        behaviour.framing = Framing::UntilClose;
    }
    behaviour.close |= request.close
        || request.query("close").is_some()
        || behaviour.framing == Framing::UntilClose;
    behaviour
}

fn answer(request: &Request, behaviour: &Behaviour, body_seen: u64) -> Vec<u8> {
    let Behaviour { id, status, .. } = behaviour;
    let reason = if *status == 200 { "OK" } else { "Told So" };
    let mut body = id.clone().into_bytes();
    body.resize(behaviour.body_length.max(body.len()), b'.');
    let framing = match behaviour.framing {
        Framing::Length => format!("Content-Length: {}\r\n", body.len()),
        Framing::Chunked => "Transfer-Encoding: chunked\r\n".to_owned(),
        Framing::UntilClose => String::new(),
    };
    let close = if behaviour.close { "Connection: close\r\n" } else { "" };
    let mut answer = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\nX-Backend: {id}\r\n\
         X-Body-Length: {body_seen}\r\n{framing}{close}\r\n"
    )
    .into_bytes();
    if request.method == "HEAD" {
        return answer;
    }
    if behaviour.framing != Framing::Chunked {
        answer.extend(body);
        return answer;
    }
    for chunk in body.chunks(CHUNK) {
        answer.extend(format!("{:x}\r\n", chunk.len()).as_bytes());
        answer.extend(chunk);
        answer.extend(b"\r\n");
    }
    answer.extend(b"0\r\n\r\n");
    answer
}

fn echo(
    mut stream: &TcpStream,
    reader: &mut BufReader<&TcpStream>,
    key: &str,
    id: &str,
) -> io::Result<()> {
    let accept = websocket::accept(key);
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\nX-Backend: {id}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    while let Some(Frame { opcode, payload }) = websocket::read(reader)? {
        let opcode = if opcode == websocket::PING { websocket::PONG } else { opcode };
        websocket::write(&mut stream, &Frame { opcode, payload }, None)?;
        if opcode == websocket::CLOSE {
            break;
        }
    }
    Ok(())
}

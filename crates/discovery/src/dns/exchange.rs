//! One question to one name server and its answer, by UDP and where that is cut by TCP.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hickory_proto::op::{Edns, Message, MessageType, Query};
use hickory_proto::rr::{Name, RecordType};
use model::{Nameserver, Resolvers};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

use super::figures::{Figures, count};

/// Answers that belong to no question of ours and are passed over.
const STRANGERS_MAX: usize = 16;

/// What one question to one server came to.
pub(super) type Asked = io::Result<Message>;

/// The whole answer, within `timeout retry`. An answer that is cut is asked for again by TCP.
///
/// # Errors
/// No answer in time, nobody there, or bytes that are no DNS message.
pub(super) async fn exchange(
    server: &Nameserver,
    name: &Name,
    kind: RecordType,
    resolvers: &Resolvers,
    figures: &Figures,
) -> Asked {
    let question = question(name, kind, resolvers.payload_bytes);
    let within = |by_tcp| {
        let answer = one(server.address, &question, resolvers.payload_bytes, by_tcp, figures);
        tokio::time::timeout(resolvers.timeout_retry, answer)
    };
    let answer = within(server.tcp).await??;
    if answer.metadata.truncation && !server.tcp {
        count(&figures.truncated);
        return within(true).await?;
    }
    Ok(answer)
}

/// Announces how long an answer may be (RFC 6891): without that some servers cut everything.
pub(super) fn question(name: &Name, kind: RecordType, payload_bytes: u16) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(name.clone(), kind));
    let mut edns = Edns::new();
    edns.set_max_payload(payload_bytes);
    message.set_edns(edns);
    message
}

async fn one(
    server: SocketAddr,
    question: &Message,
    payload_bytes: u16,
    by_tcp: bool,
    figures: &Figures,
) -> Asked {
    let bytes = question.to_vec().map_err(io::Error::other)?;
    if by_tcp {
        tcp(server, question, &bytes, figures).await
    } else {
        udp(server, question, &bytes, payload_bytes, figures).await
    }
}

async fn udp(
    server: SocketAddr,
    question: &Message,
    bytes: &[u8],
    payload_bytes: u16,
    figures: &Figures,
) -> Asked {
    let any: IpAddr = match server {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    // Only datagrams of this server come through, on a port that the system chose at random.
    let sent = async {
        let socket = UdpSocket::bind((any, 0)).await?;
        socket.connect(server).await?;
        socket.send(bytes).await?;
        io::Result::Ok(socket)
    };
    let socket = counted(sent.await, figures)?;
    // One byte more than is accepted shows what is longer.
    let accepted = usize::from(payload_bytes);
    let mut answer = vec![0; accepted + 1];
    for _ in 0..STRANGERS_MAX {
        let length = socket.recv(&mut answer).await?;
        if length > accepted {
            count(&figures.too_big);
            continue;
        }
        match read(answer.get(..length).unwrap_or_default(), question) {
            Some(message) => return Ok(message),
            None => count(&figures.invalid),
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// Counts a question as sent or not.
fn counted<T>(sent: io::Result<T>, figures: &Figures) -> io::Result<T> {
    count(if sent.is_ok() { &figures.sent } else { &figures.snd_error });
    sent
}

async fn tcp(server: SocketAddr, question: &Message, bytes: &[u8], figures: &Figures) -> Asked {
    let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
    // In one piece: RFC 7766 section 8.
    let mut framed = length.to_be_bytes().to_vec();
    framed.extend_from_slice(bytes);
    let sent = async {
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(&framed).await?;
        io::Result::Ok(stream)
    };
    let mut stream = counted(sent.await, figures)?;
    let length = stream.read_u16().await?;
    let mut answer = vec![0; usize::from(length)];
    stream.read_exact(&mut answer).await?;
    read(&answer, question).ok_or_else(|| {
        count(&figures.invalid);
        io::ErrorKind::InvalidData.into()
    })
}

/// The answer to this question that these bytes are, if they are one.
pub(super) fn read(bytes: &[u8], question: &Message) -> Option<Message> {
    Message::from_vec(bytes).ok().filter(|message| answers(message, question))
}

/// Whether it is an answer to this question.
fn answers(message: &Message, question: &Message) -> bool {
    let same =
        |(a, b): (&Query, &Query)| a.query_type == b.query_type && a.name.eq_ignore_root(&b.name);
    message.metadata.id == question.metadata.id
        && message.metadata.message_type == MessageType::Response
        && message.queries.len() == question.queries.len()
        && message.queries.iter().zip(&question.queries).all(same)
}

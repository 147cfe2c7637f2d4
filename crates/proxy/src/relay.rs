//! Bytes both ways between two streams until both directions have ended: tunnels and TCP sessions.

use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use crate::buffer::Shelf;
use crate::deadline::Deadline;
use crate::pump::{End, Pump};
use crate::stream::Stream;
use crate::termination::Cause;

/// Longest silences of a relay; `None` = no limit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silence {
    /// Nothing from or to the client.
    pub client: Option<Duration>,
    /// Nothing from or to the server.
    pub server: Option<Duration>,
    /// Nothing in either direction; replaces the other two (`timeout tunnel`).
    pub tunnel: Option<Duration>,
    /// As `client`, once one direction has ended.
    pub client_fin: Option<Duration>,
    /// As `server`, once one direction has ended.
    pub server_fin: Option<Duration>,
}

/// How a relay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelayEnd {
    /// Both directions ended in order.
    Done,
    /// The client's side broke.
    Client,
    /// The server's side broke.
    Server,
    /// The client's side was silent for too long.
    ClientTimeout,
    /// The server's side was silent for too long.
    ServerTimeout,
}

impl RelayEnd {
    /// Whom a relay that did not end in order is put down to.
    #[must_use]
    pub fn cause(self) -> Option<Cause> {
        match self {
            Self::Done => None,
            Self::Client => Some(Cause::ClientAbort),
            Self::Server => Some(Cause::ServerAbort),
            Self::ClientTimeout => Some(Cause::ClientTimeout),
            Self::ServerTimeout => Some(Cause::ServerTimeout),
        }
    }
}

/// Runs two pumps, `up` from client to server and `down` the other way, until both have ended or
/// one side breaks.
pub async fn relay(
    client: &Stream,
    server: &Stream,
    up: &mut Pump,
    down: &mut Pump,
    shelf: &Rc<Shelf>,
    silence: Silence,
) -> RelayEnd {
    let mut deadline = Deadline::new();
    let mut moved = u64::MAX;
    let (mut up_shut, mut down_shut) = (false, false);
    std::future::poll_fn(|cx| {
        let up_end = up.poll(cx, client, server, shelf);
        if let Poll::Ready(end) = up_end {
            match end {
                End::Done if up_shut => {}
                End::Done => {
                    up_shut = true;
                    let _ = server.end();
                }
                End::WriteError => return Poll::Ready(RelayEnd::Server),
                _ => return Poll::Ready(RelayEnd::Client),
            }
        }
        let down_end = down.poll(cx, server, client, shelf);
        if let Poll::Ready(end) = down_end {
            match end {
                End::Done if down_shut => {}
                End::Done => {
                    down_shut = true;
                    let _ = client.end();
                }
                End::WriteError => return Poll::Ready(RelayEnd::Client),
                _ => return Poll::Ready(RelayEnd::Server),
            }
        }
        if up_shut && down_shut {
            return Poll::Ready(RelayEnd::Done);
        }
        let now_moved = up.bytes + down.bytes + u64::from(up_shut) + u64::from(down_shut);
        let (limit, whose) = limit(&silence, up_shut || down_shut);
        if now_moved != moved {
            moved = now_moved;
            deadline.set(Instant::now(), limit);
        }
        deadline.poll(cx).map(|_| whose)
    })
    .await
}

fn limit(silence: &Silence, half_closed: bool) -> (Option<Duration>, RelayEnd) {
    let (mut client, mut server) = (silence.client, silence.server);
    if silence.tunnel.is_some() {
        (client, server) = (silence.tunnel, silence.tunnel);
    }
    if half_closed {
        client = silence.client_fin.or(client);
        server = silence.server_fin.or(server);
    }
    match (client, server) {
        (Some(c), Some(s)) if s < c => (Some(s), RelayEnd::ServerTimeout),
        (None, Some(s)) => (Some(s), RelayEnd::ServerTimeout),
        (c, _) => (c, RelayEnd::ClientTimeout),
    }
}

//! A new client connection until it is clear what it speaks: counts, PROXY header, early rules.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use model::{Address, Bind, Mode};
use tokio::time::Instant;
use wire::proxy_protocol::{self, HeaderError, Parsed};

use crate::client::{Client, ClientFacts, Counted};
use crate::deadline::Deadline;
use crate::listen::Accepted;
use crate::live::LiveFrontend;
use crate::proxy_header::refused;
use crate::stream::Stream;
use crate::tcp;
use crate::worker::Worker;

/// Starts a session for an accepted connection; closes it when nobody listens there any more.
pub fn start(worker: &Rc<Worker>, accepted: Accepted, address: &Address) {
    let view = worker.view();
    let Some((frontend, bind)) = view.live.listeners.get(address) else { return };
    let (frontend, bind) = (Arc::clone(frontend), *bind);
    let now = Instant::now();
    let counted = Counted::enter(worker, &frontend, bind, now);
    let Accepted { stream, peer: front_src } = accepted;
    let front_dst = local_end(&stream, frontend.model.binds.get(bind));
    let facts = Rc::new(ClientFacts::accepted(address.clone(), front_src, front_dst, now));
    let worker_of = Rc::clone(worker);
    let (facts_of, frontend_of) = (Rc::clone(&facts), Arc::clone(&frontend));
    worker.spawn(&facts, &frontend, move |registration| {
        run(Client {
            worker: worker_of,
            stream,
            facts: facts_of,
            registration,
            view,
            frontend: frontend_of,
            bind,
            orphan: false,
            deadline: Deadline::new(),
            private: None,
            counted,
        })
    });
}

/// The local end of a connection: what its socket listens on, where that is one address.
fn local_end(stream: &Stream, bind: Option<&Bind>) -> Option<SocketAddr> {
    match bind {
        Some(Bind { address: Address::Inet(address), transparent: false, .. })
            if !address.ip().is_unspecified() =>
        {
            Some(*address)
        }
        _ => stream.local_addr(),
    }
}

/// Runs a session: PROXY header and early rules here, then by mode.
///
/// Not an `async fn`: that would hold its argument twice, and this is what an idle connection
/// occupies.
#[expect(clippy::manual_async_fn, reason = "the early part must not be kept in the future")]
fn run(mut client: Client) -> impl Future<Output = ()> {
    async move {
        if !admitted(&client).await {
            return;
        }
        client.frontend.counters.sessions_total.inc();
        match client.frontend.model.mode {
            Mode::Http => crate::http::serve(&mut client).await,
            Mode::Tcp => Box::pin(tcp::serve(client)).await,
        }
    }
}

/// Reads a PROXY header where one is expected and asks the early rules.
async fn admitted(client: &Client) -> bool {
    if client.frontend.model.tcp_keep_alive {
        let _ = rustix::net::sockopt::set_socket_keepalive(&client.stream, true);
    }
    if client.frontend.model.nolinger {
        client.stream.reset_on_close();
    }
    let bind = client.frontend.model.binds.get(client.bind);
    if bind.is_some_and(|b| b.accept_proxy) || tcp::expects_proxy(client) {
        match Box::pin(read_proxy_header(&client.stream, &client.frontend)).await {
            Ok(ends) => {
                if let Some((src, dst)) = ends {
                    client.facts.src.set(Some(src));
                    client.facts.dst.set(Some(dst));
                }
                client.facts.received_proxy.set(true);
                client.facts.ready.set(Instant::now());
            }
            Err(error) => {
                crate::session::finish::log_refused(client, error);
                return false;
            }
        }
    }
    tcp::admits(client)
}

/// Longest PROXY header that is read: v1 is at most 107 bytes, v2 with TLVs fits a page.
const PROXY_HEADER_MAX: usize = 4096;

type Ends = (SocketAddr, SocketAddr);

/// Reads exactly a PROXY header. `None` = it says that the connection speaks for itself (LOCAL,
/// UNKNOWN).
///
/// # Errors
/// Bad, late or cut: to be closed, with the number of `fc_err`.
async fn read_proxy_header(stream: &Stream, frontend: &LiveFrontend) -> Result<Option<Ends>, u8> {
    let mut deadline = Deadline::new();
    let timeouts = &frontend.model.timeouts;
    deadline.set(Instant::now(), timeouts.client_hs.or(timeouts.client));
    let mut seen = [0_u8; PROXY_HEADER_MAX];
    loop {
        let n = match deadline.guard(stream.peek(&mut seen)).await {
            Ok(Ok(0)) => return Err(refused::CLOSED),
            Ok(Ok(n)) => n,
            Ok(Err(_)) => return Err(refused::BROKEN),
            Err(_) => return Err(refused::TIMEOUT),
        };
        match proxy_protocol::parse(seen.get(..n).unwrap_or_default()) {
            Ok(Parsed::Complete(header)) => {
                stream.discard(header.len).map_err(|_| refused::BROKEN)?;
                return Ok(header.addresses());
            }
            Ok(Parsed::Partial) if n < seen.len() => {
                // Level-triggered peeking would spin: wait a moment for the rest.
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                if deadline.has_passed(Instant::now()) {
                    return Err(refused::CUT);
                }
            }
            Err(HeaderError::NotProxy) => return Err(refused::OTHER),
            _ => return Err(refused::BAD),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_idle_connection_is_small() {
        fn size<A, T>(_: impl Fn(A) -> T) -> usize {
            size_of::<T>()
        }
        let bytes = size(super::run);
        assert!(bytes <= 448, "{bytes} bytes");
    }
}

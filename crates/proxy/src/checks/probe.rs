//! One check on the wire: drives a script over a connection within its time limits.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use health::{Action, CheckResult, CheckRun, ConnectStep};
use model::{Address, ProxyHeader, ServerCheck};
use tokio::time::timeout;
use wire::proxy_protocol::{V2, write_v1, write_v2};

use super::Place;
use super::subject::Answers;
use crate::connect::{self, Options};
use crate::engine::Shared;
use crate::stream::Stream;

/// Bytes read at a time.
const READ: usize = 4096;

/// Runs one check. `None` when the server has no address to connect to.
pub(super) async fn run(
    shared: &Shared,
    place: &Place,
    check: &ServerCheck,
    interval: Duration,
) -> Option<CheckResult> {
    let backend = &place.backend.model;
    let limits = health::schedule::limits(check, interval, &backend.timeouts);
    let answers = Answers::new(shared, place);
    let mut run = CheckRun::new(&backend.check, backend.disable_on_404);
    let mut stream: Option<(Stream, bool)> = None;
    let mut buffer = [0; READ];
    let result = loop {
        match run.advance(&answers) {
            Action::Done(result) => break result,
            Action::Connect(step) => {
                close(stream.take());
                let address = address(place, check, &step)?;
                match timeout(limits.connect, open(place, check, &step, &address)).await {
                    Err(_) => break run.timed_out(),
                    Ok(Err(e)) => break run.connect_failed(&system_text(&e)),
                    Ok(Ok(opened)) => {
                        if run.speaks_http() {
                            place.backend.counters.http_checks.inc();
                        }
                        stream = Some((opened, step.linger));
                    }
                }
            }
            Action::Write(bytes) => {
                let Some((stream, _)) = &stream else { break run.broken() };
                match timeout(limits.answer, stream.write_all(&bytes)).await {
                    Err(_) => break run.timed_out(),
                    Ok(Err(_)) => break run.broken(),
                    Ok(Ok(())) => {}
                }
            }
            Action::Read => {
                let Some((stream, _)) = &stream else { break run.broken() };
                match timeout(limits.answer, stream.read(&mut buffer)).await {
                    Err(_) => break run.timed_out(),
                    Ok(Err(_)) => break run.broken(),
                    Ok(Ok(n)) => run.received(&buffer[..n]),
                }
            }
        }
    };
    close(stream);
    Some(result)
}

/// Ends a connection at once, without a wait in the kernel, unless `linger` asks for a clean end.
fn close(stream: Option<(Stream, bool)>) {
    if let Some((stream, linger)) = stream
        && !linger
    {
        stream.reset_on_close();
    }
}

/// Where to connect: the step's own address, else the check's, else the server's.
fn address(place: &Place, check: &ServerCheck, step: &ConnectStep) -> Option<Address> {
    if let Some(address) = step.address {
        let port = step.port.unwrap_or(address.port());
        return Some(Address::Inet(SocketAddr::new(address.ip(), port)));
    }
    let server = &place.server.model;
    let own = server.host.connect_address(server.port, 0)?;
    let Address::Inet(own) = own else { return Some(own) };
    let ip = check.addr.unwrap_or(own.ip());
    let port = step.port.or(check.port).unwrap_or(own.port());
    (port != 0).then(|| Address::Inet(SocketAddr::new(ip, port)))
}

async fn open(
    place: &Place,
    check: &ServerCheck,
    step: &ConnectStep,
    address: &Address,
) -> io::Result<Stream> {
    let source = check.source.as_ref().or(place.server.model.source.as_ref());
    let options = Options { source, ..Options::default() };
    let stream = connect::connect(address, options, None).await?;
    if check.send_proxy || step.send_proxy {
        let mut header = Vec::with_capacity(64);
        match place.server.model.send_proxy {
            Some(ProxyHeader::V2) => write_v2(&mut header, &V2::default()),
            _ => write_v1(&mut header, stream.local_addr().zip(stream.peer_addr())),
        }
        stream.write_all(&header).await?;
    }
    Ok(stream)
}

/// The system's words without the number that Rust adds.
fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

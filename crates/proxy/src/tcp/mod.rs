//! TCP sessions: early rules on connections, content inspection, and the relay.

mod content;
mod response;

use std::sync::Arc;

use expr::{End, Subject, Verdict};
use model::TcpAction;
use tokio::time::Instant;

pub use content::{Decision, on_request, resolve};
pub use response::on_response;

use crate::body::Body;
use crate::buffer::Buffer;
use crate::client::Client;
use crate::pump::Pump;
use crate::relay::{Silence, relay};
use crate::rewrite::{set_port, set_source};
use crate::session::exchange::{Exchange, Watched};
use crate::session::phase::{Outgoing, Phase, Upstream};
use crate::session::{abort, assign, connect, finish, persistence, route};
use crate::termination::{At, Cause};

/// Whether a `tcp-request connection expect-proxy layer4` rule asks for a PROXY header.
pub fn expects_proxy(client: &Client) -> bool {
    let rules = &client.frontend.model.rules.tcp_connection;
    if !rules.iter().any(|r| r.action == TcpAction::ExpectProxy) {
        return false;
    }
    let ex = Exchange::empty(client);
    rules
        .iter()
        .filter(|r| r.action == TcpAction::ExpectProxy)
        .any(|r| r.condition.as_ref().is_none_or(|c| c.eval(&ex) == Verdict::True))
}

/// `tcp-request connection` and `tcp-request session` rules; false = close.
pub fn admits(client: &Client) -> bool {
    let counters = &client.frontend.counters;
    match refused_by(client) {
        None => true,
        Some(Early::Connection) => {
            counters.denied_connections.inc();
            false
        }
        Some(Early::Session) => {
            counters.denied_sessions.inc();
            false
        }
    }
}

/// Lists of rules before anything is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Early {
    Connection,
    Session,
}

fn refused_by(client: &Client) -> Option<Early> {
    let rules = &client.frontend.model.rules;
    if rules.tcp_connection.is_empty() && rules.tcp_session.is_empty() {
        return None;
    }
    let mut ex = Exchange::empty(client);
    let lists = [(&rules.tcp_connection, Early::Connection), (&rules.tcp_session, Early::Session)];
    for (list, early) in lists {
        for rule in list {
            if rule.condition.as_ref().is_some_and(|c| c.eval(&ex) != Verdict::True) {
                continue;
            }
            match &rule.action {
                TcpAction::Accept => break,
                TcpAction::Reject | TcpAction::Close => {
                    if early == Early::Connection {
                        // Nothing was said yet: as HAProxy, and the port is free at once.
                        client.stream.reset_on_close();
                    }
                    return Some(early);
                }
                TcpAction::SilentDrop => {
                    client.stream.reset_on_close();
                    return Some(early);
                }
                action => act(&mut ex, action),
            }
        }
    }
    client.facts.keep_ends();
    None
}

/// Actions that do not end a list.
pub fn act(ex: &mut Exchange, action: &TcpAction) {
    match action {
        TcpAction::SetVar(variable, expression) => ex.store(variable, expression),
        TcpAction::SetVarFmt(variable, format) => ex.store_text(variable, format),
        TcpAction::UnsetVar(variable) => {
            ex.set_variable(variable, None);
        }
        TcpAction::Capture { sample, slot, len } => {
            ex.capture_sample(expr::Side::Request, sample, *slot, *len);
        }
        TcpAction::SetSrc(e) => set_source(ex, End::Src, e.eval(&*ex).found()),
        TcpAction::SetSrcPort(e) => set_port(ex, End::Src, e.eval(&*ex).found()),
        TcpAction::SetDst(e) => set_source(ex, End::Dst, e.eval(&*ex).found()),
        TcpAction::SetDstPort(e) => set_port(ex, End::Dst, e.eval(&*ex).found()),
        TcpAction::SetLogLevel(level) => ex.overrides.borrow_mut().log_level = Some(*level),
        _ => {}
    }
}

/// Runs a TCP session to its end.
pub async fn serve(mut client: Client) {
    let mut watched = Watched::new(Exchange::empty(&client));
    let Some(ex) = watched.exchange() else { return };
    ex.show();
    if run(&mut client, ex).await.is_none() && ex.termination.is_normal() {
        ex.end(Cause::Proxy, At::Request);
    }
    watched.finish();
}

/// `None` = ended before a server was reached.
async fn run(client: &mut Client, ex: &mut Exchange) -> Option<()> {
    let mut input = None;
    let frontend = Arc::clone(&ex.frontend);
    inspect(client, ex, &frontend.model.rules, &mut input).await?;
    let Some(backend) = route::choose(ex) else {
        ex.end(Cause::ServerAbort, At::Connect);
        return None;
    };
    ex.enter_backend(Arc::clone(&backend), Instant::now());
    if !backend.model.is_half_of(&frontend.model) {
        inspect(client, ex, &backend.model.rules, &mut input).await?;
    }
    ex.moments.request = Some(Instant::now());
    let pinned = persistence::use_server(ex, &backend);
    ex.payload = None;
    ex.body_complete = false;
    let mut phase = Phase::Assign(Box::new(Outgoing {
        upload: Pump::new(Vec::new(), Body::UntilClose, input),
        retries_left: backend.model.retries,
        failed: None,
        pinned,
    }));
    let up = loop {
        phase = match phase {
            Phase::Assign(p) => assign::run(client, ex, p),
            Phase::Queue(p, of) => assign::wait(client, ex, p, of).await,
            Phase::Connect(p, slot) => connect::fresh(client, ex, p, slot).await,
            Phase::Respond(up) => break up,
            // Queue full, time-out, no server: a TCP client is only told by the close.
            _ => {
                ex.status = 0;
                return None;
            }
        };
    };
    pass(client, ex, up).await;
    Some(())
}

async fn inspect(
    client: &mut Client,
    ex: &mut Exchange,
    rules: &model::RuleSet,
    input: &mut Option<Buffer>,
) -> Option<()> {
    match content::on_connection(client, ex, rules, input).await {
        Decision::Accept => Some(()),
        Decision::Reject | Decision::Close => {
            ex.frontend.counters.denied_requests.inc();
            ex.end(Cause::Proxy, At::Request);
            None
        }
        Decision::Drop => {
            client.stream.reset_on_close();
            ex.end(Cause::Proxy, At::Request);
            None
        }
    }
}

async fn pass(client: &mut Client, ex: &mut Exchange, up: Box<Upstream>) {
    let Upstream { outgoing, stream, slot, .. } = *up;
    let mut upward = outgoing.upload;
    let mut answer = None;
    let rules = &slot.backend.model.rules;
    let mut closes = false;
    if !rules.tcp_response.is_empty() {
        let decision =
            response::on_stream(client, ex, rules, &stream, &mut upward, &mut answer).await;
        closes = decision == Decision::Close;
        if matches!(decision, Decision::Reject | Decision::Drop) {
            if decision == Decision::Drop {
                client.stream.reset_on_close();
            }
            ex.frontend.counters.denied_responses.inc();
            slot.backend.counters.denied_responses.inc();
            slot.server().counters.denied_responses.inc();
            ex.bytes_out = answer.map_or(0, |b| b.len() as u64);
            ex.end(Cause::Proxy, At::Data);
            return;
        }
    }
    if closes {
        let _ = rustix::net::shutdown(&stream, rustix::net::Shutdown::Both);
    }
    let mut downward = Pump::new(Vec::new(), Body::UntilClose, answer);
    let (front, back) = (&client.frontend.model.timeouts, &slot.backend.model.timeouts);
    let silence = Silence {
        client: front.client,
        server: back.server,
        tunnel: back.tunnel.or(front.tunnel),
        client_fin: front.client_fin,
        server_fin: back.server_fin,
    };
    ex.note_server_connection(&stream);
    finish::log_early(ex);
    let shelf = std::rc::Rc::clone(&client.worker.heads);
    let end = relay(&client.stream, &stream, &mut upward, &mut downward, &shelf, silence).await;
    ex.bytes_in = upward.bytes;
    ex.bytes_out = downward.bytes;
    abort::count_relay(ex, end);
    if let Some(cause) = end.cause() {
        ex.end(cause, At::Data);
    }
}

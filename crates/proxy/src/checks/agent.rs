//! Asking agents: a line from each checked machine that says how it wants to be used.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use health::CheckResult;
use health::agent::{self, Advice};
use health::text::Why;
use model::{Address, AgentCheck, Operational};
use tokio::time::{Instant, timeout};

use super::{Context, Place, transition};
use crate::connect::{self, Options};
use crate::engine::Shared;
use crate::live::{LiveBackend, LiveServer};
use crate::log;

/// Asks until it is aborted.
pub(super) async fn run(context: Rc<Context>, place: Rc<RefCell<Rc<Place>>>, first: Duration) {
    let mut wait = first;
    let mut last = None;
    loop {
        tokio::time::sleep(wait).await;
        let current = Rc::clone(&place.borrow());
        let Some(agent) = &current.server.model.agent else { return };
        wait = agent.inter.max(Duration::from_millis(1));
        if current.server.check.is_agent_paused() {
            continue;
        }
        let Some(address) = address(&current, agent) else { continue };
        let permit = context.open.acquire().await;
        let started = Instant::now();
        let answer = timeout(wait, ask(agent, &address)).await;
        drop(permit);
        let took = started.elapsed().as_millis() as u64;
        let current = Rc::clone(&place.borrow());
        // An agent that cannot be reached says nothing about its server.
        let mut result = match answer {
            Ok(Ok(advice)) => {
                follow(&context, &current, &advice, took, &mut last);
                let said = advice.up.as_ref().map(|(up, word)| agent::result(*up, word));
                said.unwrap_or_else(agent::no_change)
            }
            Ok(Err(why)) => agent::unreachable(true, why.to_string()),
            Err(_) => agent::unreachable(false, ""),
        };
        result.duration_ms = took;
        current.server.check.heard(result);
    }
}

fn address(place: &Place, agent: &AgentCheck) -> Option<Address> {
    let server = &place.server.model;
    let Some(Address::Inet(own)) = server.host.connect_address(server.port, 0) else {
        let ip = agent.addr?;
        return Some(Address::Inet(SocketAddr::new(ip, agent.port)));
    };
    Some(Address::Inet(SocketAddr::new(agent.addr.unwrap_or(own.ip()), agent.port)))
}

async fn ask(agent: &AgentCheck, address: &Address) -> std::io::Result<Advice> {
    let stream = connect::connect(address, Options::default(), None).await?;
    if let Some(text) = &agent.send {
        stream.write_all(text.as_bytes()).await?;
    }
    let mut answer = Vec::new();
    let mut buffer = [0; agent::MAX_LINE];
    loop {
        let n = stream.read(&mut buffer).await?;
        answer.extend_from_slice(&buffer[..n]);
        if let Some(advice) = agent::parse(&answer, n == 0) {
            stream.reset_on_close();
            return Ok(advice);
        }
    }
}

/// Does what the agent asks for.
fn follow(
    context: &Context,
    place: &Place,
    advice: &Advice,
    took_ms: u64,
    last: &mut Option<CheckResult>,
) {
    let (shared, backend, server) = (&context.shared, &place.backend, &place.server);
    if let Some(wish) = advice.wish {
        let reasons = transition::wished(server.state.admin(), wish);
        transition::administer(shared, backend, server, reasons);
    }
    if let Some(percent) = advice.weight_percent {
        let weight = transition::share_of_weight(server, percent);
        transition::weigh(shared, backend, server, weight);
    }
    let Some((up, word)) = &advice.up else { return };
    let mut result = agent::result(*up, word);
    let is_new = last.as_ref() != Some(&result);
    *last = Some(result.clone());
    result.duration_ms = took_ms;
    let logs = backend.model.log_health_checks;
    if is_new && logs {
        let subject = transition::subject(backend, server);
        let line = health::text::agent_line(&subject, &result, *up);
        shared.events.state(&backend.model.log, log::LEVEL_NOTICE, &line);
    }
    let why = Why::Check(Some(&result).filter(|_| !logs));
    said(shared, backend, server, *up, why);
}

/// Takes in what an operator says in place of the agent.
pub fn says(shared: &Shared, backend: &LiveBackend, server: &LiveServer, up: bool) {
    said(shared, backend, server, up, Why::Command);
}

fn said(shared: &Shared, backend: &LiveBackend, server: &LiveServer, up: bool, why: Why<'_>) {
    server.check.agent_says_down.store(!up, Relaxed);
    let checks_agree = server.model.check.is_none() || server.check.is_up();
    let to = match up {
        false => Operational::Down,
        true if server.state.operational() == Operational::Down && checks_agree => {
            Operational::Running
        }
        true => return,
    };
    transition::set(shared, backend, server, to, why);
}

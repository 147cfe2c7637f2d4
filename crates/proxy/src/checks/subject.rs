//! What formats of a check may ask: its server, its answer, `check` and `proc` variables.

use std::cell::RefCell;

use expr::{Body, Expr, Fetch, Named, Payload, Process, Scope, Side, StatusLine, Subject};
use expr::{Value, Variable, Variables};
use health::{Environment, View};
use model::{CheckStep, LogFormat};
use tokio::time::Instant;

use super::Place;
use crate::engine::Shared;

/// The environment of one check.
pub(super) struct Answers<'a> {
    shared: &'a Shared,
    place: &'a Place,
    variables: RefCell<Variables>,
}

impl<'a> Answers<'a> {
    pub(super) fn new(shared: &'a Shared, place: &'a Place) -> Self {
        Self { shared, place, variables: RefCell::default() }
    }
}

impl Environment for Answers<'_> {
    fn render(&self, format: &LogFormat, view: &View<'_>) -> Vec<u8> {
        if let Some(text) = format.constant() {
            return text.to_vec();
        }
        let mut out = Vec::new();
        format.render(&Facts { answers: self, view }, &mut out);
        out
    }

    fn number(&self, expression: &Expr, view: &View<'_>) -> Option<i64> {
        let facts = Facts { answers: self, view };
        expression.eval(&facts).found().and_then(expr::Sample::into_integer)
    }

    fn set_variable(&self, step: &CheckStep, view: &View<'_>) {
        let facts = Facts { answers: self, view };
        match step {
            CheckStep::SetVar(variable, expression) => {
                let value = evaluate(expression, &facts);
                facts.set_variable(variable, value);
            }
            CheckStep::SetVarFmt(variable, format) => {
                let text = self.render(format, view);
                facts.set_variable(variable, Some(Value::Str(text.into())));
            }
            CheckStep::UnsetVar(variable) => {
                facts.set_variable(variable, None);
            }
            _ => {}
        }
    }

    fn server_state(&self) -> Option<String> {
        let backend = &self.place.backend;
        if !backend.model.check_send_state {
            return None;
        }
        let server = &self.place.server;
        let state = &server.state;
        let (done, needed) = {
            let status = state.status();
            (status.check.streak, status.check.needed)
        };
        let word = match state.operational() {
            model::Operational::Down => "DOWN",
            model::Operational::Stopping => "NOLB",
            _ => "UP",
        };
        let progress =
            if done == 0 || done >= needed { String::new() } else { format!(" {done}/{needed}") };
        let total: u32 = backend.servers.iter().map(|s| u32::from(s.state.weight())).sum();
        let (address, port) = match server.model.host.connect_address(server.model.port, 0) {
            Some(model::Address::Inet(a)) => (a.ip().to_string(), a.port()),
            other => (other.map(|a| a.to_string()).unwrap_or_default(), 0),
        };
        Some(format!(
            "{word}{progress}; address={address}; port={port}; name={}/{}; node={}; \
             weight={}/{total}; scur={}/{}; qcur={}",
            backend.model.name,
            server.model.name,
            self.shared.process.node,
            state.weight(),
            state.served(),
            backend.fleet.shared().served(),
            state.queued(),
        ))
    }
}

fn evaluate(expression: &Expr, facts: &Facts<'_>) -> Option<Value> {
    expression.eval(facts).found().map(expr::Sample::into_value)
}

/// The answers as an expression asks for them.
struct Facts<'a> {
    answers: &'a Answers<'a>,
    view: &'a View<'a>,
}

impl Subject for Facts<'_> {
    fn now_us(&self) -> i64 {
        self.answers.shared.wall_us(Instant::now())
    }
    fn random(&self) -> u64 {
        let now = Instant::now().saturating_duration_since(self.answers.shared.started);
        (now.as_nanos() as u64 ^ self.answers.shared.seed).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
    fn process(&self) -> &Process {
        &self.answers.shared.process
    }
    fn backend(&self) -> Option<Named<'_>> {
        let backend = &self.answers.place.backend.model;
        Some(Named { name: &backend.name, id: backend.id })
    }
    fn server(&self) -> Option<Named<'_>> {
        let server = &self.answers.place.server.model;
        Some(Named { name: &server.name, id: server.id })
    }
    fn response(&self) -> Fetch<StatusLine<'_>> {
        match self.view.head {
            None => Fetch::Missing,
            Some(head) => {
                let version = head.version();
                let version = if version == wire::http::Version::Http10 { (1, 0) } else { (1, 1) };
                Fetch::Is(StatusLine { status: head.status(), reason: head.reason(), version })
            }
        }
    }
    fn header(&self, side: Side, nth: usize) -> Option<(&[u8], &[u8])> {
        self.view.head.filter(|_| side == Side::Response)?.iter().nth(nth)
    }
    fn body(&self, side: Side) -> Fetch<Body<'_>> {
        if side == Side::Request || self.view.head.is_none() {
            return Fetch::Missing;
        }
        Fetch::Is(Body { bytes: self.view.body, length: None, complete: true })
    }
    fn payload(&self, side: Side) -> Fetch<Payload<'_>> {
        match side {
            Side::Request => Fetch::Missing,
            Side::Response => Fetch::Is(Payload { bytes: self.view.body, complete: true }),
        }
    }
    fn variable(&self, variable: &Variable) -> Option<Value> {
        match variable.scope {
            Scope::Proc => self.answers.shared.variable(variable),
            _ => self.answers.variables.borrow().value(&variable.name).cloned(),
        }
    }
    fn set_variable(&self, variable: &Variable, value: Option<Value>) -> bool {
        if variable.scope == Scope::Proc {
            return self.answers.shared.set_variable(variable, value);
        }
        self.answers.variables.borrow_mut().set(&variable.name, value);
        true
    }
}

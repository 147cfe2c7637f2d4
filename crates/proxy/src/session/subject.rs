//! What expressions may ask of an HTTP exchange.

use std::net::SocketAddr;

use expr::{
    Body, Count, End, Fetch, LogFacts, Named, Payload, Process, RequestLine, Side, StatusLine,
    Subject, Value, Variable, auth::Userlist,
};
use wire::http::{Known, Version};

use super::exchange::{Captures, Exchange};
use crate::subject;

/// Keeps what logs want of the request as it came: line, captures, cookie.
pub fn remember_request(ex: &mut Exchange) {
    let model = &ex.frontend.model;
    if !model.log.targets.is_empty() {
        let memory = &mut *ex.memory;
        let (line, head) = (&mut memory.request_line, &memory.request);
        line.clear();
        line.extend_from_slice(head.method_bytes());
        line.push(b' ');
        line.extend_from_slice(head.target());
        line.push(b' ');
        line.extend_from_slice(head.version().as_bytes());
    }
    if !model.request_captures.is_empty() {
        capture(&model.request_captures, &ex.memory.request, &ex.request_captures);
    }
    if let Some((name, len)) = &model.capture_cookie {
        let cookie = ex.memory.request.all(Known::Cookie).find_map(|v| pair(v, b';', name));
        ex.captured_cookies[0] = cookie.map(|c| c[..c.len().min(*len)].into());
    }
}

/// The same of the response.
pub fn remember_response(ex: &mut Exchange) {
    let model = &ex.frontend.model;
    if !model.response_captures.is_empty() {
        capture(&model.response_captures, &ex.memory.response, &ex.response_captures);
    }
    if let Some((name, len)) = &model.capture_cookie {
        let cookie = ex.memory.response.all(Known::SetCookie).find_map(|v| pair(v, b';', name));
        ex.captured_cookies[1] = cookie.map(|c| c[..c.len().min(*len)].into());
    }
}

fn capture(slots: &[model::Capture], head: &wire::h1::Head, into: &Captures) {
    for (slot, place) in slots.iter().zip(into) {
        let Some(name) = &slot.header else { continue };
        if let Some(value) = head.values(name).next_back() {
            let _ = place.set(value[..value.len().min(slot.len)].into());
        }
    }
}

/// The first `name=value` of a list whose text begins with `name`.
fn pair<'a>(list: &'a [u8], separator: u8, name: &str) -> Option<&'a [u8]> {
    list.split(|b| *b == separator)
        .map(<[u8]>::trim_ascii)
        .find(|item| item.starts_with(name.as_bytes()))
}

/// The unique id, made on first use from `unique-id-format`.
pub fn unique_id(ex: &Exchange) -> Option<&[u8]> {
    let format = ex.frontend.model.unique_id_format.as_ref()?;
    if ex.unique_id.get().is_none() {
        let mut id = Vec::new();
        format.render(ex, &mut id);
        let _ = ex.unique_id.set(id);
    }
    ex.unique_id.get().map(Vec::as_slice)
}

const fn number(version: Version) -> (u8, u8) {
    match version {
        Version::Http10 => (1, 0),
        Version::Http11 => (1, 1),
    }
}

impl Exchange {
    fn scope(&self, variable: &Variable) -> Option<&std::cell::RefCell<expr::Variables>> {
        Some(match variable.scope {
            expr::Scope::Sess => &self.facts.variables,
            expr::Scope::Txn => &self.txn,
            expr::Scope::Req => &self.req,
            expr::Scope::Res => &self.res,
            expr::Scope::Proc | expr::Scope::Check => return None,
        })
    }

    fn capture_slots(&self, side: Side) -> &Captures {
        match side {
            Side::Request => &self.request_captures,
            Side::Response => &self.response_captures,
        }
    }

    /// `set-var`: stores what an expression gives; nothing where it gives nothing.
    pub fn store(&self, variable: &Variable, expression: &expr::Expr) {
        let value = expression.eval(self).found().map(expr::Sample::into_value);
        if value.is_some() {
            self.set_variable(variable, value);
        }
    }

    /// `set-var-fmt`: stores the text of a format.
    pub fn store_text(&self, variable: &Variable, format: &expr::LogFormat) {
        let mut text = Vec::new();
        format.render(self, &mut text);
        self.set_variable(variable, Some(expr::Sample::text(text).into_value()));
    }

    /// `capture`: fills a slot with the first `len` bytes of a sample.
    pub fn capture_sample(&self, side: Side, sample: &expr::Expr, slot: usize, len: usize) {
        if let Some(value) = sample.eval(self).found() {
            let bytes = value.into_bytes();
            self.set_capture(side, slot, &bytes[..bytes.len().min(len)]);
        }
    }
}

impl Subject for Exchange {
    fn now_us(&self) -> i64 {
        self.worker.shared.wall_us(tokio::time::Instant::now())
    }
    fn random(&self) -> u64 {
        self.worker.random()
    }
    fn process(&self) -> &Process {
        &self.worker.shared.process
    }
    fn address(&self, end: End) -> Option<SocketAddr> {
        match end {
            End::BackSrc => self.back_src.as_deref().copied(),
            _ => subject::address(&self.facts, self.server.as_deref(), end),
        }
    }
    fn is_local(&self, ip: std::net::IpAddr) -> bool {
        subject::is_local(ip)
    }
    fn frontend(&self) -> Option<Named<'_>> {
        Some(Named { name: &self.frontend.model.name, id: self.frontend.model.id })
    }
    fn listener(&self) -> Option<Named<'_>> {
        subject::listener(&self.frontend, self.bind)
    }
    fn backend(&self) -> Option<Named<'_>> {
        let backend = self.backend.as_ref()?;
        Some(Named { name: &backend.model.name, id: backend.model.id })
    }
    fn default_backend(&self) -> Option<&str> {
        self.frontend.model.default_backend.as_deref()
    }
    fn server(&self) -> Option<Named<'_>> {
        let server = self.server.as_ref()?;
        Some(Named { name: &server.model.name, id: server.model.id })
    }
    fn service(&self) -> Option<&str> {
        self.service
    }
    fn count(&self, count: Count<'_>) -> Option<i64> {
        let context = subject::Context {
            worker: &self.worker,
            live: &self.view.live,
            frontend: &self.frontend,
            backend: self.backend.as_deref().map(AsRef::as_ref),
        };
        subject::count(&context, count)
    }
    fn is_stopping(&self) -> bool {
        self.worker.shared.stopping.load(std::sync::atomic::Ordering::Acquire)
    }
    fn request(&self) -> Fetch<RequestLine<'_>> {
        if !self.has_request {
            return Fetch::Missing;
        }
        let head = &self.memory.request;
        Fetch::Is(RequestLine {
            method: head.method_bytes(),
            target: head.target(),
            version: number(head.version()),
        })
    }
    fn response(&self) -> Fetch<StatusLine<'_>> {
        if !self.has_response {
            return Fetch::Missing;
        }
        let head = &self.memory.response;
        Fetch::Is(StatusLine {
            status: head.status(),
            reason: head.reason(),
            version: number(head.version()),
        })
    }
    fn header(&self, side: Side, nth: usize) -> Option<(&[u8], &[u8])> {
        let head = match side {
            Side::Request => &self.memory.request,
            Side::Response => &self.memory.response,
        };
        let field = head.fields().get(nth)?;
        Some((head.bytes(field.name), head.bytes(field.value)))
    }
    fn body(&self, side: Side) -> Fetch<Body<'_>> {
        match (side, &self.waited_body) {
            (Side::Request, Some(bytes)) => Fetch::Is(Body {
                bytes,
                length: self
                    .memory
                    .request
                    .first(Known::ContentLength)
                    .and_then(|v| std::str::from_utf8(v).ok()?.parse().ok()),
                complete: self.body_complete,
            }),
            (Side::Request, None) if self.has_request && !self.has_body() => {
                Fetch::Is(Body { bytes: &[], length: Some(0), complete: true })
            }
            _ => Fetch::Missing,
        }
    }
    fn payload(&self, side: Side) -> Fetch<Payload<'_>> {
        let bytes = match side {
            Side::Request => &self.payload,
            Side::Response => &self.answer,
        };
        match bytes {
            Some(bytes) => Fetch::Is(Payload { bytes, complete: self.body_complete }),
            None => Fetch::Missing,
        }
    }
    fn is_final(&self) -> bool {
        (self.payload.is_none() && self.answer.is_none()) || self.body_complete
    }
    fn is_first_request(&self) -> bool {
        self.number == 0
    }
    fn http_major(&self, _side: Side) -> Option<u8> {
        Some(1)
    }
    fn captured_request(&self) -> Option<&[u8]> {
        let line = &self.memory.request_line;
        (!line.is_empty()).then_some(line)
    }
    fn connection_error(&self, side: Side) -> u32 {
        if side == Side::Request { self.connection_error.into() } else { 0 }
    }
    fn received_proxy(&self) -> bool {
        self.facts.received_proxy.get()
    }
    fn variable(&self, variable: &Variable) -> Option<Value> {
        match self.scope(variable) {
            Some(scope) => scope.borrow().value(&variable.name).cloned(),
            None => self.worker.shared.variable(variable),
        }
    }
    fn set_variable(&self, variable: &Variable, value: Option<Value>) -> bool {
        match self.scope(variable) {
            Some(scope) => {
                scope.borrow_mut().set(&variable.name, value);
                true
            }
            None => self.worker.shared.set_variable(variable, value),
        }
    }
    fn captures(&self, side: Side) -> usize {
        self.capture_slots(side).len()
    }
    fn capture(&self, side: Side, index: usize) -> Option<&[u8]> {
        self.capture_slots(side).get(index)?.get().map(|v| &**v)
    }
    fn set_capture(&self, side: Side, index: usize, value: &[u8]) -> bool {
        let declared = match side {
            Side::Request => &self.frontend.model.request_captures,
            Side::Response => &self.frontend.model.response_captures,
        };
        let (Some(slot), Some(place)) = (declared.get(index), self.capture_slots(side).get(index))
        else {
            return false;
        };
        place.set(value[..value.len().min(slot.len)].into()).is_ok()
    }
    fn captured_cookie(&self, side: Side) -> Option<&[u8]> {
        self.captured_cookies[side as usize].as_deref()
    }
    fn unique_id(&self) -> Option<&[u8]> {
        unique_id(self)
    }
    fn userlist(&self, name: &str) -> Option<&Userlist> {
        subject::userlist(&self.view.live.config, name)
    }
    fn log(&self) -> Option<&LogFacts> {
        self.log.as_deref()
    }
}

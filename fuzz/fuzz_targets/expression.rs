//! Any text as expression, format and condition, run on any bytes as a message, without a panic.
#![no_main]

use std::net::IpAddr;
use std::sync::Arc;

use expr::{
    Acls, Body, Condition, End, Expr, Fetch, LogFormat, ParseContext, Payload, Place, Process,
    RequestLine, Side, Sources, Subject,
};
use libfuzzer_sys::fuzz_target;

/// Every file that is named is there, every name has an address.
struct Same;

impl Sources for Same {
    fn file(&self, _name: &str) -> Result<Arc<[u8]>, String> {
        Ok(Arc::from(&b"/a b\n10.0.0.0/8 c\n1:5 7\n"[..]))
    }
    fn env(&self, name: &str) -> Option<String> {
        Some(name.to_owned())
    }
    fn resolve(&self, _host: &str) -> Option<IpAddr> {
        Some([192, 0, 2, 1].into())
    }
}

/// The bytes after the texts: every line is target, header and body at once.
struct Message<'b> {
    bytes: &'b [u8],
    process: Process,
}

impl Subject for Message<'_> {
    fn now_us(&self) -> i64 {
        1_700_000_000_000_000
    }
    fn random(&self) -> u64 {
        self.bytes.len() as u64
    }
    fn process(&self) -> &Process {
        &self.process
    }
    fn is_final(&self) -> bool {
        self.bytes.len() % 2 == 0
    }
    fn address(&self, _end: End) -> Option<std::net::SocketAddr> {
        Some(([192, 0, 2, 1], 80).into())
    }
    fn request(&self) -> Fetch<RequestLine<'_>> {
        let target = self.bytes.split(|b| *b == b'\n').next().unwrap_or_default();
        Fetch::Is(RequestLine { method: b"GET", target, version: (1, 1) })
    }
    fn header(&self, _side: Side, nth: usize) -> Option<(&[u8], &[u8])> {
        let names: [&[u8]; 4] = [b"host", b"cookie", b"authorization", b"x"];
        let line = self.bytes.split(|b| *b == b'\n').nth(nth)?;
        Some((names.get(nth % names.len())?, line))
    }
    fn body(&self, _side: Side) -> Fetch<Body<'_>> {
        Fetch::Is(Body { bytes: self.bytes, length: None, complete: false })
    }
    fn payload(&self, _side: Side) -> Fetch<Payload<'_>> {
        Fetch::Is(Payload { bytes: self.bytes, complete: false })
    }
    fn captures(&self, _side: Side) -> usize {
        2
    }
    fn capture(&self, _side: Side, index: usize) -> Option<&[u8]> {
        self.bytes.split(|b| *b == b'\n').nth(index)
    }
}

fuzz_target!(|input: (&str, &str, &str, &[u8])| {
    let (expression, format, condition, bytes) = input;
    let process = Process {
        hostname: "h".into(),
        node: "h".into(),
        pid: 1,
        utc_offset_s: -3_600,
        started_us: 0,
    };
    let message = Message { bytes, process };
    let acls = Acls::new();
    let context = ParseContext::new(Place::ANYWHERE, &acls, &Same);
    if let Ok(expression) = Expr::parse(expression, &context) {
        let _ = expression.eval(&message);
    }
    for place in [Place::ANYWHERE, Place::LOG] {
        if let Ok(format) = LogFormat::parse(format, &context.at(place)) {
            format.render(&message, &mut Vec::new());
        }
    }
    let words: Vec<&str> = condition.split(' ').collect();
    if let Ok(condition) = Condition::parse(&words, &context) {
        let _ = condition.eval(&message);
    }
});

//! A subject made of one request as text, with everything else settable.
use std::cell::{OnceCell, RefCell};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use evenkeel_expr::auth::{Password, User, Userlist};
use evenkeel_expr::{
    Body, Count, End, Fetch, LogFacts, Named, Payload, Process, RequestLine, Side, Sources,
    StatusLine, Subject, Value, Variable, Variables,
};

/// Names and values.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

#[derive(Debug)]
pub struct Session {
    pub method: Vec<u8>,
    pub target: Vec<u8>,
    pub version: (u8, u8),
    pub headers: Fields,
    pub response: Option<(u16, Fields)>,
    pub src: Option<SocketAddr>,
    pub dst: Option<SocketAddr>,
    pub payload: Option<(Vec<u8>, bool)>,
    pub is_final: bool,
    pub is_http: bool,
    pub log: LogFacts,
    pub users: Userlist,
    process: Process,
    variables: RefCell<BTreeMap<&'static str, Variables>>,
    capture: Option<Vec<u8>>,
    filled: OnceCell<Vec<u8>>,
}

impl Session {
    /// From the lines of a request head.
    pub fn request(lines: &[&str]) -> Self {
        let mut first = lines.first().copied().unwrap_or("GET / HTTP/1.1").split(' ');
        let mut next = || first.next().unwrap_or_default().as_bytes().to_vec();
        let (method, target) = (next(), next());
        let version = if next() == b"HTTP/1.0" { (1, 0) } else { (1, 1) };
        let headers: Fields = lines
            .iter()
            .skip(1)
            .map(|line| {
                let (name, value) = line.split_once(':').expect("a header has a colon");
                (name.as_bytes().to_vec(), value.trim().as_bytes().to_vec())
            })
            .collect();
        let capture = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(b"x-cap"));
        let capture = capture.map(|(_, value)| value.clone());
        let user = |password, group: &str| User { password, groups: vec![group.to_owned()] };
        let bob = user(Password::Plain("pw".to_owned()), "g1");
        // The password is "pw" too.
        let crypt = "$1$abcdefgh$IQtUouv7y7Q9dRWkQEPCc.";
        let amy = user(Password::Crypt(crypt.to_owned()), "g2");
        Self {
            method,
            target,
            version,
            headers,
            response: None,
            src: None,
            dst: None,
            payload: None,
            is_final: true,
            is_http: true,
            log: LogFacts::default(),
            users: Userlist { users: [("bob".to_owned(), bob), ("amy".to_owned(), amy)].into() },
            process: Process {
                hostname: "box".into(),
                node: "box".into(),
                pid: 4133,
                utc_offset_s: 0,
                started_us: 0,
            },
            variables: RefCell::default(),
            capture,
            filled: OnceCell::new(),
        }
    }

    fn scope(variable: &Variable) -> &'static str {
        evenkeel_expr::SCOPES
            .iter()
            .find(|(_, scope)| *scope == variable.scope)
            .map_or("", |(name, _)| name)
    }
}

impl Subject for Session {
    fn now_us(&self) -> i64 {
        1_700_000_000_123_456
    }
    fn random(&self) -> u64 {
        0x0123_4567_89ab_cdef
    }
    fn process(&self) -> &Process {
        &self.process
    }
    fn is_final(&self) -> bool {
        self.is_final
    }
    fn address(&self, end: End) -> Option<SocketAddr> {
        match end {
            End::Src | End::FrontSrc => self.src,
            End::Dst | End::FrontDst => self.dst,
            End::BackSrc | End::BackDst => None,
        }
    }
    fn frontend(&self) -> Option<Named<'_>> {
        Some(Named { name: "fe", id: 2 })
    }
    fn listener(&self) -> Option<Named<'_>> {
        Some(Named { name: "", id: 1 })
    }
    fn count(&self, count: Count<'_>) -> Option<i64> {
        match count {
            Count::FeConn(None | Some("fe")) => Some(1),
            Count::NbSrv(Some("be")) => Some(2),
            _ => None,
        }
    }
    fn request(&self) -> Fetch<RequestLine<'_>> {
        if !self.is_http {
            return Fetch::NotYet;
        }
        let (method, target) = (&self.method[..], &self.target[..]);
        Fetch::Is(RequestLine { method, target, version: self.version })
    }
    fn response(&self) -> Fetch<StatusLine<'_>> {
        let status = self.response.as_ref().map(|(status, _)| *status);
        status.map(|status| StatusLine { status, reason: b"OK", version: (1, 1) }).into()
    }
    fn header(&self, side: Side, nth: usize) -> Option<(&[u8], &[u8])> {
        let list = match side {
            Side::Request => &self.headers,
            Side::Response => &self.response.as_ref()?.1,
        };
        list.get(nth).map(|(name, value)| (&name[..], &value[..]))
    }
    fn body(&self, _: Side) -> Fetch<Body<'_>> {
        Fetch::Is(Body { bytes: b"", length: Some(0), complete: true })
    }
    fn payload(&self, _: Side) -> Fetch<Payload<'_>> {
        match &self.payload {
            Some((bytes, complete)) => Fetch::Is(Payload { bytes, complete: *complete }),
            None => Fetch::Missing,
        }
    }
    fn variable(&self, variable: &Variable) -> Option<Value> {
        self.variables.borrow().get(Self::scope(variable))?.value(&variable.name).cloned()
    }
    fn set_variable(&self, variable: &Variable, value: Option<Value>) -> bool {
        let mut scopes = self.variables.borrow_mut();
        scopes.entry(Self::scope(variable)).or_default().set(&variable.name, value);
        true
    }
    fn captures(&self, side: Side) -> usize {
        usize::from(side == Side::Request)
    }
    fn capture(&self, side: Side, index: usize) -> Option<&[u8]> {
        let capture = self.filled.get().map(Vec::as_slice).or(self.capture.as_deref());
        capture.filter(|_| side == Side::Request && index == 0)
    }
    fn set_capture(&self, side: Side, index: usize, value: &[u8]) -> bool {
        side == Side::Request && index == 0 && self.filled.set(value.to_vec()).is_ok()
    }
    fn userlist(&self, name: &str) -> Option<&Userlist> {
        (name == "ul").then_some(&self.users)
    }
    fn log(&self) -> Option<&LogFacts> {
        Some(&self.log)
    }
}

/// Files by name, and one variable of the environment.
#[derive(Default)]
pub struct Files(pub BTreeMap<&'static str, &'static str>);

impl Sources for Files {
    fn file(&self, name: &str) -> Result<Arc<[u8]>, String> {
        let content = self.0.get(name).ok_or("no such file")?;
        Ok(content.as_bytes().into())
    }
    fn env(&self, name: &str) -> Option<String> {
        (name == "EX_VAR").then(|| "envvalue".to_owned())
    }
    fn resolve(&self, host: &str) -> Option<std::net::IpAddr> {
        (host == "localhost").then(|| [127, 0, 0, 1].into())
    }
}

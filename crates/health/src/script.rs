//! One run of a check script as steps: what to do next, and what came of it.

use std::net::SocketAddr;
use std::sync::Arc;

use model::{CheckKind, CheckStep, Expect, Expr, HttpSend, LogFormat, Match, Protocol};
use wire::h1::Head;
use wire::http::Method;

use crate::protocol;
use crate::response::Response;
use crate::status::{CheckResult, CheckStatus};

/// Most bytes of an answer that are looked at, HAProxy's buffer size.
pub const MAX_INPUT: usize = 16_384;

/// Most bytes of an answer that are quoted in a log.
const MAX_QUOTE: usize = 120;

/// What the caller has to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    /// Open a connection (and close the one before), then call [`CheckRun::advance`], or
    /// [`CheckRun::connect_failed`].
    Connect(ConnectStep),
    /// Write these bytes, then call [`CheckRun::advance`].
    Write(Vec<u8>),
    /// Read, hand the bytes to [`CheckRun::received`], then call [`CheckRun::advance`].
    Read,
    /// Close.
    Done(CheckResult),
}

/// Where to connect, as far as the script says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectStep {
    /// Other port than the server's check port.
    pub port: Option<u16>,
    /// Other address.
    pub address: Option<SocketAddr>,
    /// Send a PROXY header first, in addition to the server's own wish.
    pub send_proxy: bool,
    /// Close with FIN rather than RST.
    pub linger: bool,
}

/// What has arrived, for formats that refer to it.
#[derive(Debug)]
pub struct View<'a> {
    /// The head of the answer.
    pub head: Option<&'a Head>,
    /// The body, or the raw input of a tcp-check.
    pub body: &'a [u8],
}

/// What a script needs to know from outside.
pub trait Environment {
    /// Renders a format.
    fn render(&self, format: &LogFormat, view: &View<'_>) -> Vec<u8>;
    /// The value of an expression as a number, where it has one.
    fn number(&self, expression: &Expr, view: &View<'_>) -> Option<i64>;
    /// Runs a `set-var`, `set-var-fmt` or `unset-var` step.
    fn set_variable(&self, step: &CheckStep, view: &View<'_>);
    /// Value of `X-Haproxy-Server-State` for `http-check send-state`.
    fn server_state(&self) -> Option<String>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flavour {
    Connect,
    Http,
    Tcp,
}

/// One check under way.
#[derive(Debug)]
pub struct CheckRun {
    steps: Arc<[CheckStep]>,
    flavour: Flavour,
    disable_on_404: bool,
    at: usize,
    connected: bool,
    waiting_for_connect: bool,
    input: Vec<u8>,
    ended: bool,
    method: Method,
    response: Response,
    protocol: Option<Protocol>,
    /// Messages of the protocol that were sent, and what an answer said.
    stage: usize,
    told: String,
}

enum Verdict {
    Wait,
    Pass,
    Fail(CheckResult),
}

impl CheckRun {
    /// Starts a run.
    #[must_use]
    pub fn new(kind: &CheckKind, disable_on_404: bool) -> Self {
        let (steps, flavour): (Arc<[CheckStep]>, _) = match kind {
            CheckKind::Connect | CheckKind::Protocol(_) => (Arc::from([]), Flavour::Connect),
            CheckKind::Script(steps) => {
                let http = steps.iter().any(|s| matches!(s, CheckStep::HttpSend(_)));
                (Arc::clone(steps), if http { Flavour::Http } else { Flavour::Tcp })
            }
        };
        let protocol = match kind {
            CheckKind::Protocol(protocol) => Some(protocol.clone()),
            _ => None,
        };
        Self {
            steps,
            flavour,
            disable_on_404,
            at: 0,
            connected: false,
            waiting_for_connect: false,
            input: Vec::new(),
            ended: false,
            method: Method::Options,
            response: Response::default(),
            protocol,
            stage: 0,
            told: String::new(),
        }
    }

    /// Whether it sends requests.
    #[must_use]
    pub fn speaks_http(&self) -> bool {
        self.flavour == Flavour::Http
    }

    fn view(&self) -> View<'_> {
        if self.flavour == Flavour::Http {
            let head = self.response.has_head.then_some(&self.response.head);
            View { head, body: &self.response.body }
        } else {
            View { head: None, body: &self.input }
        }
    }

    /// Says what to do next.
    pub fn advance(&mut self, env: &dyn Environment) -> Action {
        let steps = Arc::clone(&self.steps);
        self.waiting_for_connect = false;
        loop {
            match steps.get(self.at) {
                Some(CheckStep::Connect { port, addr, send_proxy, linger }) => {
                    self.at += 1;
                    return self.connect(ConnectStep {
                        port: *port,
                        address: *addr,
                        send_proxy: *send_proxy,
                        linger: *linger,
                    });
                }
                Some(
                    step @ (CheckStep::SetVar(..)
                    | CheckStep::SetVarFmt(..)
                    | CheckStep::UnsetVar(..)),
                ) => {
                    env.set_variable(step, &self.view());
                    self.at += 1;
                }
                _ if !self.connected => return self.connect(ConnectStep::default()),
                None if self.protocol.is_some() => return self.speak(),
                Some(CheckStep::HttpSend(send)) => {
                    self.at += 1;
                    self.forget_answer();
                    self.method = Method::from_bytes(send.method.as_bytes());
                    let mut same = steps[self.at..]
                        .iter()
                        .take_while(|step| !matches!(step, CheckStep::Connect { .. }));
                    let last = !same.any(|step| matches!(step, CheckStep::HttpSend(_)));
                    return Action::Write(self.request(send, last, env));
                }
                Some(CheckStep::Send(format)) => {
                    self.at += 1;
                    self.forget_answer();
                    return Action::Write(env.render(format, &self.view()));
                }
                Some(CheckStep::Expect(expect)) => match self.judge(expect, env) {
                    Verdict::Wait => return Action::Read,
                    Verdict::Pass => self.at += 1,
                    Verdict::Fail(result) => return Action::Done(result),
                },
                None => return Action::Done(self.success(env)),
            }
        }
    }

    /// The next turn of a protocol of its own.
    fn speak(&mut self) -> Action {
        let Some(protocol) = &self.protocol else { return Action::Read };
        match protocol::next(protocol, self.stage, &self.input, self.ended, &mut self.told) {
            protocol::Next::Wait => Action::Read,
            protocol::Next::Send(bytes) => {
                self.stage += 1;
                self.forget_answer();
                Action::Write(bytes)
            }
            protocol::Next::Done(result) => Action::Done(result),
        }
    }

    fn connect(&mut self, step: ConnectStep) -> Action {
        self.connected = true;
        self.waiting_for_connect = true;
        self.forget_answer();
        Action::Connect(step)
    }

    fn forget_answer(&mut self) {
        self.input.clear();
        self.ended = false;
        self.response = Response::default();
    }

    fn request(&self, send: &HttpSend, is_last: bool, env: &dyn Environment) -> Vec<u8> {
        let view = self.view();
        let body = send.body.as_ref().map(|b| env.render(b, &view));
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(send.method.as_bytes());
        out.push(b' ');
        out.extend_from_slice(&env.render(&send.uri, &view));
        out.push(b' ');
        out.extend_from_slice(send.version.as_bytes());
        out.extend_from_slice(b"\r\n");
        let mut field = |name: &[u8], value: &[u8]| {
            out.extend(name.iter().map(u8::to_ascii_lowercase));
            out.extend_from_slice(b": ");
            out.extend_from_slice(value);
            out.extend_from_slice(b"\r\n");
        };
        for (name, value) in &send.headers {
            field(name.as_bytes(), &env.render(value, &view));
        }
        if let Some(state) = env.server_state() {
            field(b"x-haproxy-server-state", state.as_bytes());
        }
        if let Some(body) = &body {
            field(b"content-length", body.len().to_string().as_bytes());
        }
        if is_last && &*send.version != "HTTP/1.0" {
            field(b"connection", b"close");
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(body.as_deref().unwrap_or_default());
        out
    }

    /// Takes in what was read; an empty slice is the end of the stream.
    pub fn received(&mut self, bytes: &[u8]) {
        let room = MAX_INPUT - self.input.len().min(MAX_INPUT);
        self.input.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.ended |= bytes.is_empty() || self.input.len() >= MAX_INPUT;
    }

    /// The connection could not be opened; `why` is the system's text.
    #[must_use]
    pub fn connect_failed(&self, why: &str) -> CheckResult {
        CheckResult::with(CheckStatus::L4Con, None, self.place(why))
    }

    /// Reading or writing failed.
    #[must_use]
    pub fn broken(&self) -> CheckResult {
        CheckResult::new(CheckStatus::SockErr)
    }

    /// The time for this step is over.
    #[must_use]
    pub fn timed_out(&self) -> CheckResult {
        if self.waiting_for_connect {
            return CheckResult::with(CheckStatus::L4Tout, None, self.place(""));
        }
        if self.protocol == Some(Protocol::SslHello) {
            return CheckResult::new(CheckStatus::L6Tout);
        }
        let own = match self.steps.get(self.at) {
            Some(CheckStep::Expect(e)) => e.tout_status.as_deref().and_then(CheckStatus::from_word),
            _ => None,
        };
        CheckResult::with(own.unwrap_or(CheckStatus::L7Tout), None, self.place(""))
    }

    /// For tcp-checks: `text` and the step it happened at.
    fn place(&self, text: &str) -> String {
        if self.flavour != Flavour::Tcp {
            return text.to_owned();
        }
        if self.waiting_for_connect {
            return format!("{text} at step {} of tcp-check (connect)", self.at.max(1));
        }
        match self.steps.get(self.at) {
            Some(CheckStep::Expect(e)) => {
                let comment =
                    e.comment.as_ref().map(|c| format!(" comment: '{c}'")).unwrap_or_default();
                let what = describe(&e.matcher);
                format!("{text} at step {} of tcp-check (expect {what}){comment}", self.at + 1)
            }
            _ => text.to_owned(),
        }
    }

    fn success(&self, env: &dyn Environment) -> CheckResult {
        let last = self.steps.iter().rev().find_map(|s| match s {
            CheckStep::Expect(e) => Some(e),
            _ => None,
        });
        let told = last.and_then(|e| e.on_success.as_ref()).map(|f| env.render(f, &self.view()));
        let told = told.map(|t| quote(&t));
        let mut result = match self.flavour {
            Flavour::Connect => CheckResult::new(CheckStatus::L4Ok),
            Flavour::Http => {
                let code = Some(self.response.head.status()).filter(|_| self.response.has_head);
                CheckResult::with(CheckStatus::L7Ok, code, told.unwrap_or_default())
            }
            Flavour::Tcp if last.is_none() => CheckResult::new(CheckStatus::L4Ok),
            Flavour::Tcp => CheckResult::with(
                CheckStatus::L7Ok,
                Some(0),
                told.unwrap_or_else(|| "(tcp-check)".to_owned()),
            ),
        };
        if let Some(own) =
            last.and_then(|e| e.ok_status.as_deref()).and_then(CheckStatus::from_word)
        {
            result.status = own;
        }
        result.code = result.code.map(|code| self.code(last, code, env));
        result
    }

    /// `status-code`, cut to its low 16 bits, or the code of the answer where it has no value.
    fn code(&self, expect: Option<&Expect>, own: u16, env: &dyn Environment) -> u16 {
        let told = expect.and_then(|e| e.status_code.as_ref());
        told.and_then(|e| env.number(e, &self.view())).map_or(own, |number| number as u16)
    }

    fn judge(&mut self, expect: &Expect, env: &dyn Environment) -> Verdict {
        if self.flavour == Flavour::Http {
            self.judge_http(expect, env)
        } else {
            self.judge_tcp(expect, env)
        }
    }

    fn judge_http(&mut self, expect: &Expect, env: &dyn Environment) -> Verdict {
        if self.response.follow(&self.input, self.ended, self.method).is_err() {
            return Verdict::Fail(self.broken());
        }
        if !self.response.has_head {
            return Verdict::Wait;
        }
        let head = &self.response.head;
        let status = head.status();
        if self.disable_on_404 && status == 404 {
            return Verdict::Fail(CheckResult::with(CheckStatus::L7Okc, Some(404), ""));
        }
        let by_content =
            matches!(expect.matcher, Match::String(_) | Match::RString(_) | Match::StringLf(_));
        let body = &self.response.body;
        let matched = match &expect.matcher {
            Match::Status(ranges) => ranges.iter().any(|r| (r.from..=r.to).contains(&status)),
            Match::RStatus(regex) => regex.is_match(status.to_string().as_bytes()),
            Match::String(text) | Match::Binary(text) => contains(body, text),
            Match::RString(regex) => regex.is_match(body),
            Match::StringLf(format) => contains(body, &env.render(format, &self.view())),
            Match::Header { .. } => header_matches(head, &expect.matcher),
        };
        if by_content && !self.response.is_complete && (!matched || expect.negate) {
            return Verdict::Wait;
        }
        if matched != expect.negate {
            return Verdict::Pass;
        }
        let (own, text) = if by_content {
            let text = if expect.negate {
                "HTTP check matched unwanted content"
            } else {
                "HTTP content check did not match"
            };
            (CheckStatus::L7Rsp, text.to_owned())
        } else {
            (CheckStatus::L7Sts, quote(head.reason()))
        };
        let code = (!by_content).then_some(status);
        Verdict::Fail(self.failure(expect, own, code, text, env))
    }

    fn judge_tcp(&mut self, expect: &Expect, env: &dyn Environment) -> Verdict {
        let enough = self.input.len() >= expect.min_recv.unwrap_or(0);
        if self.input.is_empty() && self.ended {
            let text = self.place("TCPCHK got an empty response");
            let result = CheckResult::with(CheckStatus::L7Rsp, None, text);
            return Verdict::Fail(result);
        }
        if !self.ended && (!enough || self.input.is_empty()) {
            return Verdict::Wait;
        }
        let matched = match &expect.matcher {
            Match::String(text) | Match::Binary(text) => contains(&self.input, text),
            Match::RString(regex) => regex.is_match(&self.input),
            Match::StringLf(format) => contains(&self.input, &env.render(format, &self.view())),
            Match::Status(_) | Match::RStatus(_) | Match::Header { .. } => false,
        };
        if matched != expect.negate {
            return Verdict::Pass;
        }
        if !matched && !self.ended && expect.min_recv.is_none() {
            return Verdict::Wait;
        }
        let text = match &expect.matcher {
            Match::RString(_) if matched => "TCPCHK matched unwanted content (regex)".to_owned(),
            Match::RString(_) => "TCPCHK did not match content (regex)".to_owned(),
            Match::String(text) => {
                let verb = if matched { "matched unwanted" } else { "did not match" };
                format!("TCPCHK {verb} content '{}'", quote(text))
            }
            _ if matched => "TCPCHK matched unwanted content".to_owned(),
            _ => "TCPCHK did not match content".to_owned(),
        };
        let place = self.place(&text);
        Verdict::Fail(self.failure(expect, CheckStatus::L7Rsp, None, place, env))
    }

    fn failure(
        &self,
        expect: &Expect,
        own: CheckStatus,
        code: Option<u16>,
        mut text: String,
        env: &dyn Environment,
    ) -> CheckResult {
        let told = expect.error_status.as_deref().and_then(CheckStatus::from_word);
        if let Some(format) = &expect.on_error {
            text = quote(&env.render(format, &self.view()));
        } else if let (Flavour::Http, Some(comment)) = (self.flavour, &expect.comment) {
            text = format!("{text} comment: {comment}");
        }
        let code = code.map(|code| self.code(Some(expect), code, env));
        CheckResult::with(told.unwrap_or(own), code, text)
    }
}

/// A matcher in the words of HAProxy's logs.
fn describe(matcher: &Match) -> String {
    match matcher {
        Match::String(text) => format!("string '{}'", quote(text)),
        Match::Binary(bytes) => {
            let hex: String = bytes.iter().map(|b| format!("{b:02X}")).collect();
            format!("binary '{hex}'")
        }
        Match::RString(_) => "regex".to_owned(),
        Match::StringLf(_) => "log-format string".to_owned(),
        Match::Status(_) => "HTTP status".to_owned(),
        Match::RStatus(_) => "HTTP status regex".to_owned(),
        Match::Header { .. } => "HTTP header pattern".to_owned(),
    }
}

/// Bytes as text that may stand in a log line.
fn quote(bytes: &[u8]) -> String {
    let visible = |b: &u8| if (b' '..127).contains(b) { char::from(*b) } else { '.' };
    bytes.iter().take(MAX_QUOTE).map(visible).collect()
}

fn contains(text: &[u8], wanted: &[u8]) -> bool {
    wanted.is_empty() || text.windows(wanted.len()).any(|w| w == wanted)
}

/// `expect hdr`: a header whose name and value match.
fn header_matches(head: &Head, matcher: &Match) -> bool {
    let Match::Header { name, name_method, name_regex, value, value_method, value_regex, full } =
        matcher
    else {
        return false;
    };
    let fits = |method: &str, text: &[u8], wanted: &[u8], fold: bool| {
        let eq = |a: &[u8], b: &[u8]| if fold { a.eq_ignore_ascii_case(b) } else { a == b };
        let (n, w) = (text.len(), wanted.len());
        match method {
            "beg" => n >= w && eq(&text[..w], wanted),
            "end" => n >= w && eq(&text[n - w..], wanted),
            "sub" => w == 0 || text.windows(w).any(|t| eq(t, wanted)),
            _ => eq(text, wanted),
        }
    };
    let named = |n: &[u8]| match name_regex {
        Some(regex) => regex.is_match(n),
        None => fits(name_method, n, name.as_bytes(), true),
    };
    head.iter().filter(|(n, _)| named(n)).any(|(_, text)| {
        let Some(value) = value else { return true };
        let fits = |t: &[u8]| match value_regex {
            Some(regex) => regex.is_match(t),
            None => fits(value_method, t, value.as_bytes(), false),
        };
        if *full { fits(text) } else { text.split(|&b| b == b',').any(|t| fits(t.trim_ascii())) }
    })
}

#[cfg(test)]
pub(crate) mod tests_support {
    //! What tests of several modules use.

    use model::ServerCheck;

    /// A check with these limits, every two seconds.
    pub(crate) fn check(rise: u32, fall: u32) -> ServerCheck {
        ServerCheck { rise, fall, ..ServerCheck::default() }
    }
}

#[cfg(test)]
mod tests;

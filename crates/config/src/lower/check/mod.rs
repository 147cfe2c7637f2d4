//! Health checks of a backend: `option httpchk`, `http-check`, `option tcp-check`, `tcp-check`
//! (manual 4.2).

mod expect;
mod http;
pub(crate) mod protocol;
mod tcp;

use std::net::SocketAddr;
use std::sync::Arc;

use expr::{LogFormat, Place};
use model::{CheckKind, CheckStep, HttpSend, Match, Name, StatusRange};

use super::address::{self, Ports, Written, WrittenHost};
use super::args::{Args, Outcome, alert};
use super::context::Lowering;
use super::draft::Draft;
use super::rules::variable;
use super::server::address_alert;
use crate::source::Span;

pub(crate) use http::{disable_on_404, http_connect, http_expect, http_send, httpchk, send_state};
pub(crate) use tcp::{
    tcp_check, tcp_connect, tcp_expect, tcp_send, tcp_send_binary, tcp_send_binary_lf, tcp_send_lf,
};

/// Most steps of one script.
const MAX_STEPS: usize = 1_024;

/// Which protocol an `option` chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    /// `option httpchk`.
    Http,
    /// `option tcp-check`.
    Tcp,
    /// A protocol with a check of its own.
    Protocol(model::Protocol),
}

/// A step while the section is read.
#[derive(Clone)]
enum Step {
    /// Complete.
    Done(CheckStep),
    /// A request that takes what it does not say from `option httpchk`.
    Send(SendDraft),
}

/// `http-check send`, or the request of `option httpchk`.
#[derive(Clone, Default)]
struct SendDraft {
    method: Option<Name>,
    uri: Option<LogFormat>,
    version: Option<Name>,
    headers: Vec<(Name, LogFormat)>,
    body: Option<LogFormat>,
}

/// Steps of one protocol.
#[derive(Clone, Default)]
struct Steps {
    list: Vec<Step>,
    /// They come from `defaults`: the first own step replaces them all.
    inherited: bool,
    /// Where the first own step stands.
    span: Option<Span>,
}

impl Steps {
    fn push(&mut self, step: Step, span: Span) -> Outcome {
        if std::mem::take(&mut self.inherited) {
            self.list.clear();
        }
        if self.list.len() >= MAX_STEPS {
            return Err(alert(span, format!("a check has at most {MAX_STEPS} steps")));
        }
        self.span.get_or_insert(span);
        self.list.push(step);
        Ok(())
    }
}

/// Health checks while a section is read.
#[derive(Clone, Default)]
pub(crate) struct CheckDraft {
    /// What the last `option` chose.
    pub script: Option<Script>,
    request: SendDraft,
    http: Steps,
    tcp: Steps,
    /// `http-check comment`, `tcp-check comment`: for the next step.
    comment: Option<Name>,
    /// `http-check disable-on-404`.
    pub disable_on_404: bool,
    /// `http-check send-state`.
    pub send_state: bool,
    /// The finished script, as long as nothing is changed.
    built: Option<CheckKind>,
}

impl CheckDraft {
    /// What an heir of this section starts with.
    pub(crate) fn inherited(&self) -> Self {
        let mut check = self.clone();
        for steps in [&mut check.http, &mut check.tcp] {
            steps.inherited = true;
            steps.span = None;
        }
        check
    }

    /// Where own steps stand that no `option` asks for, with the option's name.
    pub(crate) fn unused(&self) -> Option<(Span, &'static str, &'static str)> {
        let http = self.http.span.filter(|_| self.script.as_ref() != Some(&Script::Http));
        let tcp = self.tcp.span.filter(|_| self.script.as_ref() != Some(&Script::Tcp));
        http.map(|span| (span, "http-check", "option httpchk"))
            .or(tcp.map(|span| (span, "tcp-check", "option tcp-check")))
    }

    /// Whether a step opens its connection on a port of its own.
    pub(crate) fn has_port(&self) -> bool {
        let steps = match &self.script {
            Some(Script::Http) => &self.http,
            Some(Script::Tcp) => &self.tcp,
            Some(Script::Protocol(_)) | None => return false,
        };
        steps
            .list
            .iter()
            .any(|step| matches!(step, Step::Done(CheckStep::Connect { port: Some(_), .. })))
    }

    /// The finished script.
    pub(crate) fn kind(&mut self) -> CheckKind {
        if let Some(built) = &self.built {
            return built.clone();
        }
        let kind = match &self.script {
            None => CheckKind::Connect,
            Some(Script::Protocol(protocol)) => CheckKind::Protocol(protocol.clone()),
            Some(Script::Http) => CheckKind::Script(self.http_script()),
            Some(Script::Tcp) if self.tcp.list.is_empty() => CheckKind::Connect,
            Some(Script::Tcp) => CheckKind::Script(self.tcp.list.iter().filter_map(done).collect()),
        };
        self.built = Some(kind.clone());
        kind
    }

    fn http_script(&self) -> Arc<[CheckStep]> {
        let mut steps: Vec<CheckStep> = Vec::with_capacity(self.http.list.len() + 2);
        let has_send = self.http.list.iter().any(|step| matches!(step, Step::Send(_)));
        let mut request = (!has_send).then(|| self.request.clone());
        let mut first = true;
        for step in &self.http.list {
            match step {
                Step::Send(send) => {
                    let base = if first { Some(&self.request) } else { None };
                    first = false;
                    steps.push(CheckStep::HttpSend(send.clone().finish(base)));
                }
                Step::Done(CheckStep::Expect(expect)) => {
                    if let Some(request) = request.take() {
                        steps.push(CheckStep::HttpSend(request.finish(None)));
                    }
                    steps.push(CheckStep::Expect(expect.clone()));
                }
                Step::Done(other) => steps.push(other.clone()),
            }
        }
        if let Some(request) = request {
            steps.push(CheckStep::HttpSend(request.finish(None)));
        }
        if !matches!(steps.last(), Some(CheckStep::Expect(_))) {
            steps.push(CheckStep::Expect(expect::plain(Match::Status(vec![StatusRange {
                from: 200,
                to: 399,
            }]))));
        }
        steps.into()
    }
}

fn done(step: &Step) -> Option<CheckStep> {
    match step {
        Step::Done(step) => Some(step.clone()),
        Step::Send(_) => None,
    }
}

impl SendDraft {
    /// Fills in what `option httpchk` said, then HAProxy's own defaults.
    fn finish(mut self, base: Option<&Self>) -> HttpSend {
        if let Some(base) = base {
            self.method = self.method.or_else(|| base.method.clone());
            self.uri = self.uri.or_else(|| base.uri.clone());
            self.version = self.version.or_else(|| base.version.clone());
            if self.headers.is_empty() {
                self.headers.clone_from(&base.headers);
            }
        }
        HttpSend {
            method: self.method.unwrap_or_else(|| "OPTIONS".into()),
            uri: self.uri.unwrap_or_else(|| LogFormat::literal(b"/")),
            version: self.version.unwrap_or_else(|| "HTTP/1.0".into()),
            headers: self.headers,
            body: self.body,
        }
    }
}

/// Which steps a line belongs to, by its first word.
fn steps<'d>(draft: &'d mut Draft<'_>, args: &Args<'_>) -> &'d mut Steps {
    let check = &mut draft.back.check;
    check.built = None;
    match args.line().split_prefix().1.keyword() {
        "http-check" => &mut check.http,
        _ => &mut check.tcp,
    }
}

fn push(draft: &mut Draft<'_>, args: &Args<'_>, step: CheckStep) -> Outcome {
    let span = args.line().span();
    steps(draft, args).push(Step::Done(step), span)
}

/// `http-check comment TEXT`, `tcp-check comment TEXT`.
pub(crate) fn comment<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    draft.back.check.comment = Some(cx.name(args.text("a text")?));
    Ok(())
}

/// `set-var(VAR) EXPR`.
pub(crate) fn set_var<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let variable = variable(args)?;
    let expr = cx.expr(args, Place::CHECK, &draft.acls)?;
    push(draft, args, CheckStep::SetVar(variable, expr))
}

/// `set-var-fmt(VAR) FORMAT`.
pub(crate) fn set_var_fmt<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let variable = variable(args)?;
    let word = args.require("a format")?;
    let format = cx.log_format(word, Place::CHECK, &draft.acls)?;
    push(draft, args, CheckStep::SetVarFmt(variable, format))
}

/// `unset-var(VAR)`.
pub(crate) fn unset_var<'a>(
    _: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let variable = variable(args)?;
    push(draft, args, CheckStep::UnsetVar(variable))
}

/// `connect [default] [port N] [addr IP] [send-proxy] [linger] [comment X]`.
fn connect<'a>(cx: &mut Lowering<'a>, draft: &mut Draft<'a>, args: &mut Args<'a>) -> Outcome {
    let (mut port, mut addr, mut send_proxy, mut linger) = (None, None, false, false);
    let mut is_default = false;
    while let Some(word) = args.next() {
        args.begin_option();
        match word.value() {
            "default" => is_default = true,
            "port" => port = Some(args.port()?),
            "addr" => addr = Some(check_address(cx, args)?),
            "send-proxy" => send_proxy = true,
            "linger" => linger = true,
            "comment" => drop(args.text("a text")?),
            "proto" => match args.text("a protocol")? {
                "h1" | "none" => {}
                _ => return Err(alert(args.last_span(), "only 'proto h1' is supported yet")),
            },
            option @ ("ssl" | "sni" | "alpn" | "via-socks4") => {
                return Err(alert(word.span(), format!("'{option}' is not supported yet")));
            }
            _ => {
                let what = "'default', 'port', 'addr', 'send-proxy', 'linger' or 'comment'";
                return Err(args.unexpected(what));
            }
        }
    }
    let is_first = steps(draft, args).list.is_empty();
    if is_default && is_first && port.is_none() && addr.is_none() && !send_proxy && !linger {
        // The script then opens the server's own connection, as it does without this step.
        return Ok(());
    }
    push(draft, args, CheckStep::Connect { port, addr, send_proxy, linger })
}

fn check_address(cx: &Lowering<'_>, args: &mut Args<'_>) -> Outcome<SocketAddr> {
    let word = args.require("an address")?;
    let written = address::parse(word.value()).map_err(|bad| address_alert(word, bad))?;
    let Written::Inet { host, ports } = written else {
        return Err(alert(word.span(), "a check's address is an IP address"));
    };
    let ip = match host {
        WrittenHost::Ip(ip) => Some(ip),
        WrittenHost::Name(name) => cx.resolve(name),
        WrittenHost::Empty => None,
    };
    let port = if let Ports::One(port) = ports { port } else { 0 };
    ip.map(|ip| SocketAddr::new(ip, port))
        .ok_or_else(|| alert(word.span(), format!("'{}' is not an IP address", word.value())))
}

//! Scripts against answers; texts as HAProxy 3.2 reports them.

use expr::{Expr, LogFormat, Regex};
use model::StatusRange;

use super::*;

struct Plain;

impl Environment for Plain {
    fn render(&self, format: &LogFormat, view: &View<'_>) -> Vec<u8> {
        match format.constant() {
            Some(text) => text.to_vec(),
            None => format!("status {:?}", view.head.map(Head::status)).into_bytes(),
        }
    }
    fn number(&self, _: &Expr, view: &View<'_>) -> Option<i64> {
        view.head.map(|head| i64::from(head.status()) + 0x1_0001)
    }
    fn set_variable(&self, _: &CheckStep, _: &View<'_>) {}
    fn server_state(&self) -> Option<String> {
        None
    }
}

fn send(version: &str, headers: &[(&str, &str)], body: Option<&str>) -> CheckStep {
    CheckStep::HttpSend(HttpSend {
        method: "GET".into(),
        uri: LogFormat::literal(b"/x"),
        version: version.into(),
        headers: headers
            .iter()
            .map(|(n, v)| ((*n).into(), LogFormat::literal(v.as_bytes())))
            .collect(),
        body: body.map(|b| LogFormat::literal(b.as_bytes())),
    })
}

fn expect(negate: bool, matcher: Match) -> CheckStep {
    CheckStep::Expect(Expect {
        negate,
        matcher,
        min_recv: None,
        comment: None,
        on_error: None,
        on_success: None,
        status_code: None,
        ok_status: None,
        error_status: None,
        tout_status: None,
    })
}

fn status(from: u16, to: u16) -> Match {
    Match::Status(vec![StatusRange { from, to }])
}

fn text(t: &str) -> Match {
    Match::String(t.as_bytes().into())
}

/// Runs the steps against answers that come one byte at a time; `None` = still waiting.
fn run(steps: Vec<CheckStep>, answer: &str, ends: bool) -> (Option<CheckResult>, Vec<String>) {
    let mut run = CheckRun::new(&CheckKind::Script(steps.into()), true);
    let mut sent = Vec::new();
    let mut rest = answer.as_bytes();
    let mut ended = false;
    loop {
        match run.advance(&Plain) {
            Action::Connect(_) => {}
            Action::Write(bytes) => sent.push(String::from_utf8(bytes).unwrap()),
            Action::Done(result) => return (Some(result), sent),
            Action::Read if !rest.is_empty() => {
                run.received(&rest[..1]);
                rest = &rest[1..];
            }
            Action::Read if ends && !ended => {
                ended = true;
                run.received(b"");
            }
            Action::Read => return (None, sent),
        }
    }
}

fn http(matcher: Match, negate: bool, answer: &str) -> Option<CheckResult> {
    run(vec![send("HTTP/1.0", &[], None), expect(negate, matcher)], answer, false).0
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\nX-A: one, two\r\n\r\nhello world";

#[test]
fn requests_look_like_haproxys() {
    let get = |step| run(vec![step, expect(false, status(200, 399))], "", false).1.remove(0);
    assert_eq!(get(send("HTTP/1.0", &[], None)), "GET /x HTTP/1.0\r\n\r\n");
    assert_eq!(
        get(send("HTTP/1.1", &[("Host", "h"), ("X-Q", "z")], Some("abc"))),
        "GET /x HTTP/1.1\r\nhost: h\r\nx-q: z\r\ncontent-length: 3\r\nconnection: close\r\n\r\nabc"
    );
}

#[test]
fn statuses() {
    let passed = CheckResult::with(CheckStatus::L7Ok, Some(200), "");
    assert_eq!(http(status(200, 399), false, OK), Some(passed.clone()));
    let busy = "HTTP/1.1 503 Service Unavailable\r\n\r\n";
    let failed = CheckResult::with(CheckStatus::L7Sts, Some(503), "Service Unavailable");
    assert_eq!(http(status(200, 399), false, busy), Some(failed));
    assert_eq!(http(status(500, 599), true, OK), Some(passed.clone()));
    let regex = Match::RStatus(Regex::parse("^3", false).unwrap());
    let failed = CheckResult::with(CheckStatus::L7Sts, Some(200), "OK");
    assert_eq!(http(regex, false, OK), Some(failed));
    let gone = "HTTP/1.1 404 Not Found\r\n\r\n";
    let conditional = CheckResult::with(CheckStatus::L7Okc, Some(404), "");
    assert_eq!(http(status(200, 399), false, gone), Some(conditional));
    let early = format!("HTTP/1.1 103 Early Hints\r\n\r\n{OK}");
    assert_eq!(http(status(200, 399), false, &early), Some(passed));
}

#[test]
fn another_code_is_reported() {
    let acls = expr::Acls::new();
    let context = expr::ParseContext::new(expr::Place::CHECK, &acls, &expr::NoSources);
    let told = |matcher, answer: &str| {
        let CheckStep::Expect(mut expect) = expect(false, matcher) else { return None };
        expect.status_code = Some(Expr::parse("int(7)", &context).unwrap());
        let steps = vec![send("HTTP/1.0", &[], None), CheckStep::Expect(expect)];
        run(steps, answer, false).0.map(|result| (result.status, result.code))
    };
    assert_eq!(told(status(200, 399), OK), Some((CheckStatus::L7Ok, Some(201))));
    assert_eq!(told(status(300, 399), OK), Some((CheckStatus::L7Sts, Some(201))));
    assert_eq!(told(text("nope"), OK), Some((CheckStatus::L7Rsp, None)), "there was none");
}

#[test]
fn bodies() {
    let status_of = |r: Option<CheckResult>| r.map(|r| (r.status, r.info));
    let no = |t: &str| Some((CheckStatus::L7Rsp, t.to_owned()));
    let yes = Some((CheckStatus::L7Ok, String::new()));
    assert_eq!(status_of(http(text("wor"), false, OK)), yes);
    let miss = "HTTP content check did not match";
    assert_eq!(status_of(http(text("nope"), false, OK)), no(miss));
    let unwanted = "HTTP check matched unwanted content";
    assert_eq!(status_of(http(text("hello"), true, OK)), no(unwanted));
    assert_eq!(status_of(http(text("nope"), true, OK)), yes);
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                   3\r\nhel\r\n8\r\nlo world\r\n0\r\n\r\n";
    assert_eq!(status_of(http(text("hello w"), false, chunked)), yes);
    assert_eq!(status_of(http(text("nope"), false, chunked)), no(miss));
    let open = "HTTP/1.1 200 OK\r\n\r\nhello";
    assert_eq!(http(text("nope"), false, open), None, "more may come");
    let steps = vec![send("HTTP/1.0", &[], None), expect(false, text("nope"))];
    assert_eq!(status_of(run(steps, open, true).0), no(miss));
    let regex = Match::RString(Regex::parse("^hello", false).unwrap());
    assert_eq!(status_of(http(regex, false, OK)), yes);
}

#[test]
fn headers() {
    let header = |method: &str, value: &str, full| Match::Header {
        name: "x-a".into(),
        name_method: "str".into(),
        value: Some(value.into()),
        value_method: method.into(),
        full,
        name_regex: None,
        value_regex: None,
    };
    let passes = |m| http(m, false, OK).unwrap().status == CheckStatus::L7Ok;
    assert!(passes(header("str", "two", false)));
    assert!(!passes(header("str", "two", true)));
    assert!(passes(header("str", "one, two", true)));
    assert!(passes(header("beg", "one", true)));
    assert!(passes(header("end", "wo", true)));
    assert!(!passes(header("sub", "three", false)));
}

#[test]
fn what_is_no_answer() {
    let steps = || vec![send("HTTP/1.0", &[], None), expect(false, status(200, 399))];
    let broken = Some(CheckResult::new(CheckStatus::SockErr));
    assert_eq!(run(steps(), "garbage\r\n\r\n", true).0, broken);
    assert_eq!(run(steps(), "", true).0, broken);
    assert_eq!(run(steps(), "HTTP/1.1 200 OK\r\nContent-Le", true).0, broken);
    let mut waiting = CheckRun::new(&CheckKind::Script(steps().into()), false);
    assert_eq!(waiting.advance(&Plain), Action::Connect(ConnectStep::default()));
    assert_eq!(waiting.timed_out(), CheckResult::new(CheckStatus::L4Tout));
    let refused = CheckResult::with(CheckStatus::L4Con, None, "Connection refused");
    assert_eq!(waiting.connect_failed("Connection refused"), refused);
    assert!(matches!(waiting.advance(&Plain), Action::Write(_)));
    assert_eq!(waiting.advance(&Plain), Action::Read);
    assert_eq!(waiting.timed_out(), CheckResult::new(CheckStatus::L7Tout));
}

#[test]
fn connect_only() {
    let mut run = CheckRun::new(&CheckKind::Connect, false);
    assert!(matches!(run.advance(&Plain), Action::Connect(_)));
    assert_eq!(run.advance(&Plain), Action::Done(CheckResult::new(CheckStatus::L4Ok)));
}

#[test]
fn tcp_scripts() {
    let passed = CheckResult::with(CheckStatus::L7Ok, Some(0), "(tcp-check)");
    let banner = "220 smtp ready\r\n";
    assert_eq!(run(vec![expect(false, text("220"))], banner, false).0, Some(passed));
    let quit = CheckStep::Send(LogFormat::literal(b"QUIT\r\n"));
    let steps = vec![quit, expect(false, text("500"))];
    let (result, sent) = run(steps.clone(), banner, false);
    assert_eq!((result, sent), (None, vec!["QUIT\r\n".to_owned()]));
    let mut waiting = CheckRun::new(&CheckKind::Script(steps.into()), false);
    waiting.advance(&Plain);
    let refused = waiting.connect_failed("Connection refused");
    assert_eq!(refused.info, "Connection refused at step 1 of tcp-check (connect)");
    waiting.advance(&Plain);
    waiting.advance(&Plain);
    assert_eq!(waiting.timed_out().info, " at step 2 of tcp-check (expect string '500')");
}

#[test]
fn input_is_bounded() {
    let long = format!("HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n{}", "x".repeat(40_000));
    let steps = vec![send("HTTP/1.0", &[], None), expect(false, text("nope"))];
    let result = run(steps, &long, false).0.unwrap();
    assert_eq!(result.status, CheckStatus::L7Rsp, "decided on what fits");
}

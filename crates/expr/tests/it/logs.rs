//! Log lines as HAProxy 3.2 wrote them for the same session.
use evenkeel_expr::{
    Acls, HTTP, HTTP_CLF, HTTPS, LogFacts, LogFormat, ParseContext, Place, TCP, TCP_CLF, Timers,
    log_variables,
};

use crate::subject::{Files, Session};

fn line(session: &Session, format: &str) -> String {
    let (acls, files) = (Acls::new(), Files::default());
    let context = ParseContext::new(Place::LOG, &acls, &files);
    let format = LogFormat::parse(format, &context)
        .unwrap_or_else(|error| panic!("{format}: {error} at {}", error.offset));
    let mut out = Vec::new();
    format.render(session, &mut out);
    String::from_utf8(out).expect("test lines are ASCII")
}

/// A request that a rule answered with 204.
fn session() -> Session {
    let mut session = Session::request(&["GET /p?a=1 HTTP/1.1", "Host: h", "X-Cap: v{|}\"# x"]);
    session.src = "127.0.0.1:57946".parse().ok();
    session.dst = "127.0.0.1:23711".parse().ok();
    session.log = LogFacts {
        accept_us: 1_795_537_068_020_123,
        request_us: Some(1_795_537_068_020_123),
        timers: Timers {
            handshake: Some(0),
            idle: Some(0),
            request: Some(0),
            active: Some(0),
            total: Some(0),
            user: Some(0),
            ..Timers::default()
        },
        bytes_in: 73,
        bytes_out: 57,
        status: Some(204),
        termination: *b"LR--",
        act_conn: 1,
        fe_conn: 1,
        ..LogFacts::default()
    };
    session
}

#[test]
fn built_in_formats_print_what_haproxy_prints() {
    let session = session();
    assert_eq!(
        line(&session, HTTP),
        "127.0.0.1:57946 [24/Nov/2026:16:17:48.020] fe fe/<NOSRV> 0/-1/-1/-1/0 204 57 - - LR-- \
         1/1/0/0/0 0/0 {v#7B#7C#7D#22#23 x} \"GET /p?a=1 HTTP/1.1\""
    );
    assert_eq!(
        line(&session, TCP),
        "127.0.0.1:57946 [24/Nov/2026:16:17:48.020] fe fe/<NOSRV> -1/-1/0 57 LR 1/1/0/0/0 0/0"
    );
    assert_eq!(
        line(&session, HTTP_CLF),
        "127.0.0.1 - - [24/Nov/2026:16:17:48 +0000] \"GET /p?a=1 HTTP/1.1\" 204 57 \"\" \"\" \
         57946 020 \"fe\" \"fe\" \"<NOSRV>\" 0 -1 -1 -1 0 LR-- 1 1 0 0 0 0 0 \"\" \"\" \
         \"v#7B#7C#7D#22#23 x\" "
    );
    assert!(
        line(&session, TCP_CLF).starts_with("127.0.0.1 - - [24/Nov/2026:16:17:48 +0000] \"TCP")
    );
    assert!(line(&session, HTTPS).ends_with(" 0/-/-/-/0 -/-/-"), "{}", line(&session, HTTPS));
}

#[test]
fn pieces_print_what_haproxy_prints() {
    let session = session();
    for (format, expected) in [
        ("a  b    c\t d", "a b c\t d"),
        ("[%[var(txn.nope)]] [%[str()]]", "[-] [-]"),
        ("[%{+Q}[var(txn.nope)]] [%{+Q}[str()]]", "[\"\"] [\"\"]"),
        ("%{+E}[str(\"a]b\\\"c\\\\d\")]", "a\\]b\\\"c\\\\d"),
        ("%{+Q,+X}o %ci %cp %Ts %rt", "7F000001 E25A 6B05B8AC 0000"),
        ("%{+X}pid %pid", "1025 4133"),
        ("%[capture.req.hdr(0)] %[capture.req.hdr(1)] %hr", "v{|}\"# x - {v#7B#7C#7D#22#23 x}"),
        ("%{+Q}hrl %{+Q}hr", "\"v#7B#7C#7D#22#23 x\" \"{v#7B#7C#7D#22#23 x}\""),
        ("%hs x", "x"),
        ("a %hs x", "a x"),
        ("%[bool(true)] %{+Q}[ipv4(1.2.3.4)]", "1 \"1.2.3.4\""),
        ("%si:%sp %bi:%bp %fi:%fp", "-:- -:- 127.0.0.1:23711"),
        ("%{+Q}CC %CC %{+Q}CS", "\"\" - \"\""),
        ("%{+Q}ci %{+Q}fi %{+Q}si %{+Q}sp", "\"127.0.0.1\" \"127.0.0.1\" \"\" \"\""),
        ("%HM|%HP|%HQ|%HU|%HV|%HPO", "GET|/p|?a=1|/p?a=1|HTTP/1.1|/p"),
        ("%Ti %Th %Tq %Td %Tu", "0 0 0 -1 0"),
        (
            "%Tl %T %trl",
            "24/Nov/2026:16:17:48 +0000 24/Nov/2026:16:17:48 +0000 \
            24/Nov/2026:16:17:48 +0000",
        ),
        ("%{+bin}o %[bin(41)]x", "Ax"),
        ("%% 100%%", "% 100%"),
    ] {
        assert_eq!(line(&session, format), expected, "{format}");
    }
}

#[test]
fn json_prints_what_haproxy_prints() {
    let session = session();
    assert_eq!(
        line(
            &session,
            "%{+json}o %(a)ci %(c)Ta %(d)B %(f)r %(g)CC %(h)[var(txn.nope)] %(i)[bool(true)] \
             %(j)[str(\"q\\\"\\n\\\\/\")] %(k)t %(l)[bin(41c3a9ff)] %(m)hr %(n)hrl %(o:str)B \
             %(p:sint)[str(12a)] %(q:bool)[int(5)] %ft %(t)rc %(u)si %(w:bool)[str(x)] %(x)ts \
             %(y)hs"
        ),
        "{\"a\": \"127.0.0.1\", \"c\": 0, \"d\": 57, \"f\": \"GET /p?a=1 HTTP/1.1\", \"g\": \"\", \
         \"h\": \"\", \"i\": true, \"j\": \"q\\\"\\n\\\\/\", \"k\": \"24/Nov/2026:16:17:48.020\", \
         \"l\": \"A\\u00C3\\u00A9\\u00FF\", \"m\": \"{v#7B#7C#7D#22#23 x}\", \
         \"n\": [\"v#7B#7C#7D#22#23 x\"], \"o\": \"57\", \"p\": 12, \"q\": true, \"t\": 0, \
         \"u\": \"\", \"w\": false, \"x\": \"LR\", \"y\": null}"
    );
    let (acls, files) = (Acls::new(), Files::default());
    let context = ParseContext::new(Place::LOG, &acls, &files);
    let format = LogFormat::parse("%{+json,+utf8}o %(a)[bin(41c3a9ffc285)]", &context).unwrap();
    let mut out = Vec::new();
    format.render(&session, &mut out);
    assert_eq!(out, "{\"a\": \"A\u{e9}\\u00FF\\u0085\"}".as_bytes());
}

#[test]
fn a_bad_request_has_a_word_for_its_line() {
    let mut session = session();
    session.is_http = false;
    assert_eq!(line(&session, "%{+Q}r %HM %HV"), "\"<BADREQ>\" <BADREQ> <BADREQ>");
}

#[test]
fn log_formats_refuse_what_is_gone_at_the_end() {
    let (acls, files) = (Acls::new(), Files::default());
    let context = ParseContext::new(Place::LOG, &acls, &files);
    for (format, offset) in [
        ("%ci %[req.hdr(x)]", 6),
        ("%[path]", 2),
        ("%[hdr(x)]", 2),
        ("%[res.hdr(a)]", 2),
        ("%ci %zz", 5),
        ("%ci %", 4),
        ("%{+Q", 1),
        ("%[str(a)", 1),
        ("%(a:foo)ci", 4),
    ] {
        let error = LogFormat::parse(format, &context).expect_err(format);
        assert_eq!(error.offset, offset, "{format}: {error}");
    }
    let error = LogFormat::parse("%Tsx", &context).expect_err("unknown variable");
    assert_eq!(error.suggestion.as_deref(), Some("Ts"));
}

#[test]
fn every_variable_prints_without_any_facts() {
    let session = Session::request(&["GET / HTTP/1.0"]);
    for variable in log_variables() {
        line(&session, &format!("%{}", variable.name));
        line(&session, &format!("%{{+Q,+X,+E}}{}", variable.name));
    }
}

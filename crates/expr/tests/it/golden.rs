//! Tables of formats with the output that HAProxy 3.2 gave for the same request.
//!
//! A block begins with the lines of a request, each behind `= `. Then `format => output` with the
//! output in escapes, or `!! format` for what is refused.
use evenkeel_expr::{Acls, LogFormat, ParseContext, Place, Style};

use crate::subject::{Files, Session};

fn check(table: &str) {
    let acls = Acls::new();
    let files = Files::default();
    let context = ParseContext::new(Place::FE_HTTP_REQUEST, &acls, &files);
    let mut request: Vec<&str> = Vec::new();
    let mut failures = Vec::new();
    let mut checked = 0;
    for line in table.lines() {
        if let Some(head) = line.strip_prefix("= ") {
            if head.contains(" HTTP/1.") {
                request.clear();
            }
            request.push(head);
            continue;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        checked += 1;
        if let Some(refused) = line.strip_prefix("!! ") {
            if let Ok(format) = LogFormat::parse_as(Style::Raw, refused, &context) {
                failures.push(format!("{refused}\n  taken as {format:?}"));
            }
            continue;
        }
        let (format, expected) = line.split_once(" => ").expect("a line has an arrow");
        let session = Session::request(&request);
        match LogFormat::parse_as(Style::Raw, format, &context) {
            Err(error) => failures.push(format!("{format}\n  refused: {error}")),
            Ok(parsed) => {
                let mut out = Vec::new();
                parsed.render(&session, &mut out);
                let got = escape(&out);
                if got != expected {
                    failures.push(format!("{format}\n  expected {expected}\n  got      {got}"));
                }
            }
        }
    }
    assert!(checked > 0);
    assert!(failures.is_empty(), "{} of {checked}:\n{}", failures.len(), failures.join("\n"));
}

/// Printable ASCII as it is, the rest as escapes.
fn escape(bytes: &[u8]) -> String {
    let mut out = String::new();
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b' '..=b'~' => out.push(char::from(*byte)),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            _ => out.push_str(&format!("\\x{byte:02x}")),
        }
    }
    out
}

#[test]
fn fetches_answer_as_haproxy() {
    check(include_str!("golden/fetches.txt"));
}

#[test]
fn targets_and_cookies_answer_as_haproxy() {
    check(include_str!("golden/requests.txt"));
}

#[test]
fn converters_answer_as_haproxy() {
    check(include_str!("golden/converters.txt"));
}

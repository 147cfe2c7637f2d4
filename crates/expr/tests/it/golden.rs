//! Tables of formats with the output that HAProxy 3.2 gave for the same request.
//!
//! A block begins with the lines of a request, each behind `= `. Then `format => output` with the
//! output in escapes, or `!! format` for what is refused.
use evenkeel_expr::{Acls, LogFormat, ParseContext, Place, Style};

use crate::subject::{Files, Session};

fn check(table: &str, files: &Files) {
    let acls = Acls::new();
    let context = ParseContext::new(Place::FE_HTTP_REQUEST, &acls, files);
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
    check(include_str!("golden/fetches.txt"), &Files::default());
}

#[test]
fn targets_and_cookies_answer_as_haproxy() {
    check(include_str!("golden/requests.txt"), &Files::default());
}

#[test]
fn converters_answer_as_haproxy() {
    check(include_str!("golden/converters.txt"), &Files::default());
}

#[test]
fn maps_answer_as_haproxy() {
    let files = [
        ("beg", "# c\n/a A\n/ab  AB  with space  \n/abc/ C\n\n  /z Z\nnoval\n"),
        ("ip", "10.0.0.0/8 net8\n10.1.0.0/16 net16\n10.1.2.3 host\n::1 six\n::/0 all6\n"),
        ("reg", "^/x/(.*)$ got-\\1-\\0\n^/y bad\\9x\\\\\n"),
        ("int", "1:5 low\n7 seven\n"),
        ("dup", "a 1\na 2\nb x3\n"),
        ("end", ".png img\n.b.png deep\n"),
        ("ips", "k 1.2.3.4\nj ::1\n"),
    ];
    check(include_str!("golden/maps.txt"), &Files(files.into()));
}

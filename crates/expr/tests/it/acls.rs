//! ACLs and conditions: tables with HAProxy's answers, files, named ACLs, content inspection.
use evenkeel_expr::{Acl, Acls, Condition, ParseContext, Place, Verdict};

use crate::subject::{Files, Session};

/// Splits at blanks outside of double quotes, and takes the quotes away.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            _ => words.last_mut().expect("never empty").push(character),
        }
    }
    words
}

#[test]
fn conditions_answer_as_haproxy() {
    check(include_str!("golden/conditions.txt"));
}

#[test]
fn regular_expressions_answer_as_haproxy() {
    check(include_str!("golden/regexes.txt"));
}

fn check(table: &str) {
    let acls = Acls::new();
    let files = Files::default();
    let context = ParseContext::new(Place::FE_HTTP_REQUEST, &acls, &files);
    let mut request = Vec::new();
    let mut failures = Vec::new();
    let mut checked = 0;
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(head) = line.strip_prefix("= ") {
            request.push(head);
            continue;
        }
        checked += 1;
        let (refused, text) = match line.strip_prefix("!! ") {
            Some(text) => (true, text),
            None => (false, line),
        };
        let (text, expected) = text.split_once(" => ").unwrap_or((text, ""));
        let words = words(text);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let session = Session::request(&request);
        match (Condition::parse(&words, &context), refused) {
            (Ok(_), true) => failures.push(format!("{text}: taken")),
            (Err(_), true) => {}
            (Err(error), false) => failures.push(format!("{text}: refused: {error}")),
            (Ok(condition), false) => {
                let got = condition.eval(&session);
                if got != Verdict::from(expected == "true") {
                    failures.push(format!("{text}: expected {expected}, got {got:?}"));
                }
            }
        }
    }
    assert!(checked > 20);
    assert!(failures.is_empty(), "{} of {checked}:\n{}", failures.len(), failures.join("\n"));
}

fn files() -> Files {
    let long: &'static str = "a.example\nb.example\n# no\n\n  c.example\nd\ne\nf\ng\nh\ni\nj\n";
    Files(
        [("hosts", long), ("nets", "10.0.0.0/8 yes\n::1/128 no\n"), ("paths", "/a A\n/b B\n")]
            .into(),
    )
}

fn holds(acl: &[&str], session: &Session) -> bool {
    let (acls, files) = (Acls::new(), files());
    let context = ParseContext::new(Place::ANYWHERE, &acls, &files);
    let acl = Acl::parse(acl, &context).unwrap_or_else(|error| panic!("{acl:?}: {error}"));
    acl.eval(session) == Verdict::True
}

#[test]
fn patterns_come_from_files() {
    let session = Session::request(&["GET /b/x HTTP/1.1", "Host: C.example"]);
    assert!(!holds(&["hdr(host)", "-f", "hosts"], &session));
    assert!(holds(&["hdr(host)", "-i", "-f", "hosts"], &session));
    assert!(!holds(&["hdr(host)", "-f", "hosts", "-i", "x.example"], &session));
    assert!(holds(&["hdr_beg(host)", "-f", "hosts", "-i", "c."], &session));
    assert!(holds(&["hdr(host)", "-m", "end", "-i", "-f", "hosts"], &session));
    assert!(holds(&["path", "-m", "beg", "-M", "-f", "paths"], &session));
    assert!(holds(&["path,map_beg(paths)", "B"], &session));
    assert!(!holds(&["path,map_beg(paths)", "A"], &session));
    assert!(holds(&["str(10.1.1.1),map_ip(nets)", "yes"], &session));
    assert!(holds(&["str(x),map_str(paths,D)", "D"], &session));
    assert!(holds(&["path,map_beg_key(paths)", "/b"], &session));
}

#[test]
fn lines_of_one_name_are_alternatives_even_after_use() {
    let files = Files::default();
    let mut acls = Acls::new();
    let none = Acls::new();
    let outside = ParseContext::new(Place::ANYWHERE, &none, &files);
    acls.add_line(&["static", "path_beg", "/img"], &outside).unwrap();
    let context = ParseContext::new(Place::FE_HTTP_REQUEST, &acls, &files);
    let mut condition = Condition::parse(&["if", "static"], &context).unwrap();
    let session = Session::request(&["GET /css/x HTTP/1.1"]);
    assert_eq!(condition.eval(&session), Verdict::False);
    let before = condition.clone();
    acls.add_line(&["static", "path_beg", "/css"], &outside).unwrap();
    condition.bind(&acls);
    assert_eq!(condition.eval(&session), Verdict::True);
    assert_ne!(condition, before);
}

#[test]
fn errors_point_at_their_word() {
    let (acls, files) = (Acls::new(), Files::default());
    let context = ParseContext::new(Place::FE_HTTP_REQUEST, &acls, &files);
    let error = |words: &[&str]| Condition::parse(words, &context).unwrap_err();
    let wrong = error(&["if", "METH_GET", "{", "path_bge", "/x", "}"]);
    assert_eq!((wrong.word, wrong.offset), (3, 0));
    assert_eq!(wrong.suggestion.as_deref(), Some("path_beg"));
    let wrong = error(&["unless", "!METH_GTE"]);
    assert_eq!((wrong.word, wrong.offset), (1, 1));
    assert_eq!(wrong.suggestion.as_deref(), Some("METH_GET"));
    let wrong = error(&["if", "{", "hdr(host),lowr", "x", "}"]);
    assert_eq!((wrong.word, wrong.offset), (2, 10));
    assert_eq!(wrong.suggestion.as_deref(), Some("lower"));
    assert_eq!(error(&["if", "{", "src", "1.2.3.4/99", "}"]).word, 3);
    assert_eq!(error(&["if", "METH_GET", "{", "path", "/x"]).word, 2);
    assert_eq!(error(&["if", "METH_GET", "or"]).word, 2);
}

#[test]
fn what_a_place_lacks_is_told_but_not_refused() {
    let (acls, files) = (Acls::new(), Files::default());
    let context = ParseContext::new(Place::FE_HTTP_REQUEST, &acls, &files);
    let condition = Condition::parse(&["if", "{", "status", "200", "}"], &context).unwrap();
    assert_eq!(condition.useless_at(Place::FE_HTTP_REQUEST).len(), 1);
    assert_eq!(condition.useless_at(Place::FE_HTTP_RESPONSE).len(), 0);
}

#[test]
fn content_inspection_waits_for_more() {
    let (acls, files) = (Acls::new(), Files::default());
    let context = ParseContext::new(Place::FE_REQUEST_CONTENT, &acls, &files);
    let verdict = |words: &[&str], session: &Session| {
        Condition::parse(words, &context).unwrap().eval(session)
    };
    let mut session = Session::request(&["GET / HTTP/1.1"]);
    session.is_http = false;
    session.is_final = false;
    session.payload = Some((b"abc".to_vec(), false));
    let longer = ["if", "{", "req.len", "gt", "5", "}"];
    assert_eq!(verdict(&longer, &session), Verdict::NotYet);
    assert_eq!(verdict(&["if", "{", "req.len", "gt", "2", "}"], &session), Verdict::True);
    let five = ["if", "{", "req.payload(0,5)", "-m", "bin", "6162636465", "}"];
    assert_eq!(verdict(&five, &session), Verdict::NotYet);
    assert_eq!(verdict(&["if", "HTTP"], &session), Verdict::NotYet);
    assert_eq!(verdict(&["if", "!HTTP"], &session), Verdict::NotYet);
    assert_eq!(verdict(&["if", "WAIT_END"], &session), Verdict::NotYet);
    assert_eq!(verdict(&["if", "HTTP", "or", "TRUE"], &session), Verdict::True);
    assert_eq!(verdict(&["if", "FALSE", "HTTP"], &session), Verdict::False);
    session.is_final = true;
    assert_eq!(verdict(&longer, &session), Verdict::False);
    assert_eq!(verdict(&five, &session), Verdict::False);
    assert_eq!(verdict(&["if", "HTTP"], &session), Verdict::False);
    assert_eq!(verdict(&["if", "!HTTP"], &session), Verdict::True);
    assert_eq!(verdict(&["if", "WAIT_END"], &session), Verdict::True);
    session.payload = Some((b"\x00\x02hi".to_vec(), true));
    let prefixed = ["if", "{", "req.payload_lv(0,2)", "-m", "bin", "6869", "}"];
    assert_eq!(verdict(&prefixed, &session), Verdict::True);
}

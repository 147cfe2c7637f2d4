//! First steps of every part together; the tables and properties are in `tests/`.

use super::{Chunk, Chunked, Head, Limits, Parse, Reason, parse_request, parse_response};
use crate::http::{FieldName, Known, Method, Version};

const REQUEST: &[u8] =
    b"GET /a/b?c=d HTTP/1.1\r\nHost: example.org\r\nX-One:  1 \r\nCookie: a=b\r\n\
    Accept: x,\r\n y\r\nx-one: 2, 3\r\n\r\nrest";

fn request(bytes: &[u8]) -> Head {
    let mut head = Head::new();
    match parse_request(bytes, &Limits::default(), &mut head) {
        Ok(Parse::Complete { .. }) => head,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_is_taken_apart() {
    let head = request(REQUEST);
    assert_eq!((head.method(), head.version()), (Method::Get, Version::Http11));
    assert_eq!((head.path(), head.query()), (&b"/a/b"[..], Some(&b"c=d"[..])));
    assert_eq!(head.path_and_query(), b"/a/b?c=d");
    assert_eq!(head.host(), Some(&b"example.org"[..]));
    let name = FieldName::new(b"X-One").unwrap();
    assert_eq!(head.value(&name, -1), Some(&b"2, 3"[..]));
    assert_eq!(head.item(&name, -1), Some(&b"3"[..]));
    assert_eq!(head.item(&name, 2), Some(&b"2"[..]));
    assert_eq!(head.item(&name, 4), None);
    assert_eq!(head.first(Known::Accept), Some(&b"x,   y"[..]));
}

#[test]
fn edits_are_written_and_the_rest_copied_clean() {
    let mut head = request(REQUEST);
    head.set(&FieldName::new(b"X-One").unwrap(), b"new").unwrap();
    head.append(&FieldName::new(b"X-Two").unwrap(), b"two").unwrap();
    head.set_path(b"/other").unwrap();
    assert!(head.append(&FieldName::new(b"X-Two").unwrap(), b"a\r\nb: c").is_err());
    let mut out = Vec::new();
    head.write_to(&mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "GET /other?c=d HTTP/1.1\r\nHost: example.org\r\nCookie: a=b\r\nAccept: x,   y\r\n\
         X-One: new\r\nX-Two: two\r\n\r\n"
    );
}

#[test]
fn an_absolute_target_keeps_its_authority() {
    let mut head = request(b"GET http://h:81/p HTTP/1.1\r\nHost: h:81\r\n\r\n");
    assert_eq!((head.authority(), head.path()), (&b"h:81"[..], &b"/p"[..]));
    head.set_query(b"q").unwrap();
    assert_eq!(head.target(), b"http://h:81/p?q");
    assert!(head.set_path(b"/a b").is_err());
    assert_eq!(head.target(), b"http://h:81/p?q");
}

#[test]
fn a_response_without_reason_gets_the_standard_one() {
    let mut head = Head::new();
    let parsed = parse_response(b"HTTP/1.1 404\r\nA: b\r\n\r\n", &Limits::default(), &mut head);
    assert!(matches!(parsed, Ok(Parse::Complete { .. })));
    let mut out = Vec::new();
    head.write_to(&mut out);
    assert_eq!(out, b"HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n");
}

#[test]
fn chunks_are_found_and_trailers_kept() {
    let body = b"5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nX-T: v\r\n\r\nnext";
    let mut chunked = Chunked::new();
    let (mut at, mut data) = (0, Vec::new());
    let used = loop {
        match chunked.next(body, at).unwrap() {
            Chunk::Data(range) => {
                data.extend_from_slice(&body[range.clone()]);
                at = range.end;
            }
            Chunk::More => panic!("not over"),
            Chunk::End(used) => break used,
        }
    };
    assert_eq!((data.as_slice(), &body[used..]), (&b"hello!"[..], &b"next"[..]));
    let mut head = Head::new();
    chunked.trailers_into(&mut head).unwrap();
    assert_eq!(head.iter().collect::<Vec<_>>(), [(&b"X-T"[..], &b"v"[..])]);
}

#[test]
fn good_will_drops_lines_without_a_name_and_stops_at_framing() {
    const LENIENT: Limits = Limits { head_bytes: 512, fields: 20, added_bytes: 512, lenient: true };
    let written = |bytes: &[u8]| {
        let mut head = Head::new();
        // Byte by byte: what is dropped is dropped wherever a read ends.
        let mut parsed = Ok(Parse::Partial);
        for end in 1..=bytes.len() {
            parsed = parse_request(&bytes[..end], &LENIENT, &mut head);
            if parsed != Ok(Parse::Partial) {
                break;
            }
        }
        let mut out = Vec::new();
        head.write_to(&mut out);
        parsed.map(|_| String::from_utf8_lossy(&out).into_owned()).map_err(|e| e.reason)
    };
    let dropped = b"GET /a#f?q HTTP/1.1\r\nA: 1\r\nX y: 2\r\n folded\r\n\tmore\r\nB: 3\r\n\r\n";
    assert_eq!(written(dropped).unwrap(), "GET /a#f?q HTTP/1.1\r\nA: 1\r\nB: 3\r\n\r\n");
    let last = b"GET / HTTP/1.1\r\nA: 1\r\nContent-Length : 2\r\n\r\n";
    assert_eq!(written(last).unwrap(), "GET / HTTP/1.1\r\nA: 1\r\n\r\n");
    assert_eq!(written(b"GET / HTTP/1.1\r\nA\r\nB: 1\r\n\r\n"), Err(Reason::FieldName));
    assert_eq!(written(b"GET / HTTP/1.1\r\n: 1\r\n\r\n"), Err(Reason::FieldName));
    assert_eq!(written(b"GET / HTTP/1.1\r\nX y: 1\rB: 2\r\n\r\n"), Err(Reason::BareCr));

    let status = |bytes: &[u8]| {
        let mut head = Head::new();
        parse_response(bytes, &LENIENT, &mut head).map(|_| {
            let mut out = Vec::new();
            head.write_to(&mut out);
            (head.status(), String::from_utf8_lossy(&out).into_owned())
        })
    };
    let far = "HTTP/1.1 1200 Far\r\n\r\n";
    assert_eq!(status(far.as_bytes()).unwrap(), (1200, far.to_owned()));
    for refused in ["65536", "0200", "20", "200000"] {
        assert!(status(format!("HTTP/1.1 {refused} X\r\n\r\n").as_bytes()).is_err(), "{refused}");
    }
}

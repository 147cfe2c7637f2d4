//! Heads with framing fields made of any bytes: what is accepted is written without ambiguity.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::h1::framing::{self, BodyLength, ConnectionTokens};
use wire::h1::{Head, Limits, Parse, parse_request, parse_response};
use wire::http::{Known, Method};

fuzz_target!(|input: (u8, Vec<(u8, &[u8])>)| {
    let (start, fields) = input;
    let lines: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\n",
        b"POST / HTTP/1.0\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 304 Not Modified\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n",
    ];
    let names: [&[u8]; 8] = [
        b"Content-Length:",
        b"Transfer-Encoding:",
        b"Connection:",
        b"Upgrade:",
        b"TE:",
        b"Expect:",
        b"Host:",
        b"",
    ];
    let start = usize::from(start) % lines.len();
    let mut bytes = lines[start].to_vec();
    for (name, value) in fields {
        bytes.extend(names[usize::from(name) % names.len()]);
        bytes.extend(value);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"\r\n");
    let mut head = Head::new();
    let request = start < 3;
    let parse = if request { parse_request } else { parse_response };
    if !matches!(parse(&bytes, &Limits::default(), &mut head), Ok(Parse::Complete { .. })) {
        return;
    }
    let tokens = ConnectionTokens::of(&head);
    let _ = framing::persistent(head.version(), tokens);
    let _ = framing::wants_upgrade(&head, tokens);
    let _ = framing::expects_continue(&head);
    let _ = framing::accepts_trailers(&head, tokens);
    let length = if request {
        framing::request_body(&head)
    } else {
        framing::response_body(&head, Method::Get)
    };
    let Ok(length) = length else { return };
    let lengths: Vec<&[u8]> = head.all(Known::ContentLength).collect();
    let codings: Vec<&[u8]> = head.all(Known::TransferEncoding).collect();
    assert!(lengths.len() + codings.len() <= 1 || matches!(length, BodyLength::Tunnel));
    match length {
        BodyLength::Chunked => assert_eq!(codings, [b"chunked"]),
        BodyLength::Length(n) => assert_eq!(lengths, [n.to_string().as_bytes()]),
        _ => {}
    }
    framing::remove_named_by_connection(&mut head);
    let again = if request {
        framing::request_body(&head)
    } else {
        framing::response_body(&head, Method::Get)
    };
    assert_eq!(again, Ok(length));
});

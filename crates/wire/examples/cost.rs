//! What a typical request and response cost to read, judge and write: nanoseconds by the clock, or
//! instructions under `valgrind --tool=callgrind` with a small number of rounds as argument.

use std::hint::black_box;
use std::time::Instant;

use evenkeel_wire::h1::framing::{self, ConnectionTokens, HOP_BY_HOP};
use evenkeel_wire::h1::{Head, Limits, parse_request, parse_response, write_field};
use evenkeel_wire::http::Method;

const REQUEST: &[u8] = b"GET /catalogue/items?page=3&sort=price HTTP/1.1\r\n\
Host: shop.example.org\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
Accept-Language: en-US,en;q=0.5\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\n\
Referer: https://shop.example.org/catalogue\r\n\
Connection: keep-alive\r\n\
Cookie: session=4f9c1d0a7be24f0f9d3a; theme=dark\r\n\
Upgrade-Insecure-Requests: 1\r\n\
Sec-Fetch-Mode: navigate\r\n\r\n";

const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\n\
Date: Tue, 24 Nov 2026 15:05:00 GMT\r\n\
Server: nginx\r\n\
Content-Type: text/html; charset=utf-8\r\n\
Content-Length: 1234\r\n\
Cache-Control: private, max-age=0\r\n\
Vary: Accept-Encoding\r\n\
ETag: \"5f3c-1a2b\"\r\n\r\n";

#[inline(never)]
fn request_parse(head: &mut Head) {
    head.clear();
    let _ = black_box(parse_request(black_box(REQUEST), &Limits::default(), head));
}

#[inline(never)]
fn request_write(head: &Head, out: &mut Vec<u8>) {
    out.clear();
    let tokens = ConnectionTokens::of(head);
    black_box((framing::request_body(head), framing::persistent(head.version(), tokens)))
        .1
        .then(|| head.write_open(out, HOP_BY_HOP));
    write_field(out, b"x-forwarded-for", b"192.0.2.7");
    out.extend_from_slice(b"\r\n");
}

#[inline(never)]
fn response_parse(head: &mut Head) {
    head.clear();
    let _ = black_box(parse_response(black_box(RESPONSE), &Limits::default(), head));
}

#[inline(never)]
fn response_write(head: &Head, out: &mut Vec<u8>) {
    out.clear();
    let tokens = ConnectionTokens::of(head);
    let _ = black_box((framing::response_body(head, Method::Get), tokens));
    head.write_open(out, HOP_BY_HOP);
    out.extend_from_slice(b"\r\n");
}

fn main() {
    let rounds = std::env::args().nth(1).and_then(|a| a.parse().ok()).unwrap_or(1_000_000_u32);
    let (mut head, mut out) = (Head::new(), Vec::new());
    let time = |name: &str, step: &mut dyn FnMut()| {
        let start = Instant::now();
        for _ in 0..rounds {
            step();
        }
        println!("{name}: {:.0} ns", start.elapsed().as_nanos() as f64 / f64::from(rounds));
    };
    time("request parse", &mut || request_parse(&mut head));
    time("request write", &mut || request_write(&head, &mut out));
    time("response parse", &mut || response_parse(&mut head));
    time("response write", &mut || response_write(&head, &mut out));
}

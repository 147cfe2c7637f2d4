//! Any bytes as a response head: read at once and in pieces alike, and written out stable.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::h1::{Head, Limits, Parse, parse_response};

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, bytes) = input;
    let mut head = Head::new();
    let at_once = parse_response(bytes, &Limits::default(), &mut head);
    let mut pieces = Head::new();
    let cut = usize::from(cut).min(bytes.len());
    let mut split = parse_response(&bytes[..cut], &Limits::default(), &mut pieces);
    if split == Ok(Parse::Partial) {
        split = parse_response(bytes, &Limits::default(), &mut pieces);
    }
    assert_eq!(at_once, split);
    let Ok(Parse::Complete { head_len }) = at_once else { return };
    assert!(head_len <= bytes.len());
    let mut out = Vec::new();
    head.write_to(&mut out);
    let mut again = Head::new();
    let parsed = parse_response(&out, &Limits::default(), &mut again);
    if out.len() <= Limits::default().head_bytes {
        assert_eq!(parsed, Ok(Parse::Complete { head_len: out.len() }));
        assert!(again.iter().eq(head.iter()));
        assert_eq!(again.status(), head.status());
        let mut rewritten = Vec::new();
        again.write_to(&mut rewritten);
        assert_eq!(rewritten, out);
    }
});

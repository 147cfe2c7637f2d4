//! Any bytes as the start of a TLS connection; no beginning is judged against the whole.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::tls::{Peek, peek};

fuzz_target!(|input: (u16, &[u8])| {
    let (cut, bytes) = input;
    let whole = peek(bytes);
    let cut = usize::from(cut).min(bytes.len());
    match peek(&bytes[..cut]) {
        Ok(Peek::Partial) => {}
        judged => assert_eq!(judged, whole),
    }
    if let Ok(Peek::Hello(hello)) = whole {
        assert!(hello.sni().is_none_or(|name| !name.is_empty()));
        assert!(hello.alpn().all(|name| !name.is_empty()));
        // SSLv2-style hellos carry no extensions.
        assert!(!hello.is_sslv2 || (hello.sni().is_none() && hello.alpn().next().is_none()));
    }
});

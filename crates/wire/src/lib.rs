//! Bytes to messages and back: HTTP/1 heads and framing, PROXY protocol, TLS ClientHello peeking.
#![forbid(unsafe_code)]

//! Bytes to messages and back: HTTP/1 heads and framing, PROXY protocol, TLS ClientHello peeking.
#![forbid(unsafe_code)]

pub mod h1;
pub mod http;
pub mod proxy_protocol;
pub mod tls;

//! What can be seen of TLS without taking part in it.

mod client_hello;

pub use client_hello::{ClientHello, NotTls, Peek, peek};

//! The front door: command line, signals and wiring, nothing else.
#![forbid(unsafe_code)]

fn main() {}

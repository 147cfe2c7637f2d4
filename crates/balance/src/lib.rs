//! Picking a server: algorithms, fleet weights, slow start, queue discipline, cookies.
#![forbid(unsafe_code)]

//! haproxy.cfg text to a lossless AST with spans to the model, through one keyword table.
#![forbid(unsafe_code)]

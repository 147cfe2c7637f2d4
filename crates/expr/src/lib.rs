//! Samples, converters, ACLs, patterns, variables and log-format, evaluated against a Subject.
#![forbid(unsafe_code)]

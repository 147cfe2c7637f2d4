//! Samples, converters, ACLs, patterns, variables and log-format, evaluated against a Subject.
#![forbid(unsafe_code)]
#[derive(Clone,Debug,PartialEq)] pub struct Expr; #[derive(Clone,Debug,PartialEq)] pub struct Condition; #[derive(Clone,Debug,PartialEq)] pub struct LogFormat; #[derive(Clone,Debug,PartialEq)] pub struct Regex;

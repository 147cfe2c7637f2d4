//! Samples, converters, ACLs, patterns, variables and log-format, evaluated against a Subject.
#![forbid(unsafe_code)]
#![allow(clippy::ptr_arg, reason = "checks of arguments share one signature")]

mod acl;
mod arg;
pub mod auth;
mod casts;
mod context;
mod converters;
mod digits;
mod error;
mod fetches;
mod json;
mod log_format;
mod map;
mod parse;
mod patterns;
mod pcre;
mod place;
mod program;
mod regex;
mod sample;
mod subject;
pub mod suggest;
mod table;
mod variables;

pub use acl::{Acl, AclKeyword, Acls, Condition, Match, Verdict, acl_keywords, predefined_acls};
pub use arg::{Kind, Param};
pub use context::{NoSources, ParseContext, Sources};
pub use converters::converters;
pub use error::ParseError;
pub use fetches::{connection_error, fetch_aliases, fetches};
pub use log_format::{
    CLF, ERROR, HTTP, HTTP_CLF, HTTPS, LogFormat, LogVariable, Style, TCP, TCP_CLF, log_variables,
};
pub use patterns::{
    Entry, Found, PatternCell, PatternError, PatternFile, PatternKey, PatternList, PatternStore,
    PatternUse, Registry, ValueKind,
};
pub use place::{Need, Place};
pub use program::{Expr, Reference};
pub use regex::Regex;
pub use sample::{Bytes, Fetch, Sample, Type, Value};
pub use subject::{
    Body, Count, End, LogFacts, Named, Origin, Payload, Process, RequestLine, ServerName, Side,
    StatusLine, Subject, Timers, TlsFacts,
};
pub use table::{ConverterKeyword, FetchKeyword};
pub use variables::{SCOPES, Scope, Variable, Variables};

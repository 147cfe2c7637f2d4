//! The validated nouns of a configuration, their identities, the Snapshot and its diff.
//!
//! Nothing here knows configuration text, keywords or JSON. A [`Config`] is whole and consistent:
//! every name it mentions exists in it. Times are [`std::time::Duration`]; `None` means no limit.
#![forbid(unsafe_code)]

mod address;
mod algorithm;
mod backend;
mod bind;
mod check;
pub mod consul;
mod cookie;
mod diff;
mod error_page;
mod frontend;
mod global;
mod log;
pub mod observed;
mod origin;
mod resolvers;
mod rule;
mod server;
mod snapshot;
mod stats;
mod status;
mod timeouts;
mod userlist;

pub use address::{Address, Host, Port, Source, in_network};
pub use algorithm::{Algorithm, HashFunction, HashMethod, HashType};
pub use backend::{Backend, HttpReuse, PersistRule, ServerRule};
pub use bind::{Bind, UnixPermissions};
pub use check::{AgentCheck, Observe, Protocol, StatusRange};
pub use check::{
    CheckKind, CheckStep, Expect, HttpSend, InitState, Match, OnError, OnMarked, ServerCheck,
};
pub use cookie::{CookieMode, CookiePersistence};
pub use diff::{Change, Subject as ChangeSubject, diff};
pub use error_page::{ErrorPage, ErrorPages, Reply, ReplyContent};
pub use frontend::{
    BackendTarget, Capture, ConnectionMode, ForwardFor, Frontend, Mode, Monitor, ProxyOf,
};
pub use global::{Global, StatsSocket};
pub use log::{LogAddress, LogKind, LogSample, LogTarget, LogWireFormat, ProxyLog};
pub use origin::Origin;
pub use resolvers::{Families, Hold, Nameserver, ResolveOptions, Resolvers};
pub use rule::TimeoutName;
pub use rule::{
    DoResolve, HeaderMatch, HttpAction, HttpRule, PatternAction, Redirect, RedirectTarget, Rule,
    RuleSet, TcpAction, TcpRule,
};
pub use server::{InitAddr, ProxyHeader, Server, ServerIdentity};
pub use snapshot::{Config, Generation, Snapshot};
pub use stats::{ServiceName, Stats};
pub use status::{AdminReason, AdminReasons, CheckState, Operational, ServerStatus};
pub use timeouts::Timeouts;
pub use userlist::Userlist;

pub use expr::Match as PatternMatch;
pub use expr::{Expr, LogFormat};
pub use expr::{Found, PatternCell, PatternError, PatternFile, PatternKey, PatternList, ValueKind};
pub use wire::http::FieldName;

/// A name as written in a configuration (frontend, backend, server, header...), shared cheaply.
pub type Name = std::sync::Arc<str>;

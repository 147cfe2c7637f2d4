//! The rows of the keyword table, by family.
mod actions;
mod bind;
mod checks;
mod global;
mod options;
mod proxy;
mod sections;
mod server;
mod tuning;

use crate::keyword::{Keyword, Status};
use crate::section::SectionKind;

/// All rows.
pub(crate) const TABLES: &[&[Keyword]] = &[
    global::GLOBAL,
    tuning::TUNING,
    proxy::PROXY,
    options::OPTIONS,
    checks::CHECKS,
    actions::ACTIONS,
    bind::BIND,
    server::SERVER,
    sections::USERLIST,
    sections::HTTP_ERRORS,
    sections::RESOLVERS,
    sections::PEERS,
    sections::MAILERS,
    sections::CACHE_SECTION,
    sections::RING,
    sections::LOG_FORWARD,
    sections::LOG_PROFILE,
    sections::FCGI_APP,
    sections::CRT_STORE,
    sections::PROGRAM,
    sections::TRACES,
    sections::ACME,
];

/// Rows: `name synopsis, fewest most arguments, places, status, help`.
macro_rules! keywords {
    ($context:expr; $($name:literal $synopsis:literal, $min:literal $max:expr, $places:expr,
        $status:expr, $help:literal;)*) => {
        &[$(crate::keyword::Keyword {
            context: $context,
            name: $name,
            synopsis: $synopsis,
            min_args: $min,
            max_args: $max,
            places: $places,
            status: $status,
            help: $help,
        }),*]
    };
}
pub(crate) use keywords;

const OK: Status = Status::Supported;

/// Loads, does nothing, is not worth a warning.
const TUNE: Status = quiet("tunes an inner part that is built differently here");

const fn ignored(reason: &'static str) -> Status {
    Status::Ignored { reason, quiet: false }
}

const fn quiet(reason: &'static str) -> Status {
    Status::Ignored { reason, quiet: true }
}

const fn refused(reason: &'static str) -> Status {
    Status::Refused { reason }
}

const TLS: Status = refused("not yet: TLS is not built");
/// Settings that matter only once a line says `ssl`, which is refused itself.
const TLS_SETTING: Status = quiet("only matters with TLS, which is not built yet");
const QUIC: Status = refused("not yet: QUIC and HTTP/3 are not built");
const QUIC_SETTING: Status = quiet("only matters with QUIC, which is not built yet");
const H2_SETTING: Status = quiet("only matters with HTTP/2, which is not built yet");
const LUA: Status = refused("not yet: Lua is not built");
const LUA_SETTING: Status = quiet("only matters with Lua, which is not built yet");
const DETECTION: Status = refused("device detection libraries are not part of this program");
const DETECTION_SETTING: Status = quiet("only matters with a device detection library");
const STICK: Status = refused("not yet: stick tables are not built");
const COMPRESSION: Status = ignored("not yet: answers are not compressed");
const CACHE: Status = ignored("not yet: nothing is cached");
const MAIL: Status = ignored("not yet: alert mails are not sent");
const SPOE: Status = refused("not yet: stream processing offload (SPOE) is not built");
const FCGI: Status = refused("not yet: FastCGI is not built");

/// What is done with all lines of a section of this kind.
pub(crate) const fn section_status(kind: SectionKind) -> Status {
    match kind {
        SectionKind::Global
        | SectionKind::Defaults
        | SectionKind::Frontend
        | SectionKind::Listen
        | SectionKind::Backend
        | SectionKind::Userlist
        | SectionKind::HttpErrors
        | SectionKind::Resolvers
        | SectionKind::Unknown => OK,
        SectionKind::Peers => ignored("not yet: nothing is exchanged with peers"),
        SectionKind::Mailers => MAIL,
        SectionKind::Cache => CACHE,
        SectionKind::Ring => ignored("not yet: log rings are not built"),
        SectionKind::LogForward => refused("not yet: log forwarding is not built"),
        SectionKind::LogProfile => ignored("not yet: log profiles are not built"),
        SectionKind::FcgiApp => FCGI,
        SectionKind::CrtStore | SectionKind::Acme => TLS,
        SectionKind::Program => ignored("programs are not started from here: use a supervisor"),
        SectionKind::Traces => quiet("tracing works differently here"),
    }
}

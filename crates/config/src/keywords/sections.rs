//! Keywords of sections that describe no proxy (manual chapter 5.3, 6, 10, 11, 12).
use super::{CACHE, FCGI, MAIL, OK, TLS, TUNE, ignored, keywords, refused};
use crate::keyword::places::NO;
use crate::keyword::{ANY, Context, Keyword, Status};
use crate::section::SectionKind as Kind;

const PEER: Status = ignored("not yet: nothing is exchanged with peers");
const RINGS: Status = ignored("not yet: log rings are not built");
const FORWARD: Status = refused("not yet: log forwarding is not built");
const PROFILE: Status = ignored("not yet: log profiles are not built");
const PROGRAMS: Status = ignored("programs are not started from here: use a supervisor");

pub(super) const USERLIST: &[Keyword] = keywords! { Context::Section(Kind::Userlist);
    "group" "<name> [users <user>[,...]]", 1 3, 0, OK, "A group of users.";
    "user" "<name> [password | insecure-password <password>] [groups <group>[,...]]", 1 5, 0, OK,
        "A user.";
};

pub(super) const HTTP_ERRORS: &[Keyword] = keywords! { Context::Section(Kind::HttpErrors);
    "errorfile" "<code> <file>", 2 2, 0, OK, "Answer for a status.";
};

pub(super) const RESOLVERS: &[Keyword] = keywords! { Context::Section(Kind::Resolvers);
    "accepted_payload_size" "<bytes>", 1 1, 0, OK, "Longest DNS answer.";
    "hold" "<status> <period>", 2 2, 0, OK, "How long an answer counts.";
    "nameserver" "<name> <address>[:<port>] [param*]", 2 ANY, 0, OK, "A DNS server.";
    "parse-resolv-conf" "", 0 0, 0, OK, "Take the system's DNS servers.";
    "resolve_retries" "<number>", 1 1, 0, OK, "Questions before giving up.";
    "timeout resolve" "<time>", 1 1, 0, OK, "Time between questions.";
    "timeout retry" "<time>", 1 1, 0, OK, "Wait for an answer.";
};

pub(super) const PEERS: &[Keyword] = keywords! { Context::Section(Kind::Peers);
    "bind" "<address> [param*]", 1 ANY, 0, PEER, "Where to listen for peers.";
    "default-bind" "[param*]", 0 ANY, 0, PEER, "Defaults for 'bind'.";
    "default-server" "[param*]", 0 ANY, 0, PEER, "Defaults for 'server'.";
    "disabled" "", 0 0, 0, PEER, "Load without starting.";
    "enabled" "", 0 0, 0, PEER, "Start.";
    "log" "<target> [...]", 1 ANY, NO, PEER, "Where to log to.";
    "peer" "<name> <address>:<port> [param*]", 2 ANY, 0, PEER, "A peer.";
    "server" "<name> [<address>:<port>] [param*]", 1 ANY, 0, PEER, "A peer.";
    "shards" "<number>", 1 1, 0, PEER, "Share the keys out.";
    "table" "<name> type <type> size <size> [...]", 5 ANY, 0, PEER, "A table.";
};

pub(super) const MAILERS: &[Keyword] = keywords! { Context::Section(Kind::Mailers);
    "mailer" "<name> <ip>:<port>", 2 2, 0, MAIL, "A mail server.";
    "timeout mail" "<time>", 1 1, 0, MAIL, "Longest delivery.";
};

pub(super) const CACHE_SECTION: &[Keyword] = keywords! { Context::Section(Kind::Cache);
    "max-age" "<seconds>", 1 1, 0, CACHE, "Longest time that an answer is kept.";
    "max-object-size" "<bytes>", 1 1, 0, CACHE, "Largest answer that is kept.";
    "max-secondary-entries" "<number>", 1 1, 0, CACHE, "Most variants of an answer.";
    "process-vary" "{ on | off }", 1 1, 0, CACHE, "Take Vary into account.";
    "total-max-size" "<megabytes>", 1 1, 0, CACHE, "Size of the cache.";
};

pub(super) const RING: &[Keyword] = keywords! { Context::Section(Kind::Ring);
    "backing-file" "<path>", 1 1, 0, RINGS, "File behind the ring.";
    "description" "<text>", 1 ANY, 0, RINGS, "What it is for.";
    "format" "<format>", 1 1, 0, RINGS, "How messages look.";
    "maxlen" "<length>", 1 1, 0, RINGS, "Longest message.";
    "server" "<name> <address> [param*]", 2 ANY, 0, RINGS, "Where messages are sent to.";
    "size" "<size>", 1 1, 0, RINGS, "Size of the ring.";
    "timeout connect" "<timeout>", 1 1, 0, RINGS, "Longest connect.";
    "timeout server" "<timeout>", 1 1, 0, RINGS, "Longest silence.";
};

pub(super) const LOG_FORWARD: &[Keyword] = keywords! { Context::Section(Kind::LogForward);
    "backlog" "<conns>", 1 1, 0, FORWARD, "Connections that may wait.";
    "bind" "<addr> [param*]", 1 ANY, 0, FORWARD, "Where to listen, TCP.";
    "dgram-bind" "<addr> [param*]", 1 ANY, 0, FORWARD, "Where to listen, UDP.";
    "log" "<target> [...]", 1 ANY, 0, FORWARD, "Where to send to.";
    "maxconn" "<conns>", 1 1, 0, FORWARD, "Most connections.";
    "option assume-rfc6587-ntf" "", 0 0, NO, FORWARD, "Messages end at a newline.";
    "option dont-parse-log" "", 0 0, NO, FORWARD, "Leave messages as they are.";
    "option host" "{ replace | fill | keep | append }", 1 1, 0, FORWARD, "Host name to send.";
    "timeout client" "<timeout>", 1 1, 0, FORWARD, "Longest silence.";
};

pub(super) const LOG_PROFILE: &[Keyword] = keywords! { Context::Section(Kind::LogProfile);
    "log-tag" "<tag>", 1 1, 0, PROFILE, "Program name in the syslog header.";
    "on" "<step> [drop] [format <fmt>] [sd <fmt>]", 1 ANY, 0, PROFILE, "Format by step.";
};

pub(super) const FCGI_APP: &[Keyword] = keywords! { Context::Section(Kind::FcgiApp);
    "acl" "<name> <criterion> [...]", 2 ANY, 0, FCGI, "Name a condition.";
    "docroot" "<path>", 1 1, 0, FCGI, "Document root on the server.";
    "index" "<script>", 1 1, 0, FCGI, "Script for paths that end in a slash.";
    "log-stderr" "<target> [...]", 1 ANY, 0, FCGI, "Where error output is logged.";
    "option get-values" "", 0 0, NO, FCGI, "Ask the server for its limits.";
    "option keep-conn" "", 0 0, NO, FCGI, "Keep connections.";
    "option max-reqs" "<reqs>", 1 1, 0, FCGI, "Requests at a time per connection.";
    "option mpxs-conns" "", 0 0, NO, FCGI, "Several requests per connection.";
    "pass-header" "<name> [<condition>]", 1 ANY, 0, FCGI, "Header to pass on.";
    "path-info" "<regex>", 1 1, 0, FCGI, "How the path is taken apart.";
    "set-param" "<name> <fmt> [<condition>]", 2 ANY, 0, FCGI, "Set a parameter.";
};

pub(super) const CRT_STORE: &[Keyword] = keywords! { Context::Section(Kind::CrtStore);
    "crt-base" "<dir>", 1 1, 0, TLS, "Directory of certificates.";
    "key-base" "<dir>", 1 1, 0, TLS, "Directory of keys.";
    "load" "[crt <file>] [param*]", 1 ANY, 0, TLS, "Load a certificate.";
};

pub(super) const PROGRAM: &[Keyword] = keywords! { Context::Section(Kind::Program);
    "command" "<command> [<argument>...]", 1 ANY, 0, PROGRAMS, "What is run.";
    "group" "<name>", 1 1, 0, PROGRAMS, "Its group.";
    "option start-on-reload" "", 0 0, NO, PROGRAMS, "Start again on reload.";
    "user" "<name>", 1 1, 0, PROGRAMS, "Its user.";
};

pub(super) const TRACES: &[Keyword] = keywords! { Context::Section(Kind::Traces);
    "trace" "<source> <argument>...", 1 ANY, 0, TUNE, "Switch a trace on.";
};

pub(super) const ACME: &[Keyword] = keywords! { Context::Section(Kind::Acme);
    "account-key" "<file>", 1 1, 0, TLS, "Key of the account.";
    "acme-vars" "<string>", 1 1, 0, TLS, "Variables for the DNS provider.";
    "bits" "<number>", 1 1, 0, TLS, "Size of RSA keys.";
    "challenge" "{ HTTP-01 | DNS-01 }", 1 1, 0, TLS, "How control of a name is shown.";
    "contact" "<mail>", 1 1, 0, TLS, "Mail address of the account.";
    "curves" "<curve>", 1 1, 0, TLS, "Curve of ECDSA keys.";
    "directory" "<url>", 1 1, 0, TLS, "Address of the authority.";
    "keytype" "{ RSA | ECDSA }", 1 1, 0, TLS, "Kind of keys.";
    "map" "<map>", 1 1, 0, TLS, "Map that holds challenge answers.";
    "provider-name" "<name>", 1 1, 0, TLS, "DNS provider.";
    "reuse-key" "{ on | off }", 1 1, 0, TLS, "Keep the key on renewal.";
};

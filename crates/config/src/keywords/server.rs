//! Options of `server` and `default-server` lines (manual chapter 5.2).
use super::{H2_SETTING, OK, TLS, TLS_SETTING, TUNE, ignored, keywords, quiet, refused};
use crate::keyword::{ANY, Context, Keyword, Status};

const SOCKS: Status = refused("not yet: no SOCKS proxies");

pub(super) const SERVER: &[Keyword] = keywords! { Context::Server;
    "addr" "<ip>", 1 1, 0, OK, "Address that checks go to.";
    "agent-addr" "<addr>", 1 1, 0, OK, "Address of the agent.";
    "agent-check" "", 0 0, 0, OK,
        "Ask an agent for weight and state; 'maxconn' is not followed yet.";
    "agent-inter" "<delay>", 1 1, 0, OK, "Time between questions.";
    "agent-port" "<port>", 1 1, 0, OK, "Port of the agent.";
    "agent-send" "<string>", 1 1, 0, OK, "What the agent is told.";
    "allow-0rtt" "", 0 0, 0, TLS_SETTING, "Send early data.";
    "alpn" "<protocols>", 1 1, 0, TLS_SETTING, "Protocols offered in TLS.";
    "backup" "", 0 0, 0, OK, "Only used when the others are down.";
    "ca-file" "<file>", 1 1, 0, TLS_SETTING, "CAs that its certificate may come from.";
    "check" "", 0 0, 0, OK, "Check its health.";
    "check-alpn" "<protocols>", 1 1, 0, TLS_SETTING, "Protocols offered by checks.";
    "check-pool-conn-name" "<name>", 1 1, 0, TUNE, "Name of connections checks may reuse.";
    "check-proto" "<name>", 1 1, 0, H2_SETTING, "Protocol of checks.";
    "check-reuse-pool" "", 0 0, 0, TUNE, "Check on idle connections.";
    "check-send-proxy" "", 0 0, 0, OK, "Checks send a PROXY header.";
    "check-sni" "<sni>", 1 1, 0, TLS_SETTING, "Name that checks send in TLS.";
    "check-ssl" "", 0 0, 0, TLS, "Check over TLS.";
    "check-via-socks4" "", 0 0, 0, SOCKS, "Check through a SOCKS proxy.";
    "ciphers" "<ciphers>", 1 1, 0, TLS_SETTING, "Ciphers up to TLS 1.2.";
    "ciphersuites" "<suites>", 1 1, 0, TLS_SETTING, "Ciphers of TLS 1.3.";
    "client-sigalgs" "<algs>", 1 1, 0, TLS_SETTING, "Signature algorithms of the own certificate.";
    "cookie" "<value>", 1 1, 0, OK, "Its value in the cookie.";
    "crl-file" "<file>", 1 1, 0, TLS_SETTING, "Revoked certificates.";
    "crt" "<cert>", 1 1, 0, TLS_SETTING, "Certificate shown to the server.";
    "curves" "<curves>", 1 1, 0, TLS_SETTING, "Curves.";
    "disabled" "", 0 0, 0, OK, "Start in maintenance.";
    "downinter" "<delay>", 1 1, 0, OK, "Time between checks while it is down.";
    "enabled" "", 0 0, 0, OK, "Not 'disabled' although default-server says so.";
    "error-limit" "<count>", 1 1, 0, OK, "Errors in a row before 'on-error' acts.";
    "fall" "<count>", 1 1, 0, OK, "Failed checks before it is down.";
    "fastinter" "<delay>", 1 1, 0, OK, "Time between checks while its state changes.";
    "force-sslv3" "", 0 0, 0, TLS_SETTING, "SSL 3 only.";
    "force-tlsv10" "", 0 0, 0, TLS_SETTING, "TLS 1.0 only.";
    "force-tlsv11" "", 0 0, 0, TLS_SETTING, "TLS 1.1 only.";
    "force-tlsv12" "", 0 0, 0, TLS_SETTING, "TLS 1.2 only.";
    "force-tlsv13" "", 0 0, 0, TLS_SETTING, "TLS 1.3 only.";
    "guid" "<string>", 1 1, 0, OK,
        "Name that nothing else has; statistics files do not use it yet.";
    "hash-key" "{ id | addr | addr-port }", 1 1, 0,
        ignored("not yet: servers are hashed by number"), "What consistent hashing goes by.";
    "id" "<value>", 1 1, 0, OK, "Its number.";
    "idle-ping" "<delay>", 1 1, 0, H2_SETTING, "Probe idle connections.";
    "init-addr" "{ last | libc | none | <ip> }[,...]", 1 1, 0, OK,
        "Where its address comes from at start.";
    "init-state" "{ fully-up | up | down | fully-down }", 1 1, 0, OK,
        "Its state before its first check.";
    "inter" "<delay>", 1 1, 0, OK, "Time between checks.";
    "log-bufsize" "<size>", 1 1, 0, TUNE, "Buffer of a log server.";
    "log-proto" "{ legacy | octet-count }", 1 1, 0, TUNE, "How log messages are framed.";
    "max-reuse" "<count>", 1 1, 0, OK, "Times that a connection is used again.";
    "maxconn" "<maxconn>", 1 1, 0, OK, "Most requests at a time; others queue.";
    "maxqueue" "<maxqueue>", 1 1, 0, OK, "Most requests in its queue.";
    "minconn" "<minconn>", 1 1, 0, OK, "Its maxconn while the backend is quiet.";
    "namespace" "<name>", 1 1, 0, refused("not yet: no network namespaces"),
        "Network namespace.";
    "no-agent-check" "", 0 0, 0, OK, "Do not ask an agent.";
    "no-backup" "", 0 0, 0, OK, "Not 'backup' although default-server says so.";
    "no-check" "", 0 0, 0, OK, "Not 'check' although default-server says so.";
    "no-check-reuse-pool" "", 0 0, 0, TUNE, "Check on own connections.";
    "no-check-send-proxy" "", 0 0, 0, OK, "Checks send no PROXY header.";
    "no-check-ssl" "", 0 0, 0, TLS_SETTING, "Check without TLS.";
    "no-send-proxy" "", 0 0, 0, OK, "Send no PROXY header.";
    "no-send-proxy-v2" "", 0 0, 0, OK, "Send no PROXY header.";
    "no-send-proxy-v2-ssl" "", 0 0, 0, TLS_SETTING, "Send no PROXY header.";
    "no-send-proxy-v2-ssl-cn" "", 0 0, 0, TLS_SETTING, "Send no PROXY header.";
    "no-ssl" "", 0 0, 0, TLS_SETTING, "Not 'ssl' although default-server says so.";
    "no-ssl-reuse" "", 0 0, 0, TLS_SETTING, "Do not resume TLS sessions.";
    "no-sslv3" "", 0 0, 0, TLS_SETTING, "No SSL 3.";
    "no-tfo" "", 0 0, 0, TUNE, "No TCP fast open.";
    "no-tls-tickets" "", 0 0, 0, TLS_SETTING, "No session tickets.";
    "no-tlsv10" "", 0 0, 0, TLS_SETTING, "No TLS 1.0.";
    "no-tlsv11" "", 0 0, 0, TLS_SETTING, "No TLS 1.1.";
    "no-tlsv12" "", 0 0, 0, TLS_SETTING, "No TLS 1.2.";
    "no-tlsv13" "", 0 0, 0, TLS_SETTING, "No TLS 1.3.";
    "no-verifyhost" "", 0 0, 0, TLS_SETTING, "Not 'verifyhost'.";
    "non-stick" "", 0 0, 0, quiet("only matters with stick tables"), "Never in stick tables.";
    "npn" "<protocols>", 1 1, 0, TLS_SETTING, "What came before ALPN.";
    "observe" "{ layer4 | layer7 }", 1 1, 0, OK, "Judge it by real traffic too.";
    "on-error" "{ fastinter | fail-check | sudden-death | mark-down }", 1 1, 0, OK,
        "What errors in real traffic lead to.";
    "on-marked-down" "shutdown-sessions", 1 1, 0, OK, "What happens when it goes down.";
    "on-marked-up" "shutdown-backup-sessions", 1 1, 0, OK, "What happens when it comes up.";
    "pool-conn-name" "<expr>", 1 1, 0, TUNE, "Name that idle connections go by.";
    "pool-low-conn" "<max>", 1 1, 0, TUNE, "Idle connections that other threads leave alone.";
    "pool-max-conn" "<max>", 1 1, 0, OK, "Most idle connections kept.";
    "pool-purge-delay" "<delay>", 1 1, 0, OK, "How often unused connections are closed.";
    "port" "<port>", 1 1, 0, OK, "Port that checks go to.";
    "proto" "h1", 1 1, 0, OK, "Protocol to speak without negotiation; only h1 so far.";
    "proxy-v2-options" "<option>[,<option>]*", 1 1, 0,
        ignored("not yet: PROXY headers hold addresses only"), "What the PROXY header tells.";
    "redir" "<prefix>", 1 1, 0, OK, "Send clients there themselves.";
    "resolve-net" "<network>[,...]", 1 1, 0, OK, "Preferred networks.";
    "resolve-opts" "<option>[,...]", 1 1, 0, OK, "Which records are taken.";
    "resolve-prefer" "{ ipv4 | ipv6 }", 1 1, 0, OK, "Preferred address family.";
    "resolvers" "<id>", 1 1, 0, OK, "DNS servers that watch its name.";
    "rise" "<count>", 1 1, 0, OK, "Good checks before it is up.";
    "send-proxy" "", 0 0, 0, OK, "Send a PROXY header, version 1.";
    "send-proxy-v2" "", 0 0, 0, OK, "Send a PROXY header, version 2.";
    "send-proxy-v2-ssl" "", 0 0, 0, TLS, "The same with TLS fields.";
    "send-proxy-v2-ssl-cn" "", 0 0, 0, TLS, "The same with the certificate's name.";
    "set-proxy-v2-tlv-fmt" "(<id>) <fmt>", 1 1, 0, refused("not yet: no own TLV fields"),
        "Own field of the PROXY header.";
    "shard" "<shard>", 1 1, 0, quiet("only matters with peers"), "Its share of the peers' keys.";
    "sigalgs" "<algs>", 1 1, 0, TLS_SETTING, "Signature algorithms.";
    "slowstart" "<time>", 1 1, 0, OK, "Time over which its weight grows.";
    "sni" "<expr>", 1 1, 0, TLS_SETTING, "Name sent in TLS.";
    "socks4" "<addr>:<port>", 1 1, 0, SOCKS, "SOCKS proxy to go through.";
    "source" "<addr>[:<port>] [usesrc ...] [interface <name>]", 1 ANY, 0, OK,
        "Address that connections come from.";
    "ssl" "", 0 0, 0, TLS, "Speak TLS.";
    "ssl-max-ver" "<version>", 1 1, 0, TLS_SETTING, "Newest TLS version.";
    "ssl-min-ver" "<version>", 1 1, 0, TLS_SETTING, "Oldest TLS version.";
    "ssl-reuse" "", 0 0, 0, TLS_SETTING, "Resume TLS sessions.";
    "stick" "", 0 0, 0, quiet("only matters with stick tables"), "Not 'non-stick'.";
    "strict-maxconn" "", 0 0, 0, TUNE, "Idle connections count for maxconn.";
    "tcp-ut" "<delay>", 1 1, 0, OK, "TCP user timeout.";
    "tfo" "", 0 0, 0, TUNE, "TCP fast open.";
    "tls-tickets" "", 0 0, 0, TLS_SETTING, "Session tickets.";
    "track" "[<backend>/]<server>", 1 1, 0, OK, "Share the health of another server.";
    "usesrc" "<address>", 1 1, 0, OK, "Source address, within 'source'.";
    "verify" "{ none | required }", 1 1, 0, TLS_SETTING, "Whether its certificate is checked.";
    "verifyhost" "<hostname>", 1 1, 0, TLS_SETTING, "Name its certificate must have.";
    "weight" "<weight>", 1 1, 0, OK, "Its share of the load, 0 to 256.";
    "ws" "{ auto | h1 | h2 }", 1 1, 0, H2_SETTING, "Protocol of WebSockets.";
};

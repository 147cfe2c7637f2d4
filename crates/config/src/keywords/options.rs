//! `option` keywords of proxies (manual chapter 4.2).
use super::{OK, TUNE, ignored, keywords, quiet, refused};
use crate::keyword::places::{B, D, F, L, NO};
use crate::keyword::{ANY, Context, Keyword};

const ALL: u16 = D | F | L | B;
const FRONT: u16 = D | F | L;
const BACK: u16 = D | L | B;

const CASE: crate::keyword::Status = ignored("header names keep the case they came in");
const PROBE: crate::keyword::Status =
    refused("not yet: use 'option tcp-check' or a plain connection check");

pub(super) const OPTIONS: &[Keyword] = keywords! { Context::Proxy;
    "option abortonclose" "", 0 0, BACK | NO, OK, "Drop queued requests whose client has left.";
    "option accept-invalid-http-request" "", 0 0, FRONT | NO, OK,
        "Older name of accept-unsafe-violations-in-http-request.";
    "option accept-invalid-http-response" "", 0 0, BACK | NO, OK,
        "Older name of accept-unsafe-violations-in-http-response.";
    "option accept-unsafe-violations-in-http-request" "", 0 0, FRONT | NO, OK,
        "Take requests with characters that should not be there.";
    "option accept-unsafe-violations-in-http-response" "", 0 0, BACK | NO, OK,
        "Take answers with characters that should not be there.";
    "option allbackups" "", 0 0, BACK | NO, OK, "Use all backup servers, not only the first.";
    "option checkcache" "", 0 0, BACK | NO, refused("not yet: answers are not examined for it"),
        "Block answers that could be cached together with a cookie.";
    "option clitcpka" "", 0 0, FRONT | NO, OK, "TCP keep-alive towards clients.";
    "option contstats" "", 0 0, FRONT | NO, quiet("counters are always up to date"),
        "Count bytes while they pass.";
    "option disable-h2-upgrade" "", 0 0, FRONT | NO, quiet("only matters with HTTP/2"),
        "Do not switch to HTTP/2 on its preface.";
    "option dontlog-normal" "", 0 0, FRONT | NO, OK, "Log only what went wrong.";
    "option dontlognull" "", 0 0, FRONT | NO, OK, "Do not log connections without data.";
    "option external-check" "", 0 0, BACK, refused("not yet: checks run no commands"),
        "Check servers with a command.";
    "option forwarded" "[proto] [host | host-expr <e>] [by | by-expr <e>] [for | for-expr <e>]",
        0 ANY, BACK | NO, refused("not yet: use 'option forwardfor'"),
        "Send the Forwarded header of RFC 7239.";
    "option forwardfor" "[except <network>] [header <name>] [if-none]", 0 ANY, ALL, OK,
        "Tell servers the client's address.";
    "option h1-case-adjust-bogus-client" "", 0 0, FRONT | NO, CASE,
        "Write header names in adjusted case to clients.";
    "option h1-case-adjust-bogus-server" "", 0 0, BACK | NO, CASE,
        "Write header names in adjusted case to servers.";
    "option http-buffer-request" "", 0 0, ALL | NO, OK,
        "Wait for the body before a server is chosen.";
    "option http-drop-request-trailers" "", 0 0, D | L | B | NO, TUNE,
        "Do not forward trailers of requests.";
    "option http-drop-response-trailers" "", 0 0, D | F | L | NO, TUNE,
        "Do not forward trailers of answers.";
    "option http-ignore-probes" "", 0 0, FRONT | NO, OK,
        "No answer and no log for connections without a request.";
    "option http-keep-alive" "", 0 0, ALL | NO, OK, "Keep connections on both sides.";
    "option http-no-delay" "", 0 0, ALL | NO, OK, "Send every piece at once.";
    "option http-pretend-keepalive" "", 0 0, BACK | NO, OK,
        "Ask servers for keep-alive although the connection is closed.";
    "option http-restrict-req-hdr-names" "{ preserve | delete | reject }", 1 1, ALL,
        refused("not yet: header names are not restricted"),
        "What to do with odd header names.";
    "option http-server-close" "", 0 0, ALL | NO, OK,
        "Close server connections, keep those of clients.";
    "option http-use-proxy-header" "", 0 0, FRONT | NO,
        ignored("Proxy-Connection is for the next hop alone and is not passed on"),
        "Take Proxy-Connection for Connection.";
    "option httpchk" "[[<method>] <uri> [<version> [<host>]]]", 0 4, BACK, OK,
        "Check servers with an HTTP request.";
    "option httpclose" "", 0 0, ALL | NO, OK, "Close connections on both sides.";
    "option httplog" "[clf]", 0 1, FRONT, OK, "Log requests in HAProxy's HTTP format.";
    "option httpslog" "", 0 0, FRONT, OK, "The same with TLS fields.";
    "option idle-close-on-response" "", 0 0, FRONT | NO, quiet("it is always so"),
        "On a soft stop, let clients have one more answer.";
    "option independent-streams" "", 0 0, ALL | NO, quiet("each direction has its own timer"),
        "Writing does not count as activity of the reader.";
    "option ldap-check" "", 0 0, BACK, OK, "Check LDAP servers.";
    "option log-health-checks" "", 0 0, BACK | NO, OK, "Log every change of a check's result.";
    "option log-separate-errors" "", 0 0, FRONT | NO, OK, "Log failures at level err.";
    "option logasap" "", 0 0, FRONT | NO, OK, "Log when the answer starts, not when it ends.";
    "option mysql-check" "[user <name> [{ post-41 | pre-41 }]]", 0 3, BACK, OK,
        "Check MySQL servers.";
    "option nolinger" "", 0 0, ALL | NO, OK, "Close with a reset.";
    "option originalto" "[except <network>] [header <name>]", 0 ANY, ALL, OK,
        "Tell servers the address the client connected to.";
    "option persist" "", 0 0, BACK | NO, OK, "Follow the cookie even to a server that is down.";
    "option pgsql-check" "user <name>", 2 2, BACK, OK, "Check PostgreSQL servers.";
    "option prefer-last-server" "", 0 0, BACK | NO, OK, "Stay on the last server if possible.";
    "option redis-check" "", 0 0, BACK, OK, "Check Redis servers.";
    "option redispatch" "[<interval>]", 0 1, BACK | NO, OK,
        "Leave the cookie's server when it cannot be reached.";
    "option smtpchk" "[<hello> <domain>]", 0 2, BACK, OK, "Check SMTP servers.";
    "option socket-stats" "", 0 0, FRONT | NO, quiet("only matters with the statistics page"),
        "Count for each bind apart.";
    "option splice-auto" "", 0 0, ALL | NO, TUNE, "Splice in the kernel when it pays.";
    "option splice-request" "", 0 0, ALL | NO, TUNE, "Splice requests.";
    "option splice-response" "", 0 0, ALL | NO, TUNE, "Splice answers.";
    "option spop-check" "", 0 0, BACK, PROBE, "Check SPOP agents.";
    "option srvtcpka" "", 0 0, BACK | NO, OK, "TCP keep-alive towards servers.";
    "option ssl-hello-chk" "", 0 0, BACK, OK, "Check with an SSL 3 hello.";
    "option tcp-check" "", 0 0, BACK, OK, "Check with a sequence of steps.";
    "option tcp-smart-accept" "", 0 0, FRONT | NO, TUNE, "Spare a packet on accept.";
    "option tcp-smart-connect" "", 0 0, BACK | NO, TUNE, "Spare a packet on connect.";
    "option tcpka" "", 0 0, ALL, OK, "TCP keep-alive on both sides.";
    "option tcplog" "[clf]", 0 1, FRONT, OK, "Log connections in HAProxy's TCP format.";
    "option transparent" "", 0 0, BACK | NO, refused("not yet: no transparent proxying"),
        "Connect to where the client wanted to go.";
};

//! Actions of rules (manual chapter 4.3 and 4.4).
use super::{CACHE, LUA, OK, QUIC, SPOE, STICK, ignored, keywords, quiet, refused};
use crate::keyword::places::{HA, HQ, HR, QI, TC, TP, TR, TS};
use crate::keyword::{ANY, Context, Keyword, Status};

const TCP: u16 = TC | TS | TR;
const HTTP: u16 = HQ | HR | HA;
const SOCKET: Status = quiet("sockets keep their marks and priorities");
const QUEUE: Status = ignored("not yet: the queue has no priorities");

pub(super) const ACTIONS: &[Keyword] = keywords! { Context::Action;
    "accept" "", 0 ANY, QI | TCP | TP, OK, "Take the connection; later rules do not count.";
    "add-acl" "(<file>) <key fmt>", 1 ANY, HQ | HR, OK, "Add a pattern to a file's list.";
    "add-header" "<name> <fmt>", 2 ANY, HTTP, OK, "Add a header.";
    "allow" "", 0 ANY, HTTP, OK, "Take the message; later rules do not count.";
    "attach-srv" "<server> [name <expr>]", 1 ANY, TS, refused("not yet: no reverse connections"),
        "Give the connection to a server.";
    "auth" "[realm <realm>]", 0 ANY, HQ, OK, "Ask for an account.";
    "cache-store" "<name>", 1 ANY, HR, CACHE, "Keep the answer in a cache.";
    "cache-use" "<name>", 1 ANY, HQ, CACHE, "Answer from a cache.";
    "capture" "<sample> { len <length> | id <id> }", 3 ANY, TR | HTTP, OK, "Log a sample.";
    "close" "", 0 ANY, TP, OK, "Close the server connection.";
    "del-acl" "(<file>) <key fmt>", 1 ANY, HTTP, OK, "Take a pattern from a file's list.";
    "del-header" "<name> [-m <method>]", 1 ANY, HTTP, OK, "Remove headers.";
    "del-map" "(<map>) <key fmt>", 1 ANY, HTTP, OK, "Take a key from a map.";
    "deny" "[status <code>] [content-type <type>] [<body>]", 0 ANY, HQ | HR, OK,
        "Refuse with an error.";
    "dgram-drop" "", 0 ANY, QI, QUIC, "Drop the packet.";
    "disable-l7-retry" "", 0 ANY, HQ, OK, "Do not send this request a second time.";
    "do-log" "", 0 ANY, QI | TCP | TP | HTTP, ignored("not yet: one line is logged, at the end"),
        "Write a log line now.";
    "do-resolve" "(<var>,<resolvers>[,ipv4|ipv6]) <expr>", 1 ANY, TR | HQ, OK, "Resolve a name.";
    "early-hint" "<name> <fmt>", 2 ANY, HQ, OK, "Send a header ahead with status 103.";
    "expect-netscaler-cip" "layer4", 1 ANY, TC, refused("not yet: no NetScaler headers"),
        "Expect a NetScaler header.";
    "expect-proxy" "layer4", 1 ANY, TC, OK, "Expect a PROXY header.";
    "normalize-uri" "<normalizer> [<option>]", 1 ANY, HQ,
        refused("not yet: request targets are not normalised"), "Bring the target to one form.";
    "ot-group" "<filter> <group>", 2 ANY, TR | TP | HTTP, ignored("not yet: no traces are sent"),
        "Send a trace.";
    "pause" "{ <timeout> | <expr> }", 1 ANY, HQ | HR, refused("not yet: rules do not pause"),
        "Wait before going on.";
    "redirect" "<rule>", 2 ANY, HQ | HR, OK, "Answer with a redirection.";
    "reject" "", 0 ANY, QI | TCP | TP | HQ, OK, "Close without an answer.";
    "replace-header" "<name> <regex> <fmt>", 3 ANY, HTTP, OK, "Rewrite whole headers.";
    "replace-path" "<regex> <fmt>", 2 ANY, HQ, OK, "Rewrite the path.";
    "replace-pathq" "<regex> <fmt>", 2 ANY, HQ, OK, "Rewrite path and query.";
    "replace-uri" "<regex> <fmt>", 2 ANY, HQ, OK, "Rewrite the whole target.";
    "replace-value" "<name> <regex> <fmt>", 3 ANY, HTTP, OK, "Rewrite each value of headers.";
    "return" "[status <code>] [content-type <type>] [<body>]", 0 ANY, HQ | HR, OK,
        "Answer without asking a server.";
    "sc-add-gpc" "(<idx>,<sc>) { <int> | <expr> }", 1 ANY, TCP | TP | HTTP, STICK,
        "Add to a counter.";
    "sc-inc-gpc" "(<idx>,<sc>)", 0 ANY, TCP | TP | HTTP, STICK, "Raise a counter.";
    "sc-inc-gpc0" "(<sc>)", 0 ANY, TCP | TP | HTTP, STICK, "Raise the first counter.";
    "sc-inc-gpc1" "(<sc>)", 0 ANY, TCP | TP | HTTP, STICK, "Raise the second counter.";
    "sc-set-gpt" "(<idx>,<sc>) { <int> | <expr> }", 1 ANY, TCP | TP | HTTP, STICK, "Set a tag.";
    "sc-set-gpt0" "(<sc>) { <int> | <expr> }", 1 ANY, TCP | TP | HTTP, STICK,
        "Set the first tag.";
    "send-retry" "", 0 ANY, QI, QUIC, "Make the client prove its address.";
    "send-spoe-group" "<engine> <group>", 2 ANY, TR | TP | HQ | HR, SPOE, "Ask an agent.";
    "set-bandwidth-limit" "<name> [limit <size>] [period <time>]", 1 ANY, TR | TP | HQ | HR,
        refused("not yet: no bandwidth limits"), "Switch a limit on.";
    "set-bc-mark" "{ <mark> | <expr> }", 1 ANY, TR | HQ, SOCKET, "Mark server packets.";
    "set-bc-tos" "{ <tos> | <expr> }", 1 ANY, TR | HQ, SOCKET, "Class of server packets.";
    "set-dst" "<expr>", 1 ANY, TCP | HQ, OK, "Change the destination address.";
    "set-dst-port" "<expr>", 1 ANY, TCP | HQ, OK, "Change the destination port.";
    "set-fc-mark" "{ <mark> | <expr> }", 1 ANY, TCP | TP | HQ | HR, SOCKET,
        "Mark client packets.";
    "set-fc-tos" "{ <tos> | <expr> }", 1 ANY, TCP | TP | HQ | HR, SOCKET,
        "Class of client packets.";
    "set-header" "<name> <fmt>", 2 ANY, HTTP, OK, "Set a header, in place of those before.";
    "set-log-level" "<level>", 1 ANY, TR | TP | HTTP, OK, "Level of the log line.";
    "set-map" "(<map>) <key fmt> <value fmt>", 2 ANY, HTTP, OK, "Add a key to a map.";
    "set-mark" "<mark>", 1 ANY, TCP | TP | HQ | HR, SOCKET, "Older name of set-fc-mark.";
    "set-method" "<fmt>", 1 ANY, HQ, OK, "Change the method.";
    "set-nice" "<nice>", 1 ANY, TR | TP | HQ | HR, SOCKET, "Priority of this stream.";
    "set-path" "<fmt>", 1 ANY, HQ, OK, "Change the path.";
    "set-pathq" "<fmt>", 1 ANY, HQ, OK, "Change path and query.";
    "set-priority-class" "<expr>", 1 ANY, TR | HQ, QUEUE, "Class in the queue.";
    "set-priority-offset" "<expr>", 1 ANY, TR | HQ, QUEUE, "Head start in the queue.";
    "set-query" "<fmt>", 1 ANY, HQ, OK, "Change the query.";
    "set-retries" "{ <int> | <expr> }", 1 ANY, TR | HQ,
        ignored("not yet: 'retries' of the backend counts"), "Attempts of this request.";
    "set-src" "<expr>", 1 ANY, TCP | HQ, OK, "Change the client's address.";
    "set-src-port" "<expr>", 1 ANY, TCP | HQ, OK, "Change the client's port.";
    "set-status" "<status> [reason <text>]", 1 ANY, HR | HA, OK, "Change the status.";
    "set-timeout" "{ client | server | tunnel } { <timeout> | <expr> }", 2 ANY, HQ | HR, OK,
        "Change a timeout.";
    "set-tos" "<tos>", 1 ANY, TCP | TP | HQ | HR, SOCKET, "Older name of set-fc-tos.";
    "set-uri" "<fmt>", 1 ANY, HQ, OK, "Change the whole target.";
    "set-var" "(<name>[,<cond>...]) <expr>", 1 ANY, TCP | TP | HTTP, OK, "Set a variable.";
    "set-var-fmt" "(<name>[,<cond>...]) <fmt>", 1 ANY, TCP | TP | HTTP, OK,
        "Set a variable from a format.";
    "silent-drop" "[rst-ttl <ttl>]", 0 ANY, TCP | TP | HQ | HR, OK,
        "Leave the client waiting.";
    "strict-mode" "{ on | off }", 1 ANY, HTTP,
        ignored("an edit that finds no room is left out in either mode"),
        "Whether a failed rewrite is an error.";
    "switch-mode" "http [proto <name>]", 1 ANY, TR, refused("not yet: the mode is the frontend's"),
        "Go on as HTTP.";
    "tarpit" "[status <code>] [content-type <type>] [<body>]", 0 ANY, HQ, OK,
        "Refuse after a wait.";
    "track-sc0" "<key> [table <table>]", 1 ANY, TCP | HQ | HR, STICK, "Count by key.";
    "track-sc1" "<key> [table <table>]", 1 ANY, TCP | HQ | HR, STICK, "Count by key.";
    "track-sc2" "<key> [table <table>]", 1 ANY, TCP | HQ | HR, STICK, "Count by key.";
    "unset-var" "(<name>)", 0 ANY, TCP | TP | HTTP, OK, "Drop a variable.";
    "use-service" "<name>", 1 ANY, HQ, OK, "Let an inner service answer.";
    "wait-for-body" "time <time> [at-least <bytes>]", 2 ANY, HQ | HR, OK, "Wait for the body.";
    "wait-for-handshake" "", 0 ANY, HQ, quiet("only matters with early data"),
        "Wait for the TLS handshake.";
    "lua" ".<function> [<arg>...]", 0 ANY, TCP | TP | HTTP, LUA, "Call a Lua function.";
};

//! Keywords of proxies other than options and checks (manual chapter 4.2).
use super::{COMPRESSION, FCGI, MAIL, OK, QUIC, STICK, TLS, ignored, keywords, quiet, refused};
use crate::keyword::places::{B, D, F, L, NO};
use crate::keyword::{ANY, Context, Keyword};

const ALL: u16 = D | F | L | B;
const FRONT: u16 = D | F | L;
const BACK: u16 = D | L | B;
const FLB: u16 = F | L | B;

const KEEP_ALIVE: crate::keyword::Status = quiet("the kernel's own keep-alive settings are used");

pub(super) const PROXY: &[Keyword] = keywords! { Context::Proxy;
    "acl" "<name> <criterion> [flags] [operator] [<value>...]", 2 ANY, ALL, OK,
        "Name a condition.";
    "backlog" "<conns>", 1 1, FRONT, OK, "Connections that may wait to be accepted.";
    "balance" "<algorithm> [<arguments>]", 0 ANY, BACK, OK, "How a server is picked.";
    "bind" "<address>[,...] [param*]", 1 ANY, F | L, OK, "Where to listen.";
    "capture cookie" "<name> len <length>", 3 3, F | L, OK, "Log a cookie.";
    "capture request header" "<name> len <length>", 3 3, F | L, OK, "Log a request header.";
    "capture response header" "<name> len <length>", 3 3, F | L, OK, "Log a response header.";
    "clitcpka-cnt" "<count>", 1 1, FRONT, KEEP_ALIVE, "Probes before a client counts as dead.";
    "clitcpka-idle" "<timeout>", 1 1, FRONT, KEEP_ALIVE, "Quiet time before the first probe.";
    "clitcpka-intvl" "<timeout>", 1 1, FRONT, KEEP_ALIVE, "Time between probes.";
    "compression algo" "<algorithm>...", 1 ANY, ALL, COMPRESSION, "How answers are compressed.";
    "compression algo-req" "<algorithm>", 1 1, ALL, COMPRESSION, "How requests are compressed.";
    "compression algo-res" "<algorithm>...", 1 ANY, ALL, COMPRESSION,
        "How answers are compressed.";
    "compression direction" "{ request | response | both }", 1 1, ALL, COMPRESSION,
        "What is compressed.";
    "compression minsize-req" "<size>", 1 1, ALL, COMPRESSION, "Smallest request compressed.";
    "compression minsize-res" "<size>", 1 1, ALL, COMPRESSION, "Smallest answer compressed.";
    "compression offload" "", 0 0, ALL, COMPRESSION, "Keep servers from compressing.";
    "compression type" "<mime type>...", 1 ANY, ALL, COMPRESSION, "Which content is compressed.";
    "compression type-req" "<mime type>...", 1 ANY, ALL, COMPRESSION, "Which requests.";
    "compression type-res" "<mime type>...", 1 ANY, ALL, COMPRESSION, "Which answers.";
    "cookie" "<name> [rewrite | insert | prefix] [indirect] [nocache] [...]", 1 ANY, BACK, OK,
        "Keep clients on their server by cookie.";
    "crt" "<cert> [...]", 1 ANY, F | L, TLS, "Certificate of the binds of this frontend.";
    "declare capture" "{ request | response } len <length>", 3 3, F | L, OK,
        "Reserve a slot for a capture.";
    "default-server" "[param*]", 1 ANY, BACK, OK, "Defaults for the servers that follow.";
    "default_backend" "<backend>", 1 1, FRONT, OK, "Backend when no rule chose one.";
    "description" "<text>", 1 ANY, FLB, quiet("only shown on the statistics page"),
        "Text that describes the proxy.";
    "disabled" "", 0 0, ALL, OK, "Load the proxy without starting it.";
    "dispatch" "<address>:<port>", 1 1, L | B, OK, "The only server, without a name.";
    "dynamic-cookie-key" "<string>", 1 1, BACK, OK, "Secret that dynamic cookies are made with.";
    "email-alert from" "<address>", 1 1, ALL, MAIL, "Sender of alert mails.";
    "email-alert level" "<level>", 1 1, ALL, MAIL, "Least severe log level that is mailed.";
    "email-alert mailers" "<section>", 1 1, ALL, MAIL, "Which mailers alert mails go to.";
    "email-alert myhostname" "<name>", 1 1, ALL, MAIL, "Name given to mailers.";
    "email-alert to" "<address>", 1 1, ALL, MAIL, "Recipient of alert mails.";
    "enabled" "", 0 0, ALL, OK, "Start the proxy although defaults say 'disabled'.";
    "error-log-format" "<fmt>", 1 1, FRONT, OK, "Log format of failed connections.";
    "errorfile" "<code> <file>", 2 2, ALL, OK, "Answer sent in place of an own error.";
    "errorfiles" "<name> [<code>...]", 1 ANY, ALL, OK, "Take answers from a http-errors section.";
    "errorloc" "<code> <url>", 2 2, ALL, OK, "Redirect (302) in place of an own error.";
    "errorloc302" "<code> <url>", 2 2, ALL, OK, "Redirect (302) in place of an own error.";
    "errorloc303" "<code> <url>", 2 2, ALL, OK, "Redirect (303) in place of an own error.";
    "external-check command" "<command>", 1 1, BACK, refused("not yet: checks run no commands"),
        "Command that checks a server.";
    "external-check path" "<path>", 1 1, BACK, quiet("only matters with external checks"),
        "Path for check commands.";
    "filter bwlim-in" "<name> ...", 1 ANY, FLB, refused("not yet: no bandwidth limits"),
        "Limit what is received.";
    "filter bwlim-out" "<name> ...", 1 ANY, FLB, refused("not yet: no bandwidth limits"),
        "Limit what is sent.";
    "filter cache" "<name>", 1 1, FLB, super::CACHE, "Where the cache takes part.";
    "filter comp-req" "", 0 0, FLB, COMPRESSION, "Where requests are compressed.";
    "filter comp-res" "", 0 0, FLB, COMPRESSION, "Where answers are compressed.";
    "filter compression" "", 0 0, FLB, COMPRESSION, "Where compression takes part.";
    "filter fcgi-app" "<name>", 1 1, FLB, FCGI, "Where FastCGI takes part.";
    "filter opentracing" "[id <id>] config <file>", 2 ANY, FLB,
        ignored("not yet: no traces are sent"), "Send traces.";
    "filter spoe" "[engine <name>] config <file>", 2 ANY, FLB, super::SPOE, "Ask an agent.";
    "filter trace" "[name <name>] [...]", 0 ANY, FLB, quiet("tracing works differently here"),
        "Print what passes.";
    "force-persist" "{ if | unless } <condition>", 2 ANY, L | B, OK,
        "Follow the cookie even to a server that is down.";
    "fullconn" "<conns>", 1 1, BACK, OK, "Load at which servers reach their maxconn.";
    "guid" "<string>", 1 1, FLB, OK,
        "Name that nothing else has; statistics files do not use it yet.";
    "hash-balance-factor" "<factor>", 1 1, BACK, OK, "Most load above the average, in percent.";
    "hash-preserve-affinity" "{ always | maxconn | maxqueue }", 1 1, BACK,
        ignored("not yet: a full server keeps its keys"), "When a full server loses its keys.";
    "hash-type" "<method> [<function> [<modifier>]]", 1 3, BACK, OK, "How keys become servers.";
    "http-after-response" "<action> [{ if | unless } <condition>]", 1 ANY, ALL, OK,
        "Rule for every answer, own ones included.";
    "http-error" "status <code> [content-type <type>] [<body>]", 2 ANY, ALL, OK,
        "Answer sent in place of an own error.";
    "http-request" "<action> [{ if | unless } <condition>]", 1 ANY, ALL, OK, "Rule for requests.";
    "http-response" "<action> [{ if | unless } <condition>]", 1 ANY, ALL, OK,
        "Rule for answers of servers.";
    "http-reuse" "{ never | safe | aggressive | always }", 1 1, BACK, OK,
        "When idle server connections are used again.";
    "http-send-name-header" "[<header>]", 0 1, BACK, OK, "Tell servers their own name.";
    "id" "<value>", 1 1, FLB, OK, "Number of the proxy.";
    "ignore-persist" "{ if | unless } <condition>", 2 ANY, L | B, OK, "Do not follow the cookie.";
    "load-server-state-from-file" "{ global | local | none }", 1 1, BACK, OK,
        "Which server state file to read.";
    "log" "global | <target> [...] <facility> [<level> [<minlevel>]]", 0 ANY, ALL | NO, OK,
        "Where to log to.";
    "log-format" "<fmt>", 1 1, FRONT, OK, "How a log line looks.";
    "log-format-sd" "<fmt>", 1 1, FRONT, ignored("not yet: no structured data is logged"),
        "Structured data of RFC 5424 log lines.";
    "log-steps" "<steps>", 1 1, FRONT, ignored("one line is logged, at the end"),
        "When a log line is written.";
    "log-tag" "<tag>", 1 1, ALL, OK, "Program name in the syslog header.";
    "max-keep-alive-queue" "<value>", 1 1, BACK, quiet("idle connections are shared by all"),
        "Queue length above which clients may change server.";
    "max-session-srv-conns" "<nb>", 1 1, FRONT, quiet("idle connections are shared by all"),
        "Server connections that one client may keep.";
    "maxconn" "<conns>", 1 1, FRONT, OK, "Most client connections of the frontend.";
    "mode" "{ tcp | http | log | spop }", 1 1, ALL, OK, "What the proxy speaks.";
    "monitor fail" "{ if | unless } <condition>", 2 ANY, F | L, OK,
        "When the monitor address reports a failure.";
    "monitor-uri" "<uri>", 1 1, FRONT, OK, "Address answered with 200 by the proxy itself.";
    "persist rdp-cookie" "", 0 0, BACK, refused("not yet: no RDP cookies"),
        "Keep RDP clients on their server.";
    "quic-initial" "<action> [{ if | unless } <condition>]", 1 ANY, FRONT, QUIC,
        "Rule for the first QUIC packet.";
    "rate-limit sessions" "<rate>", 1 1, FRONT, OK, "Most new sessions per second.";
    "redirect" "{ location | prefix | scheme } <to> [code <code>] [<option>...] [<condition>]",
        2 ANY, FLB, OK, "Answer with a redirection.";
    "retries" "<value>", 1 1, BACK, OK, "Attempts after a failed connection.";
    "retry-on" "<reason>...", 1 ANY, BACK, OK, "Which failures are tried again.";
    "server" "<name> { <address>[:<port>] | consul@<service> } [param*]", 2 ANY, L | B, OK,
        "A server.";
    "server-state-file-name" "[{ use-backend-name | <file> }]", 0 1, BACK, OK,
        "Name of the server state file.";
    "server-template" "<prefix> <num | range> { <fqdn>[:<port>] | consul@<service> } [param*]",
        3 ANY, L | B, OK, "Several servers behind one name, or the instances of a service.";
    "source" "<addr>[:<port>] [usesrc ...] [interface <name>]", 1 ANY, BACK, OK,
        "Address that server connections come from.";
    "srvtcpka-cnt" "<count>", 1 1, BACK, KEEP_ALIVE, "Probes before a server counts as dead.";
    "srvtcpka-idle" "<timeout>", 1 1, BACK, KEEP_ALIVE, "Quiet time before the first probe.";
    "srvtcpka-intvl" "<timeout>", 1 1, BACK, KEEP_ALIVE, "Time between probes.";
    "ssl-f-use" "[<param>...]", 0 ANY, F | L, TLS, "Certificate of the binds of this frontend.";
    "stats admin" "{ if | unless } <condition>", 2 ANY, FLB, OK,
        "Who may change servers on the statistics page.";
    "stats auth" "<user>:<password>", 1 1, ALL, OK, "Account for the statistics page.";
    "stats enable" "", 0 0, ALL, OK, "Serve the statistics page.";
    "stats hide-version" "", 0 0, ALL, OK, "Do not show the version.";
    "stats http-request" "{ allow | deny | auth [realm <realm>] } [<condition>]", 1 ANY, FLB, OK,
        "Rule for requests of the statistics page.";
    "stats realm" "<realm>", 1 1, ALL, OK, "Realm shown when asking for an account.";
    "stats refresh" "<delay>", 1 1, ALL, OK, "How often the page is loaded again.";
    "stats scope" "{ <name> | \".\" }", 1 1, ALL, OK, "Which proxies are shown.";
    "stats show-desc" "[<text>]", 0 ANY, ALL, OK, "Show a description.";
    "stats show-legends" "", 0 0, ALL, OK, "Show more about each server.";
    "stats show-modules" "", 0 0, ALL, OK, "Show counters of inner parts.";
    "stats show-node" "[<name>]", 0 1, ALL, OK, "Show the node's name.";
    "stats uri" "<prefix>", 1 1, ALL, OK, "Address of the statistics page.";
    "stick match" "<pattern> [table <table>] [<condition>]", 1 ANY, L | B, STICK,
        "Look a server up in a table.";
    "stick on" "<pattern> [table <table>] [<condition>]", 1 ANY, L | B, STICK,
        "Keep clients on their server by table.";
    "stick store-request" "<pattern> [table <table>] [<condition>]", 1 ANY, L | B, STICK,
        "Remember the server by what the request holds.";
    "stick store-response" "<pattern> [table <table>] [<condition>]", 1 ANY, L | B, STICK,
        "Remember the server by what the answer holds.";
    "stick-table" "type <type> size <size> [expire <expire>] [...]", 4 ANY, FLB, STICK,
        "A table of keys with counters.";
    "tcp-request connection" "<action> [{ if | unless } <condition>]", 1 ANY, FRONT, OK,
        "Rule for accepted connections, before anything is read.";
    "tcp-request content" "<action> [{ if | unless } <condition>]", 1 ANY, ALL, OK,
        "Rule for what the client has sent so far.";
    "tcp-request inspect-delay" "<timeout>", 1 1, ALL, OK,
        "How long to wait for content that rules ask for.";
    "tcp-request session" "<action> [{ if | unless } <condition>]", 1 ANY, FRONT, OK,
        "Rule for connections, after handshakes.";
    "tcp-response content" "<action> [{ if | unless } <condition>]", 1 ANY, BACK, OK,
        "Rule for what the server has sent so far.";
    "tcp-response inspect-delay" "<timeout>", 1 1, BACK, OK,
        "How long to wait for content that rules ask for.";
    "timeout check" "<timeout>", 1 1, BACK, OK, "Longest wait for the answer to a check.";
    "timeout client" "<timeout>", 1 1, FRONT, OK, "Longest silence of a client.";
    "timeout client-fin" "<timeout>", 1 1, FRONT, OK, "The same after one side has closed.";
    "timeout client-hs" "<timeout>", 1 1, FRONT, quiet("only matters with TLS"),
        "Longest TLS handshake of a client.";
    "timeout connect" "<timeout>", 1 1, BACK, OK, "Longest wait for a server connection.";
    "timeout http-keep-alive" "<timeout>", 1 1, ALL, OK, "Longest wait for the next request.";
    "timeout http-request" "<timeout>", 1 1, ALL, OK, "Longest wait for a whole request head.";
    "timeout queue" "<timeout>", 1 1, BACK, OK, "Longest wait for a free server.";
    "timeout server" "<timeout>", 1 1, BACK, OK, "Longest silence of a server.";
    "timeout server-fin" "<timeout>", 1 1, BACK, OK, "The same after one side has closed.";
    "timeout tarpit" "<timeout>", 1 1, ALL, OK, "How long tarpitted clients wait.";
    "timeout tunnel" "<timeout>", 1 1, BACK, OK, "Longest silence of a tunnel.";
    "transparent" "", 0 0, BACK, refused("not yet: no transparent proxying"),
        "Connect to where the client wanted to go.";
    "unique-id-format" "<fmt>", 1 1, FRONT, OK, "How a request's unique number looks.";
    "unique-id-header" "<name>", 1 1, FRONT, OK, "Header that carries the unique number.";
    "use-fcgi-app" "<name>", 1 1, L | B, FCGI, "FastCGI application of the backend.";
    "use-server" "<server> { if | unless } <condition>", 3 ANY, L | B, OK,
        "Server to use when a condition holds.";
    "use_backend" "<backend> [{ if | unless } <condition>]", 1 ANY, F | L, OK,
        "Backend to use when a condition holds.";
};

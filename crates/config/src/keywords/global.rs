//! Keywords of `global` that concern the process (manual chapter 3.1, 3.3, 3.4).
use super::{
    DETECTION, DETECTION_SETTING, LUA, LUA_SETTING, OK, TLS, TLS_SETTING, TUNE, ignored, keywords,
    quiet,
};
use crate::keyword::places::NO;
use crate::keyword::{ANY, Context, Keyword};
use crate::section::SectionKind::Global;

pub(super) const GLOBAL: &[Keyword] = keywords! { Context::Section(Global);
    "acme.scheduler" "{ auto | off }", 1 1, 0, TLS_SETTING,
        "Whether certificates are renewed by themselves.";
    "anonkey" "<key>", 1 1, 0, quiet("dumps are not made anonymous by key"),
        "Key that anonymised dumps are made with.";
    "busy-polling" "", 0 0, NO, TUNE, "Poll without sleeping.";
    "ca-base" "<dir>", 1 1, 0, TLS_SETTING, "Directory that relative CA files are looked for in.";
    "chroot" "<dir>", 1 1, 0, OK, "Directory that becomes the root after start.";
    "close-spread-time" "<time>", 1 1, 0, quiet("connections drain one by one"),
        "Window over which idle connections are closed on a soft stop.";
    "cluster-secret" "<secret>", 1 1, 0, quiet("only matters with QUIC or shared secrets"),
        "Secret shared by several nodes.";
    "cpu-map" "[auto:]<group>[/<threads>] <cpus>...", 2 ANY, 0, TUNE,
        "Which threads run on which CPUs.";
    "cpu-policy" "<policy>", 1 ANY, 0, TUNE, "How threads are spread over CPUs.";
    "cpu-set" "<directive>...", 1 ANY, 0, TUNE, "Which CPUs may be used at all.";
    "crt-base" "<dir>", 1 1, 0, TLS_SETTING,
        "Directory that relative certificates are looked for in.";
    "daemon" "", 0 0, NO, OK, "Go to the background after start.";
    "debug.counters" "{ on | off }", 1 1, 0, TUNE, "Count inner events.";
    "default-path" "{ current | config | parent | origin <path> }", 1 2, 0, OK,
        "What relative file names are relative to.";
    "description" "<text>", 1 ANY, 0, OK, "Text that describes this instance.";
    "deviceatlas-json-file" "<path>", 1 1, 0, DETECTION, "DeviceAtlas data file.";
    "deviceatlas-log-level" "<value>", 1 1, 0, DETECTION_SETTING, "DeviceAtlas log level.";
    "deviceatlas-properties-cookie" "<name>", 1 1, 0, DETECTION_SETTING, "DeviceAtlas cookie.";
    "deviceatlas-separator" "<char>", 1 1, 0, DETECTION_SETTING, "DeviceAtlas separator.";
    "dns-accept-family" "<family>[,...]", 1 1, 0, OK,
        "Which address families answers of DNS servers may have.";
    "expose-deprecated-directives" "", 0 0, 0, quiet("deprecated keywords need no permission"),
        "Allow deprecated keywords without a warning.";
    "expose-experimental-directives" "", 0 0, 0, quiet("experimental keywords need no permission"),
        "Allow experimental keywords.";
    "external-check" "[preserve-env]", 0 1, 0, ignored("not yet: checks run no commands"),
        "Allow health checks to run commands.";
    "fd-hard-limit" "<number>", 1 1, 0, TUNE, "Upper bound for the number of descriptors.";
    "force-cfg-parser-pause" "<timeout>", 1 1, 0, TUNE, "Slow the reading of the file down.";
    "gid" "<number>", 1 1, 0, OK, "Group number of the process after start.";
    "grace" "<time>", 1 1, 0, OK, "How long listeners stay open after a soft stop was asked for.";
    "group" "<name>", 1 1, 0, OK, "Group of the process after start.";
    "h1-accept-payload-with-any-method" "", 0 0, 0,
        quiet("bodies are taken with every method that RFC 9110 gives one"),
        "Take bodies on GET, HEAD and DELETE of HTTP/1.0 clients.";
    "h1-case-adjust" "<from> <to>", 2 2, 0, ignored("header names keep the case they came in"),
        "Case that a header name is written in.";
    "h1-case-adjust-file" "<file>", 1 1, 0, ignored("header names keep the case they came in"),
        "File of header names in the case they are written in.";
    "h1-do-not-close-on-insecure-transfer-encoding" "", 0 0, 0,
        ignored("such connections are always closed"),
        "Keep connections whose message length was ambiguous.";
    "h2-workaround-bogus-websocket-clients" "", 0 0, 0, quiet("only matters with HTTP/2"),
        "Do not offer WebSocket over HTTP/2.";
    "hard-stop-after" "<time>", 1 1, 0, OK, "Longest time a soft stop may take.";
    "harden.reject-privileged-ports.tcp" "{ on | off }", 1 1, 0, TUNE,
        "Drop TCP clients that come from ports below 1024.";
    "harden.reject-privileged-ports.quic" "{ on | off }", 1 1, 0, TUNE,
        "Drop QUIC clients that come from ports below 1024.";
    "http-err-codes" "[+-]<range>[,...]...", 1 ANY, 0, quiet("counts 400 to 499"),
        "Statuses counted as client errors.";
    "http-fail-codes" "[+-]<range>[,...]...", 1 ANY, 0, quiet("counts 500 to 599"),
        "Statuses counted as server failures.";
    "httpclient.resolvers.disabled" "{ on | off }", 1 1, 0, TUNE, "No names for own requests.";
    "httpclient.resolvers.id" "<id>", 1 1, 0, TUNE, "Resolvers for own requests.";
    "httpclient.resolvers.prefer" "{ ipv4 | ipv6 }", 1 1, 0, TUNE, "Family for own requests.";
    "httpclient.retries" "<number>", 1 1, 0, TUNE, "Attempts of own requests.";
    "httpclient.ssl.ca-file" "<file>", 1 1, 0, TLS_SETTING, "CA file for own requests.";
    "httpclient.ssl.verify" "[none | required]", 0 1, 0, TLS_SETTING,
        "Whether own requests check certificates.";
    "httpclient.timeout.connect" "<timeout>", 1 1, 0, TUNE, "Connect timeout of own requests.";
    "insecure-fork-wanted" "", 0 0, NO, quiet("no process is forked"),
        "Allow the process to fork others.";
    "insecure-setuid-wanted" "", 0 0, NO, quiet("no process is started"),
        "Allow started programs to change user.";
    "issuers-chain-path" "<dir>", 1 1, 0, TLS_SETTING, "Directory of issuer certificates.";
    "key-base" "<dir>", 1 1, 0, TLS_SETTING, "Directory that relative keys are looked for in.";
    "limited-quic" "", 0 0, 0, quiet("only matters with QUIC"), "QUIC without 0-RTT.";
    "localpeer" "<name>", 1 1, 0, quiet("only matters with peers"), "This machine's peer name.";
    "log" "<target> [len <l>] [format <f>] [sample <s>] <facility> [<level> [<minlevel>]]", 1 ANY,
        NO, OK, "Where the process and proxies with 'log global' log to.";
    "log-send-hostname" "[<name>]", 0 1, 0, OK, "Host name in the syslog header.";
    "log-tag" "<tag>", 1 1, 0, OK, "Program name in the syslog header.";
    "lua-load" "<file> [<arg>...]", 1 ANY, 0, LUA, "Load a Lua file for all threads.";
    "lua-load-per-thread" "<file> [<arg>...]", 1 ANY, 0, LUA, "Load a Lua file in each thread.";
    "lua-prepend-path" "<path> [<type>]", 1 2, 0, LUA_SETTING, "Where Lua looks for modules.";
    "master-worker" "[no-exit-on-failure]", 0 1, 0, OK,
        "Accepted: one process changes itself while running.";
    "mworker-max-reloads" "<number>", 1 1, 0, quiet("there is no master process"),
        "Reloads that an old worker survives.";
    "nbthread" "<number>", 1 1, 0, OK, "Number of worker threads.";
    "no-memory-trimming" "", 0 0, 0, TUNE, "Keep freed memory.";
    "no-quic" "", 0 0, 0, quiet("QUIC is not built yet"), "Switch QUIC off.";
    "node" "<name>", 1 1, 0, OK, "Name of this node on statistics pages.";
    "noepoll" "", 0 0, 0, TUNE, "Do not use epoll.";
    "noevports" "", 0 0, 0, TUNE, "Do not use event ports.";
    "nogetaddrinfo" "", 0 0, 0, TUNE, "Do not resolve through getaddrinfo.";
    "nokqueue" "", 0 0, 0, TUNE, "Do not use kqueue.";
    "nopoll" "", 0 0, 0, TUNE, "Do not use poll.";
    "noreuseport" "", 0 0, 0, ignored("workers always have a listening socket each"),
        "Do not use SO_REUSEPORT.";
    "nosplice" "", 0 0, 0, TUNE, "Do not splice in the kernel.";
    "numa-cpu-mapping" "", 0 0, NO, TUNE, "Stay on one NUMA node.";
    "ocsp-update.disable" "{ on | off }", 1 1, 0, TLS_SETTING, "Fetch no OCSP answers.";
    "ocsp-update.httpproxy" "<address>[:port]", 1 1, 0, TLS_SETTING, "Proxy for OCSP answers.";
    "ocsp-update.maxdelay" "<number>", 1 1, 0, TLS_SETTING, "Longest time between OCSP answers.";
    "ocsp-update.mindelay" "<number>", 1 1, 0, TLS_SETTING, "Shortest time between OCSP answers.";
    "ocsp-update.mode" "{ on | off }", 1 1, 0, TLS_SETTING, "Whether OCSP answers are fetched.";
    "51degrees-allow-unmatched" "{ on | off }", 1 1, 0, DETECTION_SETTING, "51Degrees matching.";
    "51degrees-cache-size" "<number>", 1 1, 0, DETECTION_SETTING, "51Degrees cache.";
    "51degrees-data-file" "<path>", 1 1, 0, DETECTION, "51Degrees data file.";
    "51degrees-difference" "<number>", 1 1, 0, DETECTION_SETTING, "51Degrees difference.";
    "51degrees-drift" "<number>", 1 1, 0, DETECTION_SETTING, "51Degrees drift.";
    "51degrees-property-name-list" "[<name>...]", 0 ANY, 0, DETECTION_SETTING,
        "51Degrees properties.";
    "51degrees-property-separator" "<char>", 1 1, 0, DETECTION_SETTING, "51Degrees separator.";
    "51degrees-use-performance-graph" "{ on | off }", 1 1, 0, DETECTION_SETTING,
        "51Degrees performance graph.";
    "51degrees-use-predictive-graph" "{ on | off }", 1 1, 0, DETECTION_SETTING,
        "51Degrees predictive graph.";
    "pidfile" "<file>", 1 1, 0, OK, "File that the process number is written to.";
    "pp2-never-send-local" "", 0 0, 0, TUNE,
        "Write the client's address even in PROXY headers of own connections.";
    "prealloc-fd" "", 0 0, 0, TUNE, "Allocate the descriptor table at start.";
    "presetenv" "<name> <value>", 2 2, 0, OK, "Set an environment variable unless it exists.";
    "quick-exit" "", 0 0, 0, TUNE, "Leave memory to the system on exit.";
    "quiet" "", 0 0, NO, OK, "Print no messages at start.";
    "resetenv" "[<name>...]", 0 ANY, 0, OK, "Drop all environment variables but these.";
    "server-state-base" "<dir>", 1 1, 0, OK,
        "Directory of server state files.";
    "server-state-file" "<file>", 1 1, 0, OK,
        "File that server states are read from at start.";
    "set-dumpable" "[on | off | libs]", 0 1, NO, TUNE, "Allow core dumps.";
    "set-var" "<name> <expr>", 2 ANY, 0, OK, "Set a variable of the process.";
    "set-var-fmt" "<name> <fmt>", 2 2, 0, OK, "Set a variable of the process from a format.";
    "setcap" "<name>[,<name>...]", 1 1, 0, TUNE, "Capabilities kept after start.";
    "setenv" "<name> <value>", 2 2, 0, OK, "Set an environment variable.";
    "ssl-default-bind-ciphers" "<ciphers>", 1 1, 0, TLS_SETTING, "Ciphers of binds up to TLS 1.2.";
    "ssl-default-bind-ciphersuites" "<suites>", 1 1, 0, TLS_SETTING, "Ciphers of binds, TLS 1.3.";
    "ssl-default-bind-client-sigalgs" "<algs>", 1 1, 0, TLS_SETTING,
        "Signature algorithms taken from clients.";
    "ssl-default-bind-curves" "<curves>", 1 1, 0, TLS_SETTING, "Curves of binds.";
    "ssl-default-bind-options" "[<option>...]", 0 ANY, 0, TLS_SETTING, "TLS options of all binds.";
    "ssl-default-bind-sigalgs" "<algs>", 1 1, 0, TLS_SETTING, "Signature algorithms of binds.";
    "ssl-default-server-ciphers" "<ciphers>", 1 1, 0, TLS_SETTING,
        "Ciphers towards servers up to TLS 1.2.";
    "ssl-default-server-ciphersuites" "<suites>", 1 1, 0, TLS_SETTING,
        "Ciphers towards servers, TLS 1.3.";
    "ssl-default-server-client-sigalgs" "<algs>", 1 1, 0, TLS_SETTING,
        "Signature algorithms for client certificates shown to servers.";
    "ssl-default-server-curves" "<curves>", 1 1, 0, TLS_SETTING, "Curves towards servers.";
    "ssl-default-server-options" "[<option>...]", 0 ANY, 0, TLS_SETTING,
        "TLS options of all servers.";
    "ssl-default-server-sigalgs" "<algs>", 1 1, 0, TLS_SETTING,
        "Signature algorithms towards servers.";
    "ssl-dh-param-file" "<file>", 1 1, 0, TLS_SETTING, "Diffie-Hellman parameters.";
    "ssl-engine" "<name> [algo <list>]", 1 ANY, 0, TLS, "OpenSSL engine.";
    "ssl-load-extra-del-ext" "", 0 0, 0, TLS_SETTING, "Drop the extension before adding another.";
    "ssl-load-extra-files" "{ none | all | bundle | sctl | ocsp | issuer | key }...", 0 ANY, 0,
        TLS_SETTING, "Which files beside a certificate are loaded.";
    "ssl-mode-async" "", 0 0, 0, TLS_SETTING, "Asynchronous TLS engines.";
    "ssl-propquery" "<query>", 1 1, 0, TLS_SETTING, "OpenSSL property query.";
    "ssl-provider" "<name>", 1 1, 0, TLS_SETTING, "OpenSSL provider.";
    "ssl-provider-path" "<path>", 1 1, 0, TLS_SETTING, "Where OpenSSL providers are.";
    "ssl-security-level" "<number>", 1 1, 0, TLS_SETTING, "OpenSSL security level.";
    "ssl-server-verify" "[none | required]", 0 1, 0, TLS_SETTING,
        "Whether certificates of servers are checked by default.";
    "ssl-skip-self-issued-ca" "", 0 0, 0, TLS_SETTING, "Leave self-issued CAs out of chains.";
    "stats maxconn" "<conns>", 1 1, 0, OK, "Most connections to the stats sockets.";
    "stats socket" "<address> [param*]", 1 ANY, 0, OK, "Socket for runtime commands.";
    "stats timeout" "<timeout>", 1 1, 0, OK, "When idle runtime connections are closed.";
    "stats-file" "<file>", 1 1, 0, ignored("not yet: counters start at zero"),
        "File that counters are read from at start.";
    "stress-level" "<level>", 1 1, 0, TUNE, "Provoke rare events for tests.";
    "strict-limits" "", 0 0, NO, OK, "Fail when the limits that are needed cannot be had.";
    "thread-group" "<group> <threads>", 1 2, 0, TUNE, "Which threads make up a group.";
    "thread-groups" "<number>", 1 1, 0, TUNE, "Number of thread groups.";
    "thread-hard-limit" "<number>", 1 1, 0, TUNE, "Upper bound for the number of threads.";
    "uid" "<number>", 1 1, 0, OK, "User number of the process after start.";
    "ulimit-n" "<number>", 1 1, 0, OK, "Number of descriptors the process may have.";
    "unix-bind" "[prefix <p>] [mode <m>] [user <u>] [uid <u>] [group <g>] [gid <g>]", 0 ANY, 0, OK,
        "Defaults for unix sockets.";
    "unsetenv" "<name>...", 1 ANY, 0, OK, "Drop environment variables.";
    "user" "<name>", 1 1, 0, OK, "User of the process after start.";
    "warn-blocked-traffic-after" "<time>", 1 1, 0, TUNE, "When a stuck worker is reported.";
    "wurfl-cache-size" "<size>", 1 1, 0, DETECTION_SETTING, "WURFL cache.";
    "wurfl-data-file" "<file>", 1 1, 0, DETECTION, "WURFL data file.";
    "wurfl-information-list" "[<capability>...]", 0 ANY, 0, DETECTION_SETTING,
        "WURFL capabilities.";
    "wurfl-information-list-separator" "<char>", 1 1, 0, DETECTION_SETTING, "WURFL separator.";
    "wurfl-patch-file" "[<file>...]", 0 ANY, 0, DETECTION_SETTING, "WURFL patches.";
    "zero-warning" "", 0 0, 0, OK, "Refuse to start when there are warnings.";
};

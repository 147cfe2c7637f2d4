//! Keywords of `global` that limit and tune (manual chapter 3.2).
use super::{
    COMPRESSION, H2_SETTING, LUA_SETTING, OK, QUIC_SETTING, TLS_SETTING, TUNE, keywords, quiet,
};
use crate::keyword::{Context, Keyword};
use crate::section::SectionKind::Global;

pub(super) const TUNING: &[Keyword] = keywords! { Context::Section(Global);
    "max-spread-checks" "<delay>", 1 1, 0, TUNE, "Longest delay by which checks are spread.";
    "maxcompcpuusage" "<number>", 1 1, 0, COMPRESSION, "CPU share above which none is done.";
    "maxcomprate" "<number>", 1 1, 0, COMPRESSION, "Most kilobytes per second to be compressed.";
    "maxconn" "<number>", 1 1, 0, OK, "Most client connections of the process.";
    "maxconnrate" "<number>", 1 1, 0, OK,
        "Most new connections per second.";
    "maxpipes" "<number>", 1 1, 0, TUNE, "Most pipes for splicing.";
    "maxsessrate" "<number>", 1 1, 0, OK,
        "Most new sessions per second.";
    "maxsslconn" "<number>", 1 1, 0, TLS_SETTING, "Most TLS connections of the process.";
    "maxsslrate" "<number>", 1 1, 0, TLS_SETTING, "Most new TLS sessions per second.";
    "maxzlibmem" "<number>", 1 1, 0, TUNE, "Memory for zlib, in megabytes.";
    "profiling.memory" "{ on | off }", 1 1, 0, TUNE, "Profile memory by function.";
    "profiling.tasks" "{ auto | on | off }", 1 1, 0, TUNE, "Profile CPU by task.";
    "spread-checks" "<0..50>", 1 1, 0, OK, "Percent by which check intervals are varied.";
    "tune.applet.zero-copy-forwarding" "{ on | off }", 1 1, 0, TUNE, "Zero-copy from applets.";
    "tune.buffers.limit" "<number>", 1 1, 0, TUNE, "Most buffers of the process.";
    "tune.buffers.reserve" "<number>", 1 1, 0, TUNE, "Buffers kept in reserve.";
    "tune.bufsize" "<size>", 1 1, 0, OK, "Size of a buffer: the largest head that is taken.";
    "tune.bufsize.small" "<size>", 1 1, 0, TUNE, "Size of a small buffer.";
    "tune.chksize" "<size>", 1 1, 0, TUNE, "Buffer of health checks, before 3.0.";
    "tune.comp.maxlevel" "<number>", 1 1, 0, TUNE, "Highest compression level.";
    "tune.disable-fast-forward" "", 0 0, 0, TUNE, "No fast forwarding.";
    "tune.disable-zero-copy-forwarding" "", 0 0, 0, TUNE, "No zero-copy forwarding.";
    "tune.epoll.mask-events" "<event>[,...]", 1 1, 0, TUNE, "Events that epoll must not report.";
    "tune.events.max-events-at-once" "<number>", 1 1, 0, TUNE, "Events handled in one go.";
    "tune.fail-alloc" "<percent>", 1 1, 0, TUNE, "Share of allocations made to fail.";
    "tune.fd.edge-triggered" "{ on | off }", 1 1, 0, TUNE, "Edge-triggered polling.";
    "tune.glitches.kill.cpu-usage" "<number>", 1 1, 0, H2_SETTING,
        "CPU share from which misbehaving connections are closed.";
    "tune.h1.zero-copy-fwd-recv" "{ on | off }", 1 1, 0, TUNE, "Zero-copy receiving, HTTP/1.";
    "tune.h1.zero-copy-fwd-send" "{ on | off }", 1 1, 0, TUNE, "Zero-copy sending, HTTP/1.";
    "tune.h2.be.glitches-threshold" "<number>", 1 1, 0, H2_SETTING, "Errors a server may make.";
    "tune.h2.be.initial-window-size" "<number>", 1 1, 0, H2_SETTING, "Window towards servers.";
    "tune.h2.be.max-concurrent-streams" "<number>", 1 1, 0, H2_SETTING, "Streams per server side.";
    "tune.h2.be.max-frames-at-once" "<number>", 1 1, 0, H2_SETTING, "Frames read in one go.";
    "tune.h2.be.rxbuf" "<size>", 1 1, 0, H2_SETTING, "Receive buffer per server connection.";
    "tune.h2.fe.glitches-threshold" "<number>", 1 1, 0, H2_SETTING, "Errors a client may make.";
    "tune.h2.fe.initial-window-size" "<number>", 1 1, 0, H2_SETTING, "Window towards clients.";
    "tune.h2.fe.max-concurrent-streams" "<number>", 1 1, 0, H2_SETTING, "Streams per client.";
    "tune.h2.fe.max-frames-at-once" "<number>", 1 1, 0, H2_SETTING, "Frames read in one go.";
    "tune.h2.fe.max-rst-at-once" "<number>", 1 1, 0, H2_SETTING, "Resets read in one go.";
    "tune.h2.fe.max-total-streams" "<number>", 1 1, 0, H2_SETTING, "Streams per connection, ever.";
    "tune.h2.fe.rxbuf" "<size>", 1 1, 0, H2_SETTING, "Receive buffer per client connection.";
    "tune.h2.header-table-size" "<number>", 1 1, 0, H2_SETTING, "Size of the HPACK table.";
    "tune.h2.initial-window-size" "<number>", 1 1, 0, H2_SETTING, "Window of both sides.";
    "tune.h2.log-errors" "{ none | connection | stream }", 1 1, 0, H2_SETTING,
        "Which protocol errors are logged.";
    "tune.h2.max-concurrent-streams" "<number>", 1 1, 0, H2_SETTING, "Streams per connection.";
    "tune.h2.max-frame-size" "<number>", 1 1, 0, H2_SETTING, "Largest frame that is taken.";
    "tune.h2.zero-copy-fwd-send" "{ on | off }", 1 1, 0, H2_SETTING, "Zero-copy, HTTP/2.";
    "tune.http.cookielen" "<number>", 1 1, 0, TUNE, "Longest cookie that is captured.";
    "tune.http.logurilen" "<number>", 1 1, 0, TUNE, "Longest request target in logs.";
    "tune.http.maxhdr" "<number>", 1 1, 0, OK, "Most headers that a message may have.";
    "tune.idle-pool.shared" "{ on | off }", 1 1, 0, TUNE, "Share idle connections among threads.";
    "tune.idletimer" "<timeout>", 1 1, 0, TUNE, "When a connection counts as idle.";
    "tune.listener.default-shards" "{ by-process | by-thread | by-group }", 1 1, 0, TUNE,
        "How many sockets a bind is split into.";
    "tune.listener.multi-queue" "{ on | fair | off }", 1 1, 0, TUNE, "Accept queues per thread.";
    "tune.lua.bool-sample-conversion" "{ normal | pre-3.1-bug }", 1 1, 0, LUA_SETTING,
        "How Lua sees booleans.";
    "tune.lua.burst-timeout" "<timeout>", 1 1, 0, LUA_SETTING, "Longest run without a pause.";
    "tune.lua.forced-yield" "<number>", 1 1, 0, LUA_SETTING, "Instructions between pauses.";
    "tune.lua.log.loggers" "{ on | off }", 1 1, 0, LUA_SETTING, "Log Lua messages.";
    "tune.lua.log.stderr" "{ on | auto | off }", 1 1, 0, LUA_SETTING, "Print Lua messages.";
    "tune.lua.maxmem" "<number>", 1 1, 0, LUA_SETTING, "Memory for Lua, in megabytes.";
    "tune.lua.service-timeout" "<timeout>", 1 1, 0, LUA_SETTING, "Longest run of a service.";
    "tune.lua.session-timeout" "<timeout>", 1 1, 0, LUA_SETTING, "Longest run of an action.";
    "tune.lua.task-timeout" "<timeout>", 1 1, 0, LUA_SETTING, "Longest run of a task.";
    "tune.max-checks-per-thread" "<number>", 1 1, 0, TUNE, "Checks running at once per thread.";
    "tune.max-rules-at-once" "<number>", 1 1, 0, TUNE, "Rules run in one go.";
    "tune.maxaccept" "<number>", 1 1, 0, TUNE, "Connections accepted in one go.";
    "tune.maxpollevents" "<number>", 1 1, 0, TUNE, "Events polled in one go.";
    "tune.maxrewrite" "<number>", 1 1, 0, OK, "Part of a buffer kept free for rewriting.";
    "tune.memory.hot-size" "<number>", 1 1, 0, TUNE, "Memory kept per thread.";
    "tune.notsent-lowat.client" "<size>", 1 1, 0, TUNE, "Unsent bytes kept towards clients.";
    "tune.notsent-lowat.server" "<size>", 1 1, 0, TUNE, "Unsent bytes kept towards servers.";
    "tune.pattern.cache-size" "<number>", 1 1, 0, TUNE, "Patterns whose result is remembered.";
    "tune.peers.max-updates-at-once" "<number>", 1 1, 0, TUNE, "Peer updates sent in one go.";
    "tune.pipesize" "<size>", 1 1, 0, TUNE, "Size of the pipes for splicing.";
    "tune.pool-high-fd-ratio" "<number>", 1 1, 0, TUNE,
        "Share of descriptors from which idle connections are closed.";
    "tune.pool-low-fd-ratio" "<number>", 1 1, 0, TUNE,
        "Share of descriptors from which idle connections are not kept.";
    "tune.pt.zero-copy-forwarding" "{ on | off }", 1 1, 0, TUNE, "Zero-copy, TCP.";
    "tune.quic.cc-hystart" "{ on | off }", 1 1, 0, QUIC_SETTING, "HyStart++.";
    "tune.quic.cc.cubic.min-losses" "<number>", 1 1, 0, QUIC_SETTING, "Losses before Cubic acts.";
    "tune.quic.disable-tx-pacing" "", 0 0, 0, QUIC_SETTING, "No pacing.";
    "tune.quic.disable-udp-gso" "", 0 0, 0, QUIC_SETTING, "No segmentation offload.";
    "tune.quic.frontend.conn-tx-buffers.limit" "<number>", 1 1, 0, QUIC_SETTING,
        "Send buffers per connection, before 3.1.";
    "tune.quic.frontend.default-max-window-size" "<size>", 1 1, 0, QUIC_SETTING,
        "Largest congestion window.";
    "tune.quic.frontend.glitches-threshold" "<number>", 1 1, 0, QUIC_SETTING,
        "Errors a client may make.";
    "tune.quic.frontend.max-data-size" "<size>", 1 1, 0, QUIC_SETTING, "Bytes in flight.";
    "tune.quic.frontend.max-idle-timeout" "<timeout>", 1 1, 0, QUIC_SETTING, "Idle timeout.";
    "tune.quic.frontend.max-streams-bidi" "<number>", 1 1, 0, QUIC_SETTING, "Streams.";
    "tune.quic.frontend.max-tx-mem" "<size>", 1 1, 0, QUIC_SETTING, "Memory for sending.";
    "tune.quic.frontend.stream-data-ratio" "<0..100>", 1 1, 0, QUIC_SETTING,
        "Share of the data limit for one stream.";
    "tune.quic.max-frame-loss" "<number>", 1 1, 0, QUIC_SETTING, "Times a frame may be lost.";
    "tune.quic.reorder-ratio" "<0..100>", 1 1, 0, QUIC_SETTING, "Tolerated reordering.";
    "tune.quic.retry-threshold" "<number>", 1 1, 0, QUIC_SETTING, "Half-open bound for Retry.";
    "tune.quic.socket-owner" "{ connection | listener }", 1 1, 0, QUIC_SETTING,
        "Who owns the socket.";
    "tune.quic.zero-copy-fwd-send" "{ on | off }", 1 1, 0, QUIC_SETTING, "Zero-copy, QUIC.";
    "tune.rcvbuf.backend" "<size>", 1 1, 0, TUNE, "Receive buffer of datagram sockets.";
    "tune.rcvbuf.client" "<size>", 1 1, 0, TUNE, "Kernel receive buffer towards clients.";
    "tune.rcvbuf.frontend" "<size>", 1 1, 0, TUNE, "Receive buffer of datagram listeners.";
    "tune.rcvbuf.server" "<size>", 1 1, 0, TUNE, "Kernel receive buffer towards servers.";
    "tune.recv_enough" "<size>", 1 1, 0, TUNE, "Bytes after which reading stops.";
    "tune.renice.runtime" "<number>", 1 1, 0, TUNE, "Priority while running.";
    "tune.renice.startup" "<number>", 1 1, 0, TUNE, "Priority while starting.";
    "tune.ring.queues" "<number>", 1 1, 0, TUNE, "Write queues of rings.";
    "tune.runqueue-depth" "<number>", 1 1, 0, TUNE, "Tasks run in one go.";
    "tune.sched.low-latency" "{ on | off }", 1 1, 0, TUNE, "Scheduler for low latency.";
    "tune.sndbuf.backend" "<size>", 1 1, 0, TUNE, "Send buffer of datagram sockets.";
    "tune.sndbuf.client" "<size>", 1 1, 0, TUNE, "Kernel send buffer towards clients.";
    "tune.sndbuf.frontend" "<size>", 1 1, 0, TUNE, "Send buffer of datagram listeners.";
    "tune.sndbuf.server" "<size>", 1 1, 0, TUNE, "Kernel send buffer towards servers.";
    "tune.ssl.cachesize" "<number>", 1 1, 0, TLS_SETTING, "TLS sessions remembered.";
    "tune.ssl.capture-buffer-size" "<number>", 1 1, 0, TLS_SETTING, "Client hello captured.";
    "tune.ssl.capture-cipherlist-size" "<number>", 1 1, 0, TLS_SETTING, "Its older name.";
    "tune.ssl.certificate-compression" "{ auto | off }", 1 1, 0, TLS_SETTING,
        "Compress certificates.";
    "tune.ssl.default-dh-param" "<number>", 1 1, 0, TLS_SETTING, "Diffie-Hellman size.";
    "tune.ssl.force-private-cache" "", 0 0, 0, TLS_SETTING, "Session cache per process.";
    "tune.ssl.hard-maxrecord" "<number>", 1 1, 0, TLS_SETTING, "Largest TLS record.";
    "tune.ssl.keylog" "{ on | off }", 1 1, 0, TLS_SETTING, "Keep TLS secrets for debugging.";
    "tune.ssl.lifetime" "<timeout>", 1 1, 0, TLS_SETTING, "How long TLS sessions may be resumed.";
    "tune.ssl.maxrecord" "<number>", 1 1, 0, TLS_SETTING, "Largest TLS record at first.";
    "tune.ssl.ocsp-update.maxdelay" "<number>", 1 1, 0, TLS_SETTING, "Older name.";
    "tune.ssl.ocsp-update.mindelay" "<number>", 1 1, 0, TLS_SETTING, "Older name.";
    "tune.ssl.ssl-ctx-cache-size" "<number>", 1 1, 0, TLS_SETTING, "Generated certificates kept.";
    "tune.stick-counters" "<number>", 1 1, 0, quiet("only matters with stick tables"),
        "Number of sticky counters.";
    "tune.takeover-other-tg-connections" "<value>", 1 1, 0, TUNE,
        "Take idle connections of other thread groups.";
    "tune.vars.check-max-size" "<size>", 1 1, 0, TUNE, "Memory for variables of checks.";
    "tune.vars.global-max-size" "<size>", 1 1, 0, TUNE, "Memory for all variables.";
    "tune.vars.proc-max-size" "<size>", 1 1, 0, TUNE, "Memory for variables of the process.";
    "tune.vars.reqres-max-size" "<size>", 1 1, 0, TUNE, "Memory for variables of a request.";
    "tune.vars.sess-max-size" "<size>", 1 1, 0, TUNE, "Memory for variables of a session.";
    "tune.vars.txn-max-size" "<size>", 1 1, 0, TUNE, "Memory for variables of a transaction.";
    "tune.zlib.memlevel" "<number>", 1 1, 0, TUNE, "Memory level of zlib.";
    "tune.zlib.windowsize" "<number>", 1 1, 0, TUNE, "Window of zlib.";
};

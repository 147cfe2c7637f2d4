//! From complete drafts to the model: identifiers, compiled logs, the two halves of a proxy.

use std::collections::HashSet;
use std::sync::Arc;

use expr::{Acls, LogFormat, Place};
use model::{
    Backend, ErrorPages, Frontend, Host, InitAddr, LogKind, LogTarget, Mode, Monitor, ProxyLog,
    Server,
};

use super::context::Lowering;
use super::draft::{Draft, LogChoice, LogDraft, ServerDraft};
use crate::ast::Word;
use crate::section::SectionKind;

/// What is logged when nothing was chosen (manual 8.2.1).
const CONNECT_TCP: &str = "Connect from %ci:%cp to %fi:%fp (%f/TCP)";
/// The same in mode http.
const CONNECT_HTTP: &str = "Connect from %ci:%cp to %fi:%fp (%f/HTTP)";

/// What all proxies share.
pub(crate) struct Shared {
    /// `log` lines of `global`.
    pub global_log: Arc<[LogTarget]>,
    /// No log line at all.
    pub no_log: Arc<[LogTarget]>,
    /// No own error page.
    pub no_errors: Arc<ErrorPages>,
    /// `spread-checks`.
    pub spread_checks_percent: u32,
    /// `hard-stop-after`: what a stopped process has, a server that is taken out has, too.
    pub drain_timeout: Option<std::time::Duration>,
    /// `maxconn` of the process.
    pub maxconn: Option<u32>,
    /// A `stats socket` is there: as in HAProxy, it takes the first number of a proxy.
    pub stats_socket: bool,
}

/// Gives numbers that were not written: the smallest that is free.
pub(crate) struct Ids {
    used: HashSet<u32>,
    next: u32,
}

impl Ids {
    /// Numbers that are taken already.
    pub(crate) fn new(used: impl Iterator<Item = u32>) -> Self {
        Self { used: used.collect(), next: 1 }
    }

    /// From this number on.
    pub(crate) fn from(mut self, first: u32) -> Self {
        self.next = first;
        self
    }

    /// The next free number.
    pub(crate) fn take(&mut self) -> u32 {
        while self.used.contains(&self.next) {
            self.next = self.next.saturating_add(1);
        }
        let id = self.next;
        self.next = self.next.saturating_add(1);
        id
    }
}

/// The client side of a draft.
pub(crate) fn frontend<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    id: u32,
    shared: &Shared,
) -> Frontend {
    let log = proxy_log(cx, draft, shared);
    let unique_id_format = compiled(cx, draft.front.unique_id_format, Place::FE_HTTP_REQUEST);
    let mut binds = std::mem::take(&mut draft.front.binds);
    let mut ids = Ids::new(draft.front.bind_ids.keys().copied());
    for bind in binds.iter_mut().filter(|bind| bind.id == 0) {
        bind.id = ids.take();
    }
    for bind in &mut binds {
        bind.backlog = bind.backlog.or(draft.front.model.backlog);
    }
    let default_backend = match (&draft.front.default_backend, draft.kind) {
        (Some((name, _)), _) => Some(name.clone()),
        (None, SectionKind::Listen) => Some(draft.name.clone()),
        (None, _) => None,
    };
    let fields = &draft.front.model;
    let fail = std::mem::take(&mut draft.front.monitor_fail);
    Frontend {
        name: draft.name.clone(),
        id,
        is_listen: draft.kind == SectionKind::Listen,
        mode: draft.mode,
        disabled: draft.disabled,
        binds,
        maxconn: fields.maxconn,
        rate_limit_sessions: fields.rate_limit_sessions,
        timeouts: draft.timeouts.clone(),
        rules: draft.rules.clone(),
        use_backend: std::mem::take(&mut draft.front.use_backend),
        default_backend,
        connection_mode: draft.connection_mode,
        forwardfor: draft.forwardfor.as_ref().map(|(option, _)| option.clone()),
        originalto: draft.originalto.as_ref().map(|(option, _)| option.clone()),
        ignore_probes: fields.ignore_probes,
        buffer_request: draft.buffer_request,
        tcp_keep_alive: fields.tcp_keep_alive,
        nolinger: fields.nolinger,
        accept_invalid_request: fields.accept_invalid_request,
        unique_id_format,
        unique_id_header: fields.unique_id_header.clone(),
        monitor: draft.front.monitor_uri.clone().map(|uri| Monitor { uri, fail }),
        request_captures: fields.request_captures.clone(),
        response_captures: fields.response_captures.clone(),
        capture_cookie: fields.capture_cookie.clone(),
        errors: draft.errors.pages(&shared.no_errors),
        log,
        origin: cx.origin(draft.header),
    }
}

/// The server side of a draft.
pub(crate) fn backend<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    id: u32,
    shared: &Shared,
) -> Backend {
    let log = proxy_log(cx, draft, shared);
    let servers = servers(cx, draft);
    let back = &mut draft.back;
    Backend {
        name: draft.name.clone(),
        id,
        is_listen: draft.kind == SectionKind::Listen,
        mode: draft.mode,
        disabled: draft.disabled,
        algorithm: back.algorithm.clone(),
        hash_type: back.hash_type,
        hash_balance_factor: back.hash_balance_factor,
        servers,
        cookie: cookie(back),
        persist_rules: std::mem::take(&mut back.persist_rules),
        use_server: std::mem::take(&mut back.use_server),
        timeouts: draft.timeouts.clone(),
        rules: draft.rules.clone(),
        retries: back.retries,
        retry_on: back.retry_on.clone(),
        redispatch: back.redispatch,
        allbackups: back.allbackups,
        persist: back.persist,
        prefer_last_server: back.prefer_last_server,
        abortonclose: back.abortonclose,
        fullconn: back.fullconn,
        http_reuse: back.http_reuse,
        connection_mode: draft.connection_mode,
        pretend_keepalive: back.pretend_keepalive,
        forwardfor: draft.forwardfor.as_ref().map(|(option, _)| option.clone()),
        originalto: draft.originalto.as_ref().map(|(option, _)| option.clone()),
        buffer_request: draft.buffer_request,
        tcp_keep_alive: back.tcp_keep_alive,
        nolinger: draft.front.model.nolinger,
        accept_invalid_response: back.accept_invalid_response,
        send_name_header: back.send_name_header.clone(),
        check: back.check.kind(),
        log_health_checks: back.log_health_checks,
        disable_on_404: back.check.disable_on_404,
        check_send_state: back.check.send_state,
        spread_checks_percent: shared.spread_checks_percent,
        drain_timeout: shared.drain_timeout,
        errors: draft.errors.pages(&shared.no_errors),
        log,
        origin: cx.origin(draft.header),
    }
}

/// The cookie, with its key where values are derived.
fn cookie(back: &mut super::draft::BackDraft) -> Option<model::CookiePersistence> {
    let (mut cookie, _) = back.cookie.take()?;
    if back.cookie_dynamic.is_some() {
        cookie.dynamic_key = back.dynamic_key.clone();
    }
    Some(cookie)
}

fn servers(cx: &mut Lowering<'_>, draft: &mut Draft<'_>) -> Vec<Arc<Server>> {
    let mut drafts = std::mem::take(&mut draft.back.servers);
    if let (Some((host, port, span)), true) = (draft.back.dispatch.take(), drafts.is_empty()) {
        let name = cx.name(super::server::DISPATCH);
        let mut server = ServerDraft::new(name);
        server.server.host = host;
        server.server.port = port;
        server.server.origin = cx.origin(span);
        drafts.push(server);
    }
    let explicit = drafts.iter().filter_map(|server| server.explicit_id.map(|(id, _)| id));
    let mut ids = Ids::new(explicit);
    let source = draft.back.source.clone();
    drafts
        .into_iter()
        .map(|server| {
            let id = server.explicit_id.map_or_else(|| ids.take(), |(id, _)| id);
            Arc::new(finish_server(cx, server, id, source.as_ref(), &draft.name))
        })
        .collect()
}

fn finish_server(
    cx: &mut Lowering<'_>,
    draft: ServerDraft,
    id: u32,
    source: Option<&model::Source>,
    backend: &model::Name,
) -> Server {
    let ServerDraft {
        mut server,
        checked,
        mut check,
        check_send_proxy,
        track,
        agent,
        agent_inter,
        agent_addr,
        agent_port,
        agent_send,
        ..
    } = draft;
    server.track = track.map(|(written, _)| match super::tracking::split(&written) {
        (Some(of), name) => Box::new((cx.name(of), cx.name(name))),
        (None, name) => Box::new((backend.clone(), cx.name(name))),
    });
    server.id = id;
    if server.source.is_none() {
        server.source = source.cloned();
    }
    if server.init_addr.is_empty() && matches!(server.host, Host::Name { .. }) {
        server.init_addr = vec![InitAddr::Last, InitAddr::Libc];
    }
    if let (true, Some(port)) = (agent, agent_port) {
        let inter = agent_inter.unwrap_or(check.inter);
        let (addr, send) = (agent_addr, agent_send);
        server.agent = Some(Box::new(model::AgentCheck { inter, addr, port, send }));
    }
    if checked {
        let own_place = check.port.is_some() || check.addr.is_some();
        let inherited = server.send_proxy.is_some() && !own_place;
        check.send_proxy = check_send_proxy.unwrap_or(inherited);
        check.source = server.source.clone();
        server.check = Some(Box::new(check));
    }
    server
}

fn proxy_log<'a>(cx: &mut Lowering<'a>, draft: &Draft<'a>, shared: &Shared) -> ProxyLog {
    let log = &draft.log;
    let format = log_line(cx, log, draft.mode);
    let error_format = compiled(cx, log.error_format, Place::LOG);
    ProxyLog {
        targets: log_targets(log, shared),
        kind: log_kind(log),
        format,
        error_format,
        tag: log.tag.clone(),
        dontlognull: log.dontlognull,
        dontlog_normal: log.dontlog_normal,
        logasap: log.logasap,
        separate_errors: log.separate_errors,
    }
}

fn log_targets(log: &LogDraft<'_>, shared: &Shared) -> Arc<[LogTarget]> {
    match (log.global, log.targets.as_slice()) {
        (true, []) => shared.global_log.clone(),
        (false, []) => shared.no_log.clone(),
        (true, own) => shared.global_log.iter().chain(own).cloned().collect(),
        (false, own) => own.iter().cloned().collect(),
    }
}

fn log_line<'a>(cx: &mut Lowering<'a>, log: &LogDraft<'a>, mode: Mode) -> LogFormat {
    let built_in = match log.kind.map(|(choice, _)| choice) {
        None if mode == Mode::Tcp => CONNECT_TCP,
        None => CONNECT_HTTP,
        Some(LogChoice::Tcp) => expr::TCP,
        Some(LogChoice::TcpClf) => expr::TCP_CLF,
        Some(LogChoice::Http) => expr::HTTP,
        Some(LogChoice::HttpClf) if mode == Mode::Tcp => expr::TCP_CLF,
        Some(LogChoice::HttpClf) => expr::HTTP_CLF,
        Some(LogChoice::Https) => expr::HTTPS,
        Some(LogChoice::Format) => {
            return compiled(cx, log.format, Place::LOG).unwrap_or_else(|| LogFormat::literal(b""));
        }
    };
    cx.built_in_format(built_in)
}

/// A log format of the section, with its findings noted.
fn compiled<'a>(cx: &mut Lowering<'a>, word: Option<Word<'a>>, place: Place) -> Option<LogFormat> {
    match cx.log_format(word?, place, &Acls::new()) {
        Ok(format) => Some(format),
        Err(found) => {
            cx.diagnostics.push(*found);
            None
        }
    }
}

fn log_kind(log: &LogDraft<'_>) -> LogKind {
    match log.kind.map(|(choice, _)| choice) {
        None => LogKind::Default,
        Some(LogChoice::Tcp) => LogKind::Tcp,
        Some(LogChoice::Http) => LogKind::Http,
        Some(LogChoice::HttpClf | LogChoice::TcpClf) => LogKind::Clf,
        Some(LogChoice::Https | LogChoice::Format) => LogKind::Custom,
    }
}

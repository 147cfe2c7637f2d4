//! From complete drafts to the model: identifiers, compiled logs, the two halves of a proxy.

use std::collections::HashSet;
use std::sync::Arc;

use expr::{Acls, LogFormat, Place};
use model::{
    Backend, CheckKind, ErrorPages, Frontend, Host, InitAddr, LogKind, LogTarget, Mode, Monitor,
    ProxyLog, Server,
};

use super::context::Lowering;
use super::draft::{Draft, LogDraft, ServerDraft};
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
    let unique_id_format = draft.front.unique_id_format.and_then(|word| {
        let format = cx.log_format(word, Place::LOG, &Acls::new());
        format.map_err(|found| cx.diagnostics.push(*found)).ok()
    });
    let mut binds = std::mem::take(&mut draft.front.binds);
    let mut ids = Ids::new(draft.front.bind_ids.keys().copied());
    for bind in binds.iter_mut().filter(|bind| bind.id == 0) {
        bind.id = ids.take();
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
        mode: draft.mode,
        disabled: draft.disabled,
        binds,
        maxconn: fields.maxconn,
        backlog: fields.backlog,
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
        no_delay: fields.no_delay,
        use_proxy_header: fields.use_proxy_header,
        tcp_keep_alive: fields.tcp_keep_alive,
        nolinger: fields.nolinger,
        accept_invalid_request: fields.accept_invalid_request,
        unique_id_format,
        unique_id_header: fields.unique_id_header.clone(),
        monitor: draft.front.monitor_uri.clone().map(|uri| Monitor { uri, fail }),
        request_captures: fields.request_captures.clone(),
        response_captures: fields.response_captures.clone(),
        capture_cookie: fields.capture_cookie.clone(),
        errors: draft.error_pages(shared),
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
        mode: draft.mode,
        disabled: draft.disabled,
        algorithm: back.algorithm.clone(),
        hash_type: back.hash_type,
        hash_balance_factor: back.hash_balance_factor,
        servers,
        cookie: back.cookie.take().map(|(cookie, _)| cookie),
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
        accept_invalid_response: back.accept_invalid_response,
        send_name_header: back.send_name_header.clone(),
        check: CheckKind::Connect,
        log_health_checks: back.log_health_checks,
        disable_on_404: false,
        check_send_state: false,
        spread_checks_percent: shared.spread_checks_percent,
        drain_timeout: None,
        errors: draft.error_pages(shared),
        log,
        origin: cx.origin(draft.header),
    }
}

fn servers(cx: &mut Lowering<'_>, draft: &mut Draft<'_>) -> Vec<Arc<Server>> {
    let drafts = std::mem::take(&mut draft.back.servers);
    let explicit = drafts.iter().filter_map(|server| server.explicit_id.map(|(id, _)| id));
    let mut ids = Ids::new(explicit);
    let source = draft.back.source.clone();
    drafts
        .into_iter()
        .map(|server| {
            let id = server.explicit_id.map_or_else(|| ids.take(), |(id, _)| id);
            Arc::new(finish_server(cx, server, id, source.as_ref()))
        })
        .collect()
}

fn finish_server(
    cx: &mut Lowering<'_>,
    draft: ServerDraft,
    id: u32,
    source: Option<&model::Source>,
) -> Server {
    let ServerDraft { mut server, checked, mut check, check_send_proxy, .. } = draft;
    server.id = id;
    if server.source.is_none() {
        server.source = source.cloned();
    }
    if server.init_addr.is_empty() && matches!(server.host, Host::Name { .. }) {
        server.init_addr = vec![InitAddr::Last, InitAddr::Libc];
    }
    if checked {
        let own_place = check.port.is_some() || check.addr.is_some();
        let inherited = server.send_proxy.is_some() && !own_place;
        check.send_proxy = check_send_proxy.unwrap_or(inherited);
        check.source = server.source.clone();
        server.check = Some(check);
    }
    let _ = cx;
    server
}

fn proxy_log<'a>(cx: &mut Lowering<'a>, draft: &Draft<'a>, shared: &Shared) -> ProxyLog {
    let log = &draft.log;
    let kind = match &log.kind {
        Some((kind, _)) => kind.clone(),
        None => LogKind::Default,
    };
    let format = log_line(cx, log, &kind, draft.mode);
    let error_format = log.error_format.and_then(|word| {
        let format = cx.log_format(word, Place::LOG, &Acls::new());
        format.map_err(|found| cx.diagnostics.push(*found)).ok()
    });
    ProxyLog {
        targets: log_targets(log, shared),
        kind,
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

fn log_line<'a>(
    cx: &mut Lowering<'a>,
    log: &LogDraft<'a>,
    kind: &LogKind,
    mode: Mode,
) -> LogFormat {
    let built_in = match kind {
        LogKind::Default if mode == Mode::Tcp => CONNECT_TCP,
        LogKind::Default => CONNECT_HTTP,
        LogKind::Tcp => expr::TCP,
        LogKind::Http => expr::HTTP,
        LogKind::Clf if mode == Mode::Tcp => expr::TCP_CLF,
        LogKind::Clf => expr::HTTP_CLF,
        LogKind::Custom => {
            let compiled = log.format.map(|word| cx.log_format(word, Place::LOG, &Acls::new()));
            match compiled {
                Some(Ok(format)) => return format,
                Some(Err(found)) => cx.diagnostics.push(*found),
                None => {}
            }
            ""
        }
    };
    cx.built_in_format(built_in)
}

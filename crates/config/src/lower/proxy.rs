//! Keywords of `defaults`, `frontend`, `backend` and `listen` (manual 4.2).

use model::{Mode, Name};

use super::args::{Args, Outcome, alert};
use super::context::Lowering;
use super::draft::Draft;
use super::table::Table;
use super::{balance, bind, logging, options, routing, server, timeouts};

/// Lowers one line into the draft.
pub(crate) type ProxyFn = for<'a> fn(&mut Lowering<'a>, &mut Draft<'a>, &mut Args<'a>) -> Outcome;

/// Keywords of proxies, by the names that the keyword table gives them.
pub(crate) const KEYWORDS: Table<ProxyFn> = Table(&[
    ("backlog", |_, draft, args| {
        draft.front.model.backlog = Some(args.u32_from(0)?).filter(|most| *most > 0);
        Ok(())
    }),
    ("balance", balance::balance),
    ("bind", bind::lower),
    ("default-server", server::default_server),
    ("default_backend", routing::default_backend),
    ("description", text),
    ("disabled", |_, draft, _| {
        draft.disabled = true;
        Ok(())
    }),
    ("enabled", |_, draft, _| {
        draft.disabled = false;
        Ok(())
    }),
    ("error-log-format", logging::error_log_format),
    ("fullconn", |_, draft, args| {
        draft.back.fullconn = Some(args.u32_from(0)?).filter(|most| *most > 0);
        Ok(())
    }),
    ("guid", text),
    ("hash-balance-factor", balance::hash_balance_factor),
    ("hash-type", balance::hash_type),
    ("http-reuse", balance::http_reuse),
    ("http-send-name-header", |_, draft, args| {
        draft.back.send_name_header = match args.is_negated() {
            true => None,
            false => Some(args.header()?),
        };
        Ok(())
    }),
    ("id", |_, draft, args| {
        let span = args.span();
        draft.id = Some((args.u32_from(1)?, span));
        Ok(())
    }),
    ("log", logging::log),
    ("log-format", logging::log_format),
    ("log-tag", |cx, draft, args| {
        draft.log.tag = Some(cx.name(args.text("a tag")?));
        Ok(())
    }),
    ("maxconn", |_, draft, args| {
        draft.front.model.maxconn = Some(args.u32_from(0)?).filter(|most| *most > 0);
        Ok(())
    }),
    ("mode", mode),
    ("monitor fail", routing::monitor_fail),
    ("monitor-uri", |cx, draft, args| {
        draft.front.monitor_uri = Some(cx.name(args.text("a URI")?));
        Ok(())
    }),
    ("option abortonclose", |_, draft, args| {
        draft.back.abortonclose = args.switch(false);
        Ok(())
    }),
    ("option accept-invalid-http-request", options::accept_invalid_request),
    ("option accept-invalid-http-response", options::accept_invalid_response),
    ("option accept-unsafe-violations-in-http-request", options::accept_invalid_request),
    ("option accept-unsafe-violations-in-http-response", options::accept_invalid_response),
    ("option allbackups", |_, draft, args| {
        draft.back.allbackups = args.switch(false);
        Ok(())
    }),
    ("option checkcache", options::no_effect),
    ("option clitcpka", |_, draft, args| {
        draft.front.model.tcp_keep_alive = args.switch(false);
        Ok(())
    }),
    ("option dontlog-normal", |_, draft, args| {
        draft.log.dontlog_normal = args.switch(false);
        Ok(())
    }),
    ("option dontlognull", |_, draft, args| {
        draft.log.dontlognull = args.switch(false);
        Ok(())
    }),
    ("option forwardfor", options::forwardfor),
    ("option http-buffer-request", |_, draft, args| {
        draft.buffer_request = args.switch(false);
        Ok(())
    }),
    ("option http-ignore-probes", |_, draft, args| {
        draft.front.model.ignore_probes = args.switch(false);
        Ok(())
    }),
    ("option http-keep-alive", options::http_keep_alive),
    ("option http-no-delay", |_, draft, args| {
        draft.front.model.no_delay = args.switch(false);
        Ok(())
    }),
    ("option http-pretend-keepalive", |_, draft, args| {
        draft.back.pretend_keepalive = args.switch(false);
        Ok(())
    }),
    ("option http-server-close", options::http_server_close),
    ("option http-use-proxy-header", |_, draft, args| {
        draft.front.model.use_proxy_header = args.switch(false);
        Ok(())
    }),
    ("option httpclose", options::httpclose),
    ("option httplog", logging::httplog),
    ("option log-health-checks", |_, draft, args| {
        draft.back.log_health_checks = args.switch(false);
        Ok(())
    }),
    ("option log-separate-errors", |_, draft, args| {
        draft.log.separate_errors = args.switch(false);
        Ok(())
    }),
    ("option logasap", |_, draft, args| {
        draft.log.logasap = args.switch(false);
        Ok(())
    }),
    ("option nolinger", |_, draft, args| {
        draft.front.model.nolinger = args.switch(false);
        Ok(())
    }),
    ("option originalto", options::originalto),
    ("option persist", |_, draft, args| {
        draft.back.persist = args.switch(false);
        Ok(())
    }),
    ("option prefer-last-server", |_, draft, args| {
        draft.back.prefer_last_server = args.switch(false);
        Ok(())
    }),
    ("option redispatch", options::redispatch),
    ("option srvtcpka", |_, draft, args| {
        draft.back.tcp_keep_alive = args.switch(false);
        Ok(())
    }),
    ("option tcpka", |_, draft, args| {
        draft.front.model.tcp_keep_alive = args.switch(false);
        draft.back.tcp_keep_alive = args.switch(false);
        Ok(())
    }),
    ("option tcplog", logging::tcplog),
    ("rate-limit sessions", |_, draft, args| {
        draft.front.model.rate_limit_sessions = Some(args.u32_from(0)?).filter(|rate| *rate > 0);
        Ok(())
    }),
    ("retries", |_, draft, args| {
        draft.back.retries = args.u32_from(0)?;
        Ok(())
    }),
    ("server", server::server),
    ("server-template", server::template),
    ("source", |cx, draft, args| {
        draft.back.source = match args.is_negated() {
            true => None,
            false => Some(super::server_options::source(cx, args)?),
        };
        Ok(())
    }),
    ("timeout check", timeouts::check),
    ("timeout client", timeouts::client),
    ("timeout client-fin", timeouts::client_fin),
    ("timeout client-hs", timeouts::client_hs),
    ("timeout connect", timeouts::connect),
    ("timeout http-keep-alive", timeouts::http_keep_alive),
    ("timeout http-request", timeouts::http_request),
    ("timeout queue", timeouts::queue),
    ("timeout server", timeouts::server),
    ("timeout server-fin", timeouts::server_fin),
    ("timeout tarpit", timeouts::tarpit),
    ("timeout tunnel", timeouts::tunnel),
    ("unique-id-format", logging::unique_id_format),
    ("unique-id-header", |_, draft, args| {
        draft.front.model.unique_id_header = Some(args.header()?);
        Ok(())
    }),
    ("use-server", routing::use_server),
    ("use_backend", routing::use_backend),
]);

/// A text that only people read.
fn text(_: &mut Lowering<'_>, _: &mut Draft<'_>, args: &mut Args<'_>) -> Outcome {
    args.skip(args.line().len());
    Ok(())
}

fn mode(_: &mut Lowering<'_>, draft: &mut Draft<'_>, args: &mut Args<'_>) -> Outcome {
    const WHAT: &str = "'http' or 'tcp'";
    draft.mode = match args.text(WHAT)? {
        "http" => Mode::Http,
        "tcp" => Mode::Tcp,
        other @ ("log" | "spop" | "health") => {
            let reason = match other {
                "health" => "'mode health' is gone: use 'http-request return' or 'monitor-uri'",
                _ => "only the modes 'http' and 'tcp' are supported yet",
            };
            return Err(alert(args.last_span(), reason));
        }
        _ => return Err(args.unexpected(WHAT)),
    };
    Ok(())
}

/// The name that a section's opening line gives.
pub(crate) fn section_name(cx: &mut Lowering<'_>, section: crate::ast::Section<'_>) -> Name {
    match section.name() {
        Some(word) if word.value() != "from" => cx.name(word.value()),
        _ => cx.name(""),
    }
}

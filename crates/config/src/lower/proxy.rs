//! Keywords of `defaults`, `frontend`, `backend` and `listen` (manual 4.2).

use model::{Mode, Name};

use super::args::{Args, Outcome, alert};
use super::context::Lowering;
use super::draft::Draft;
use super::table::Table;
use super::{
    balance, bind, captures, check, cookie, errors, guid, logging, options, persist, routing,
    rules, server, state, stats, timeouts,
};

/// Lowers one line into the draft.
pub(crate) type ProxyFn = for<'a> fn(&mut Lowering<'a>, &mut Draft<'a>, &mut Args<'a>) -> Outcome;

/// Keywords of proxies, by the names that the keyword table gives them.
pub(crate) const KEYWORDS: Table<ProxyFn> = Table(&[
    ("acl", rules::acl),
    ("backlog", |_, draft, args| {
        draft.front.model.backlog = Some(args.u32_from(0)?).filter(|most| *most > 0);
        Ok(())
    }),
    ("balance", balance::balance),
    ("bind", bind::lower),
    ("capture cookie", captures::cookie),
    ("capture request header", captures::request_header),
    ("capture response header", captures::response_header),
    ("cookie", cookie::cookie),
    ("declare capture", captures::declare),
    ("default-server", server::default_server),
    ("default_backend", routing::default_backend),
    ("disabled", |_, draft, _| {
        draft.disabled = true;
        Ok(())
    }),
    ("dispatch", server::dispatch),
    ("dynamic-cookie-key", cookie::dynamic_key),
    ("enabled", |_, draft, _| {
        draft.disabled = false;
        Ok(())
    }),
    ("error-log-format", logging::error_log_format),
    ("errorfile", errors::errorfile),
    ("errorfiles", errors::errorfiles),
    ("errorloc", errors::errorloc302),
    ("errorloc302", errors::errorloc302),
    ("errorloc303", errors::errorloc303),
    ("force-persist", persist::force),
    ("fullconn", |_, draft, args| {
        draft.back.fullconn = Some(args.u32_from(0)?).filter(|most| *most > 0);
        Ok(())
    }),
    ("guid", guid::proxy),
    ("hash-balance-factor", balance::hash_balance_factor),
    ("hash-type", balance::hash_type),
    ("http-after-response", rules::http_after_response),
    ("http-check comment", check::comment),
    ("http-check connect", check::http_connect),
    ("http-check disable-on-404", check::disable_on_404),
    ("http-check expect", check::http_expect),
    ("http-check send", check::http_send),
    ("http-check send-state", check::send_state),
    ("http-check set-var", check::set_var),
    ("http-check set-var-fmt", check::set_var_fmt),
    ("http-check unset-var", check::unset_var),
    ("http-error", errors::http_error),
    ("http-request", rules::http_request),
    ("http-response", rules::http_response),
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
    ("ignore-persist", persist::ignore),
    ("load-server-state-from-file", state::load),
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
    // Every connection sends at once.
    ("option http-no-delay", |_, _, _| Ok(())),
    ("option http-pretend-keepalive", |_, draft, args| {
        draft.back.pretend_keepalive = args.switch(false);
        Ok(())
    }),
    ("option http-server-close", options::http_server_close),
    ("option httpchk", check::httpchk),
    ("option httpclose", options::httpclose),
    ("option httplog", logging::httplog),
    ("option httpslog", logging::httpslog),
    ("option ldap-check", check::protocol::ldap),
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
    ("option mysql-check", check::protocol::mysql),
    ("option nolinger", |_, draft, args| {
        draft.front.model.nolinger = args.switch(false);
        Ok(())
    }),
    ("option originalto", options::originalto),
    ("option persist", |_, draft, args| {
        draft.back.persist = args.switch(false);
        Ok(())
    }),
    ("option pgsql-check", check::protocol::pgsql),
    ("option prefer-last-server", |_, draft, args| {
        draft.back.prefer_last_server = args.switch(false);
        Ok(())
    }),
    ("option redis-check", check::protocol::redis),
    ("option redispatch", options::redispatch),
    ("option smtpchk", check::protocol::smtp),
    ("option srvtcpka", |_, draft, args| {
        draft.back.tcp_keep_alive = args.switch(false);
        Ok(())
    }),
    ("option ssl-hello-chk", check::protocol::ssl),
    ("option tcp-check", check::tcp_check),
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
    ("redirect", rules::redirect),
    ("retries", |_, draft, args| {
        draft.back.retries = args.u32_from(0)?;
        Ok(())
    }),
    ("retry-on", persist::retry_on),
    ("server", server::server),
    ("server-state-file-name", state::name),
    ("server-template", server::template),
    ("source", |cx, draft, args| {
        draft.back.source = match args.is_negated() {
            true => None,
            false => Some(super::server_options::source(cx, args)?),
        };
        Ok(())
    }),
    ("stats admin", stats::admin),
    ("stats auth", stats::auth),
    ("stats enable", stats::enable),
    ("stats hide-version", stats::hide_version),
    ("stats http-request", stats::http_request),
    ("stats realm", stats::realm),
    ("stats refresh", stats::refresh),
    ("stats scope", stats::scope),
    ("stats show-desc", stats::show_desc),
    ("stats show-legends", stats::show_legends),
    ("stats show-modules", stats::show_modules),
    ("stats show-node", stats::show_node),
    ("stats uri", stats::uri),
    ("tcp-check comment", check::comment),
    ("tcp-check connect", check::tcp_connect),
    ("tcp-check expect", check::tcp_expect),
    ("tcp-check send", check::tcp_send),
    ("tcp-check send-binary", check::tcp_send_binary),
    ("tcp-check send-binary-lf", check::tcp_send_binary_lf),
    ("tcp-check send-lf", check::tcp_send_lf),
    ("tcp-check set-var", check::set_var),
    ("tcp-check set-var-fmt", check::set_var_fmt),
    ("tcp-check unset-var", check::unset_var),
    ("tcp-request connection", rules::tcp_connection),
    ("tcp-request content", rules::tcp_content),
    ("tcp-request inspect-delay", rules::inspect_delay),
    ("tcp-request session", rules::tcp_session),
    ("tcp-response content", rules::tcp_response),
    ("tcp-response inspect-delay", rules::response_inspect_delay),
    ("timeout check", timeouts::check),
    ("timeout client", timeouts::client),
    ("timeout client-fin", timeouts::client_fin),
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

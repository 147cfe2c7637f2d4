//! Backends and servers for the tests of this crate.

use std::sync::Arc;
use std::time::Duration;

use model::{Backend, Host, Port, Server, ServerIdentity};

/// A server called `name` at 127.0.0.1, weight 1.
pub(crate) fn server(name: &str, id: u32) -> Server {
    Server {
        identity: ServerIdentity::Named(name.into()),
        name: name.into(),
        id,
        host: Host::Ip([127, 0, 0, 1].into()),
        port: Port::Fixed(8000 + id as u16),
        weight: 1,
        backup: false,
        disabled: false,
        stopping: false,
        maxconn: None,
        minconn: None,
        maxqueue: 0,
        slowstart: None,
        cookie: Some(format!("v{name}").into()),
        redir: None,
        check: None,
        track: None,
        agent: None,
        on_marked: model::OnMarked::default(),
        send_proxy: None,
        source: None,
        init_addr: Vec::new(),
        prefer_ipv6: true,
        resolvers: None,
        resolve: None,
        consul: None,
        pool_max_conn: -1,
        pool_purge_delay: Duration::from_secs(5),
        max_reuse: None,
        tcp_user_timeout_ms: None,
        origin: model::Origin::BuiltIn,
    }
}

/// A check that begins like this.
pub(crate) fn check(init_state: model::InitState) -> model::ServerCheck {
    model::ServerCheck { init_state, ..model::ServerCheck::default() }
}

/// A backend of `count` servers a, b, c..., changed by `change`.
pub(crate) fn backend(
    count: u32,
    change: impl FnOnce(&mut Backend, &mut Vec<Server>),
) -> Arc<Backend> {
    let letter = |id: u32| char::from(b'`' + id as u8).to_string();
    let mut servers: Vec<Server> = (1..=count).map(|id| server(&letter(id), id)).collect();
    let mut backend = empty();
    change(&mut backend, &mut servers);
    backend.servers = servers.into_iter().map(Arc::new).collect();
    Arc::new(backend)
}

fn empty() -> Backend {
    Backend {
        name: "bk".into(),
        id: 1,
        mode: model::Mode::Http,
        is_listen: false,
        disabled: false,
        algorithm: model::Algorithm::RoundRobin,
        hash_type: model::HashType::default(),
        hash_balance_factor: 0,
        servers: Vec::new(),
        cookie: None,
        persist_rules: Vec::new(),
        use_server: Vec::new(),
        timeouts: model::Timeouts::default(),
        rules: model::RuleSet::default(),
        retries: 3,
        retry_on: Vec::new(),
        redispatch: None,
        allbackups: false,
        persist: false,
        prefer_last_server: false,
        abortonclose: false,
        fullconn: None,
        http_reuse: model::HttpReuse::Safe,
        connection_mode: model::ConnectionMode::default(),
        pretend_keepalive: false,
        forwardfor: None,
        originalto: None,
        buffer_request: false,
        tcp_keep_alive: false,
        nolinger: false,
        accept_invalid_response: false,
        send_name_header: None,
        check: model::CheckKind::Connect,
        log_health_checks: false,
        disable_on_404: false,
        check_send_state: false,
        spread_checks_percent: 0,
        drain_timeout: None,
        errors: Arc::default(),
        log: model::ProxyLog {
            targets: Arc::from([]),
            kind: model::LogKind::Default,
            format: expr::LogFormat::literal(b""),
            error_format: None,
            tag: None,
            dontlognull: false,
            dontlog_normal: false,
            logasap: false,
            separate_errors: false,
        },
        origin: model::Origin::BuiltIn,
    }
}

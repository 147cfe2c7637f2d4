//! A proxy section while it is read: what is inherited from `defaults` and what it says itself.

use std::collections::HashMap;
use std::time::Duration;

use expr::Acls;
use model::{
    Algorithm, ConnectionMode, HashType, HttpReuse, LogTarget, Mode, Name, OnMarked, Origin, Port,
    RuleSet, Server, ServerCheck, ServerIdentity, Timeouts,
};

use super::check::CheckDraft;
use super::errors::ErrorsDraft;
use crate::ast::Word;
use crate::section::SectionKind;
use crate::source::Span;

/// A `defaults`, `frontend`, `backend` or `listen` section.
///
/// The two halves of the model are filled side by side; the section's kind decides in the end
/// which of them are used. What cannot be final before the section is complete stands beside them.
#[derive(Clone)]
pub(crate) struct Draft<'a> {
    /// Kind of section.
    pub kind: SectionKind,
    /// Name.
    pub name: Name,
    /// Where the section starts.
    pub header: Span,
    /// `id`, where it was written.
    pub id: Option<(u32, Span)>,
    /// `mode`.
    pub mode: Mode,
    /// `disabled`.
    pub disabled: bool,
    /// What the client side will be.
    pub front: FrontDraft<'a>,
    /// What the server side will be.
    pub back: BackDraft,
    /// Timeouts of both sides.
    pub timeouts: Timeouts,
    /// `option http-keep-alive` and its kin.
    pub connection_mode: ConnectionMode,
    /// `option forwardfor`, with the place.
    pub forwardfor: Option<(model::ForwardFor, Span)>,
    /// `option originalto`.
    pub originalto: Option<(model::ForwardFor, Span)>,
    /// `option http-buffer-request`.
    pub buffer_request: bool,
    /// Rules.
    pub rules: RuleSet,
    /// How many of them are inherited.
    pub inherited_rules: InheritedRules,
    /// Which rule kinds were seen, for the warnings about order.
    pub order: super::order::RuleOrder,
    /// Where each list of HTTP rules ends early.
    pub finals: Finals,
    /// Named ACLs.
    pub acls: Acls,
    /// Logs.
    pub log: LogDraft<'a>,
    /// Error answers.
    pub errors: ErrorsDraft,
    /// The settings of the statistics page are those of `defaults`.
    pub stats_inherited: bool,
}

/// How many rules of each list come from `defaults`.
#[derive(Clone, Copy, Default)]
pub(crate) struct InheritedRules {
    tcp_connection: usize,
    tcp_session: usize,
    tcp_content: usize,
    tcp_response: usize,
    http_request: usize,
    redirects: usize,
    http_response: usize,
    http_after_response: usize,
}

impl InheritedRules {
    fn of(rules: &RuleSet) -> Self {
        Self {
            tcp_connection: rules.tcp_connection.len(),
            tcp_session: rules.tcp_session.len(),
            tcp_content: rules.tcp_content.len(),
            tcp_response: rules.tcp_response.len(),
            http_request: rules.http_request.len(),
            redirects: rules.redirects.len(),
            http_response: rules.http_response.len(),
            http_after_response: rules.http_after_response.len(),
        }
    }
}

/// Unconditional final rules, behind which nothing is reached.
#[derive(Clone, Copy, Default)]
pub(crate) struct Finals {
    /// `http-request`.
    pub http_request: Option<Span>,
    /// `http-response`.
    pub http_response: Option<Span>,
    /// `http-after-response`.
    pub http_after_response: Option<Span>,
}

/// What only the client side has.
#[derive(Clone)]
pub(crate) struct FrontDraft<'a> {
    /// The model's own fields.
    pub model: FrontFields,
    /// Listening addresses.
    pub binds: Vec<model::Bind>,
    /// Names and ids of binds, with their places.
    pub bind_ids: HashMap<u32, Span>,
    /// `default_backend`.
    pub default_backend: Option<(Name, Span)>,
    /// `use_backend`.
    pub use_backend: Vec<model::Rule<model::BackendTarget>>,
    /// Backends that rules name, with their places.
    pub use_backend_names: Vec<(Name, Span)>,
    /// `unique-id-format`.
    pub unique_id_format: Option<Word<'a>>,
    /// Slots that `capture ... id N` asks for: response or request, slot, place.
    pub capture_uses: Vec<(bool, usize, Span)>,
    /// `monitor-uri`.
    pub monitor_uri: Option<Name>,
    /// `monitor fail`.
    pub monitor_fail: Vec<expr::Condition>,
}

/// Fields of [`model::Frontend`] that are final as soon as they are read.
#[derive(Clone, Default)]
pub(crate) struct FrontFields {
    pub maxconn: Option<u32>,
    pub backlog: Option<u32>,
    pub rate_limit_sessions: Option<u32>,
    pub ignore_probes: bool,
    pub tcp_keep_alive: bool,
    pub nolinger: bool,
    pub accept_invalid_request: bool,
    pub unique_id_header: Option<model::FieldName>,
    pub request_captures: Vec<model::Capture>,
    pub response_captures: Vec<model::Capture>,
    pub capture_cookie: Option<(Name, usize)>,
}

/// What only the server side has.
#[derive(Clone)]
pub(crate) struct BackDraft {
    /// `balance`.
    pub algorithm: Algorithm,
    /// Where `balance` stands.
    pub balance_span: Option<Span>,
    /// `hash-type`.
    pub hash_type: HashType,
    /// `hash-balance-factor`.
    pub hash_balance_factor: u32,
    /// Servers.
    pub servers: Vec<ServerDraft>,
    /// Servers by name, with their places.
    pub server_names: HashMap<Name, Span>,
    /// `default-server`.
    pub default_server: ServerDraft,
    /// `dispatch`.
    pub dispatch: Option<(model::Host, Port, Span)>,
    /// `source` of the backend.
    pub source: Option<model::Source>,
    /// `cookie`.
    pub cookie: Option<(model::CookiePersistence, Span)>,
    /// Where `cookie` says `dynamic`.
    pub cookie_dynamic: Option<Span>,
    /// `dynamic-cookie-key`.
    pub dynamic_key: Option<Name>,
    /// `use-server`.
    pub use_server: Vec<model::Rule<model::ServerRule>>,
    /// Servers that rules name.
    pub use_server_names: Vec<(Name, Span)>,
    /// `force-persist`, `ignore-persist`.
    pub persist_rules: Vec<model::Rule<model::PersistRule>>,
    /// `retries`.
    pub retries: u32,
    /// `retry-on`.
    pub retry_on: Vec<Name>,
    /// `option redispatch`.
    pub redispatch: Option<i32>,
    /// `option allbackups`.
    pub allbackups: bool,
    /// `option persist`.
    pub persist: bool,
    /// `option prefer-last-server`.
    pub prefer_last_server: bool,
    /// `option abortonclose`.
    pub abortonclose: bool,
    /// `fullconn`.
    pub fullconn: Option<u32>,
    /// `http-reuse`.
    pub http_reuse: HttpReuse,
    /// `option http-pretend-keepalive`.
    pub pretend_keepalive: bool,
    /// `option srvtcpka`.
    pub tcp_keep_alive: bool,
    /// `option accept-unsafe-violations-in-http-response`.
    pub accept_invalid_response: bool,
    /// `http-send-name-header`.
    pub send_name_header: Option<model::FieldName>,
    /// Health checks.
    pub check: CheckDraft,
    /// `option log-health-checks`.
    pub log_health_checks: bool,
    /// `load-server-state-from-file`.
    pub state_load: super::state::Load,
    /// `server-state-file-name`.
    pub state_name: Option<Name>,
}

/// A server while its options are read; also what `default-server` says.
#[derive(Clone)]
pub(crate) struct ServerDraft {
    /// The server; `check` stays empty until the section is complete.
    pub server: Server,
    /// `check`.
    pub checked: bool,
    /// What `check` would do.
    pub check: ServerCheck,
    /// `agent-check`, and its settings: interval, address, port, text.
    pub agent: bool,
    pub agent_inter: Option<std::time::Duration>,
    pub agent_addr: Option<std::net::IpAddr>,
    pub agent_port: Option<u16>,
    pub agent_send: Option<Name>,
    /// `check-send-proxy` or `no-check-send-proxy` was written.
    pub check_send_proxy: Option<bool>,
    /// `track`, as written, with its place.
    pub track: Option<(Name, Span)>,
    /// `no-backup`, `enabled` ... need no memory; the id does.
    pub explicit_id: Option<(u32, Span)>,
    /// `guid`, until it is claimed.
    pub guid: Option<super::guid::Guid>,
    /// Where the server's name stands.
    pub span: Option<Span>,
}

/// Which line was asked for; the last word counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogChoice {
    /// `option tcplog`.
    Tcp,
    /// `option tcplog clf`.
    TcpClf,
    /// `option httplog`.
    Http,
    /// `option httplog clf`.
    HttpClf,
    /// `option httpslog`.
    Https,
    /// `log-format`.
    Format,
}

/// Log settings while they are read.
#[derive(Clone, Default)]
pub(crate) struct LogDraft<'a> {
    /// `log global`.
    pub global: bool,
    /// Own targets.
    pub targets: Vec<LogTarget>,
    /// What was chosen last, with its place.
    pub kind: Option<(LogChoice, Span)>,
    /// `log-format`.
    pub format: Option<Word<'a>>,
    /// `error-log-format`.
    pub error_format: Option<Word<'a>>,
    /// `log-tag`.
    pub tag: Option<Name>,
    /// `option dontlognull`.
    pub dontlognull: bool,
    /// `option dontlog-normal`.
    pub dontlog_normal: bool,
    /// `option logasap`.
    pub logasap: bool,
    /// `option log-separate-errors`.
    pub separate_errors: bool,
}

impl<'a> Draft<'a> {
    /// A section that inherits nothing.
    pub(crate) fn new(kind: SectionKind, name: Name, header: Span) -> Self {
        Self {
            kind,
            back: BackDraft::new(&name),
            name,
            header,
            id: None,
            mode: Mode::Tcp,
            disabled: false,
            front: FrontDraft {
                model: FrontFields::default(),
                binds: Vec::new(),
                bind_ids: HashMap::new(),
                default_backend: None,
                use_backend: Vec::new(),
                use_backend_names: Vec::new(),
                unique_id_format: None,
                capture_uses: Vec::new(),
                monitor_uri: None,
                monitor_fail: Vec::new(),
            },
            timeouts: Timeouts::default(),
            connection_mode: ConnectionMode::KeepAlive,
            forwardfor: None,
            originalto: None,
            buffer_request: false,
            rules: RuleSet::default(),
            inherited_rules: InheritedRules::default(),
            order: super::order::RuleOrder::default(),
            finals: Finals::default(),
            acls: Acls::new(),
            log: LogDraft::default(),
            errors: ErrorsDraft::default(),
            stats_inherited: false,
        }
    }

    /// A section that inherits from this one, which is a `defaults`.
    pub(crate) fn inherited(&self, kind: SectionKind, name: Name, header: Span) -> Self {
        let mut draft = Self {
            kind,
            name,
            header,
            id: None,
            order: super::order::RuleOrder::default(),
            // What a defaults section names for its own rules is not known outside of it.
            acls: Acls::new(),
            finals: Finals::default(),
            inherited_rules: InheritedRules::of(&self.rules),
            stats_inherited: true,
            ..self.clone()
        };
        draft.back.check = self.back.check.inherited();
        draft
    }

    /// Lets conditions know the tests that their ACLs got below them.
    pub(crate) fn bind_conditions(&mut self) {
        let acls = &self.acls;
        if acls.names().next().is_none() {
            return;
        }
        // Inherited rules were bound to the ACLs of their own section.
        let (rules, own) = (&mut self.rules, self.inherited_rules);
        bind_own(&mut rules.tcp_connection, own.tcp_connection, acls);
        bind_own(&mut rules.tcp_session, own.tcp_session, acls);
        bind_own(&mut rules.tcp_content, own.tcp_content, acls);
        bind_own(&mut rules.tcp_response, own.tcp_response, acls);
        bind_own(&mut rules.http_request, own.http_request, acls);
        bind_own(&mut rules.redirects, own.redirects, acls);
        bind_own(&mut rules.http_response, own.http_response, acls);
        bind_own(&mut rules.http_after_response, own.http_after_response, acls);
        bind_all(&mut self.front.use_backend, acls);
        bind_all(&mut self.back.use_server, acls);
        bind_all(&mut self.back.persist_rules, acls);
        for condition in &mut self.front.monitor_fail {
            condition.bind(acls);
        }
    }

    /// Whether it has a client side (`defaults` counts as both).
    pub(crate) fn is_front(&self) -> bool {
        self.kind != SectionKind::Backend
    }

    /// Whether it has a server side.
    pub(crate) fn is_back(&self) -> bool {
        self.kind != SectionKind::Frontend
    }

    /// `frontend 'x'`, as messages call it.
    pub(crate) fn title(&self) -> String {
        match (self.kind, &*self.name) {
            (kind, "") => kind.keyword().to_owned(),
            (SectionKind::Listen, name) => format!("proxy '{name}'"),
            (kind, name) => format!("{} '{name}'", kind.keyword()),
        }
    }
}

/// The same for the rules behind the first `inherited`.
fn bind_own<A>(rules: &mut [model::Rule<A>], inherited: usize, acls: &Acls) {
    bind_all(rules.get_mut(inherited..).unwrap_or_default(), acls);
}

fn bind_all<A>(rules: &mut [model::Rule<A>], acls: &Acls) {
    for condition in rules.iter_mut().filter_map(|rule| rule.condition.as_mut()) {
        condition.bind(acls);
    }
}

impl BackDraft {
    fn new(name: &Name) -> Self {
        Self {
            algorithm: Algorithm::RoundRobin,
            balance_span: None,
            hash_type: HashType::default(),
            hash_balance_factor: 0,
            servers: Vec::new(),
            server_names: HashMap::new(),
            default_server: ServerDraft::new(name.clone()),
            dispatch: None,
            source: None,
            cookie: None,
            cookie_dynamic: None,
            dynamic_key: None,
            use_server: Vec::new(),
            use_server_names: Vec::new(),
            persist_rules: Vec::new(),
            retries: 3,
            retry_on: Vec::new(),
            redispatch: None,
            allbackups: false,
            persist: false,
            prefer_last_server: false,
            abortonclose: false,
            fullconn: None,
            http_reuse: HttpReuse::Safe,
            pretend_keepalive: false,
            tcp_keep_alive: false,
            accept_invalid_response: false,
            send_name_header: None,
            check: CheckDraft::default(),
            log_health_checks: false,
            state_load: super::state::Load::None,
            state_name: None,
        }
    }
}

impl ServerDraft {
    /// A server with HAProxy's own defaults (manual 5.2).
    pub(crate) fn new(name: Name) -> Self {
        Self {
            server: Server {
                identity: ServerIdentity::Named(name.clone()),
                name,
                id: 0,
                host: model::Host::Ip(std::net::Ipv4Addr::UNSPECIFIED.into()),
                port: Port::Client,
                weight: 1,
                backup: false,
                disabled: false,
                stopping: false,
                maxconn: None,
                minconn: None,
                maxqueue: 0,
                slowstart: None,
                cookie: None,
                redir: None,
                check: None,
                track: None,
                agent: None,
                on_marked: OnMarked::default(),
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
                origin: Origin::BuiltIn,
            },
            checked: false,
            check: ServerCheck::default(),
            agent: false,
            agent_inter: None,
            agent_addr: None,
            agent_port: None,
            agent_send: None,
            check_send_proxy: None,
            track: None,
            explicit_id: None,
            guid: None,
            span: None,
        }
    }
}

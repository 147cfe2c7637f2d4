//! Words of other balancers, read on request: the common labels of Traefik, the variables of
//! nginx-proxy. What is not understood is said, and never guessed.

mod labels;
mod middleware;
mod nginx_proxy;
mod rule;
mod traefik;

use super::Problem;
use super::asks::{Asks, Dialect, ROUTES_MAX, Way};
use super::route::Route;
use super::said::Said;
use super::variables::Row;

pub use nginx_proxy::nginx_proxy;
pub use traefik::traefik;

/// Variables and labels of nginx-proxy that are read, with their grammar and effect.
pub const NGINX_PROXY: &[Row] = &[
    ("VIRTUAL_HOST", "list of hosts, `*.x`, `x.*` or `~EXPRESSION`", "requests for these hosts"),
    ("VIRTUAL_PORT", "port", "port of the container; else the one it exposes, else 80"),
    ("VIRTUAL_PATH", "path or `~EXPRESSION`", "requests whose path begins so, or matches"),
    ("VIRTUAL_DEST", "path", "stands in the place of VIRTUAL_PATH for the container"),
    ("VIRTUAL_PROTO", "`http`", "what is spoken with the container; of others none is served"),
    ("NETWORK_ACCESS", "`external` or `internal`", "with `internal` 403 for public addresses"),
    ("HTTPS_METHOD", "`redirect`, `noredirect`, `nohttps` or `nohttp`", "with `nohttp` not served"),
    (
        "com.github.nginx-proxy.nginx-proxy.loadbalance",
        "`least_conn`, `ip_hash` or `random`",
        "how a server is picked",
    ),
];

/// Labels of Traefik that are read, with their grammar and effect.
pub const TRAEFIK: &[Row] = &[
    ("traefik.enable", "`true` or `false`", "take part, or not"),
    ("traefik.docker.network", "name", "the network it is reached on"),
    ("traefik.swarm.network", "name", "the same; for a service of a Swarm it comes first"),
    (
        "traefik.swarm.lbswarm",
        "`true` or `false`",
        "a service of a Swarm is one server at its virtual address",
    ),
    ("traefik.docker.lbswarm", "`true` or `false`", "the same, as Traefik 2 has it"),
    (
        "traefik.http.routers.R.rule",
        "`Host`, `HostRegexp`, `Path`, `PathPrefix`, `PathRegexp`, `Method`, `Header`, \
         `HeaderRegexp`, `Query`, `QueryRegexp`, `ClientIP` with `&&`, `||`, `!` and \
         parentheses",
        "requests that reach it; `Host(SERVICE-PROJECT)` without one",
    ),
    ("traefik.http.routers.R.priority", "number", "the higher is tried first"),
    ("traefik.http.routers.R.entrypoints", "list", "`web` and `http` are port 80; see below"),
    ("traefik.http.routers.R.service", "name", "which of its services is meant"),
    ("traefik.http.routers.R.middlewares", "list", "what is done on the way, in this order"),
    ("traefik.http.routers.R.tls", "-", "not served: TLS is not terminated here yet"),
    ("traefik.http.services.S.loadbalancer.server.port", "port", "port of the container"),
    ("traefik.http.services.S.loadbalancer.server.scheme", "`http`", "of others none is served"),
    (
        "traefik.http.services.S.loadbalancer.sticky.cookie",
        "`true`, and below it `name`, `httponly`, `secure`, `samesite`, `maxage`, `path`",
        "sticky sessions",
    ),
    (
        "traefik.http.services.S.loadbalancer.healthcheck",
        "below it `path`, `method`, `hostname`, `headers.NAME`, `status`, `port`, `interval`, \
         `unhealthyinterval`, `timeout`",
        "checks speak HTTP",
    ),
    (
        "traefik.http.middlewares.M.redirectscheme",
        "below it `scheme`, `permanent`, `port`",
        "requests in clear are sent to https",
    ),
    ("traefik.http.middlewares.M.stripprefix.prefixes", "list of paths", "taken off the path"),
    ("traefik.http.middlewares.M.addprefix.prefix", "path", "put before the path"),
    ("traefik.http.middlewares.M.replacepath.path", "path", "in the place of the path"),
    (
        "traefik.http.middlewares.M.basicauth.users",
        "list of `user:hash`, hashes of crypt(3)",
        "an account is asked for; `realm` says of what",
    ),
    (
        "traefik.http.middlewares.M.headers",
        "below it `customrequestheaders.NAME`, `customresponseheaders.NAME`, `stsseconds`, \
         `stsincludesubdomains`, `stspreload`, `framedeny`, `customframeoptionsvalue`, \
         `contenttypenosniff`, `browserxssfilter`, `custombrowserxssvalue`, \
         `contentsecuritypolicy`, `referrerpolicy`, `permissionspolicy`",
        "fields are set, or taken away where the value is empty",
    ),
    ("traefik.http.middlewares.M.ipallowlist.sourcerange", "list of networks", "403 for others"),
    ("traefik.http.middlewares.M.chain.middlewares", "list", "these, in their order"),
    (
        "traefik.tcp.routers.R.rule",
        "`` HostSNI(`*`) ``",
        "bytes of its entry points are relayed; with TLS if `tls.passthrough` is `true`",
    ),
    ("traefik.tcp.routers.R.entrypoints", "list", "ports that are relayed; see below"),
    ("traefik.tcp.routers.R.service", "name", "which of its services is meant"),
    ("traefik.tcp.services.S.loadbalancer.server.port", "port", "port of the container"),
];

fn asks(
    dialect: Dialect,
    ways: Vec<Way>,
    network: Option<Said>,
    explicit: bool,
    notes: Vec<Problem>,
) -> Asks {
    Asks { dialect, explicit, service: None, network, address: None, ways, notes }
}

fn add(way: &mut Way, route: Route, said: &Said) -> Result<(), Problem> {
    if way.routes.len() == ROUTES_MAX {
        return Err(said.problem(format!("more than {ROUTES_MAX} routes")));
    }
    if !way.routes.iter().any(|(known, _)| *known == route) {
        way.routes.push((route, said.clone()));
    }
    Ok(())
}

//! Services written in the configuration language: one way to make proxies, and every word of it
//! read back by the same reader as a file.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

use model::Name;

use super::Options;
use super::Problem;
use super::asks::{PoolAsks, Slot};
use super::balancer::{Balancer, HEALTH_CHECK, STATS_AUTH, Stats};
use super::pools::{self, Claim, Member, Pool, Sorted};
use super::route::DEFAULT_PORT;
use super::said::{By, Said, quoted};
use super::text::{self, Kind, Text};

/// A replica gets requests once it listens, and is looked at often until it does.
const NEW: &str = " init-state down downinter 200ms";
/// Of several, one that refuses a connection is left alone until it listens again.
const OF_SEVERAL: &str = " observe layer4 error-limit 1 on-error mark-down";
/// Requests that may be sent a second time (RFC 9110 section 9.2.2).
const REPEATABLE: &str = "{ method GET HEAD OPTIONS TRACE PUT DELETE }";

/// Name of the userlist.
const USERS: &str = "haproxy_userlist";

/// A rule to be written: a route, and the pool it leads to.
type Rule<'a> = (&'a Pool, &'a Claim);

/// A server that was written, and the container it stands for.
#[derive(Clone, Debug)]
pub struct Written {
    /// Backend.
    pub backend: Name,
    /// Server.
    pub server: Name,
    /// Number of the variant and of its member.
    pub member: (usize, usize),
    /// Port.
    pub port: u16,
}

/// What was written.
#[derive(Debug, Default)]
pub struct Draft {
    /// The text.
    pub text: Text,
    /// Its servers.
    pub servers: Vec<Written>,
    /// Frontends by the port they stand for.
    pub frontends: BTreeMap<u16, String>,
    /// How long each backend drains.
    pub drain: BTreeMap<Name, std::time::Duration>,
    /// What was left out.
    pub problems: Vec<Problem>,
}

/// Everything that is to be written.
pub struct Writer<'a> {
    /// What containers ask for.
    pub sorted: &'a Sorted,
    /// What the environment asks for.
    pub balancer: &'a Balancer,
    /// Where the built-in frontend listens.
    pub options: &'a Options,
    /// The balancer runs in a container with a network of its own.
    pub contained: bool,
    /// What names the place of an address that nobody wrote.
    pub address_label: Arc<str>,
}

impl Writer<'_> {
    /// Writes it.
    pub fn draft(&self) -> Draft {
        let mut d = Draft::default();
        d.text.piece(Kind::Prelude);
        self.global(&mut d);
        self.defaults(&mut d, "evenkeel-containers", self.balancer.tcp);
        self.defaults(&mut d, "evenkeel-tcp", true);
        if !self.balancer.users.is_empty() {
            d.text.ours(&format!("userlist {USERS}"));
            self.balancer.users.iter().for_each(|line| d.text.theirs(line));
        }
        self.userlists(&mut d);
        self.stats(&mut d);
        let relayed = self.relays(&mut d);
        self.frontends(&mut d, &relayed);
        for pool in self.sorted.pools.iter().chain(&self.sorted.default) {
            self.backend(&mut d, pool);
        }
        for (name, lines) in &self.balancer.backends {
            d.text.piece(Kind::Head);
            d.text.ours(&format!("backend {name} from evenkeel-containers"));
            checked(&mut d, lines);
        }
        d
    }

    fn global(&self, d: &mut Draft) {
        if !self.balancer.global.is_empty() {
            d.text.ours("global");
            checked(d, &self.balancer.global);
        }
    }

    fn defaults(&self, d: &mut Draft, name: &str, tcp: bool) {
        d.text.ours(&format!("defaults {name}"));
        d.text.ours(if tcp { "    mode tcp" } else { "    mode http" });
        let log = |lines: &[Said]| lines.iter().any(|l| l.text.starts_with("log "));
        let logs = log(&self.balancer.global) || log(&self.balancer.defaults);
        if log(&self.balancer.global) {
            d.text.ours("    log global");
        }
        // Each goes to another replica at once: many may start or end together.
        d.text.ours("    retries 10");
        if !tcp {
            // A replica that ends without an answer; of requests that may be repeated.
            d.text.ours("    retry-on conn-failure empty-response");
        }
        keyword(d, "balance", &self.balancer.balance);
        for option in &self.balancer.options {
            let word = option.text.split_ascii_whitespace().next().unwrap_or_default();
            match (tcp, word) {
                // At once: a request that was not sent yet costs its client nothing.
                (_, "redispatch") if option.text == "redispatch" => {
                    d.text.ours("    option redispatch 1");
                }
                (_, "httplog") if !logs => {}
                (true, "httplog") => d.text.ours("    option tcplog"),
                (true, word) if word.starts_with("http") || word.starts_with("forwardfor") => {}
                _ => keyword(d, "option", option),
            }
        }
        checked(d, &self.balancer.defaults);
    }

    /// Accounts that services ask for themselves.
    fn userlists(&self, d: &mut Draft) {
        let variants = &self.sorted.variants;
        for pool in self.sorted.pools.iter().chain(&self.sorted.default) {
            if pool.variants.iter().all(|i| variants[*i].way.pool.users.is_empty()) {
                continue;
            }
            d.text.ours(&format!("userlist users_{}", pool.name));
            let settings = pools::settings(variants, &pool.variants);
            settings.users.iter().for_each(|line| d.text.theirs(line));
        }
    }

    /// What there is to say about a statistics page that everybody knows the account of.
    pub fn open_statistics(&self) -> Option<String> {
        let Stats { address, auth, .. } = self.wanted_stats()?;
        (auth.text == STATS_AUTH).then(|| {
            format!(
                "the statistics page on {} is open to the well-known account {STATS_AUTH}; set \
                 STATS_AUTH=user:password, or STATS_PORT=127.0.0.1:1936 or off",
                address.text
            )
        })
    }

    /// The statistics page, unless nobody wants it.
    fn wanted_stats(&self) -> Option<&Stats> {
        self.balancer.stats.as_ref().filter(|s| s.asked || self.contained)
    }

    fn stats(&self, d: &mut Draft) {
        let Some(Stats { address, auth, .. }) = self.wanted_stats() else { return };
        let port = address.text.rsplit(':').next().and_then(|p| p.parse().ok()).unwrap_or(0);
        if self.options.refused.contains(&port) {
            d.problems.push(self.refused(port, address));
            return;
        }
        let (user, password) = auth.text.split_once(':').unwrap_or((&auth.text, ""));
        d.text.ours("userlist evenkeel_stats");
        d.text.begin("    user ");
        let account = format!("{} insecure-password {}", quoted(user), quoted(password));
        d.text.said(&auth.with(account));
        d.text.end();
        d.text.piece(Kind::Head);
        d.text.ours("listen stats from evenkeel-containers");
        d.text.begin("    bind ");
        d.text.said(address);
        self.bind_end(d, port);
        d.text.ours("    mode http");
        // Programs show the page's account, too.
        d.text.ours("    acl for_programs path /metrics");
        d.text.ours("    acl for_programs path_beg /api/");
        d.text.ours(
            "    http-request auth realm Haproxy\\ Statistics if for_programs \
             !{ http_auth(evenkeel_stats) }",
        );
        d.text.ours("    http-request use-service prometheus-exporter if { path /metrics }");
        d.text.ours("    http-request use-service evenkeel-api if { path_beg /api/ }");
        d.text.ours("    timeout connect 10s");
        d.text.ours("    timeout client 1m");
        d.text.ours("    timeout server 1m");
        d.text.ours("    stats enable");
        d.text.ours("    stats uri /");
        d.text.ours("    stats realm Haproxy\\ Statistics");
        d.text.ours("    stats hide-version");
        d.text.begin("    stats auth ");
        d.text.said(&auth.with(quoted(&auth.text)));
        d.text.end();
    }

    /// The end of a `bind` line.
    fn bind_end(&self, d: &mut Draft, port: u16) {
        if let Some(extra) = self.balancer.extra_bind.get(&port) {
            d.text.words(" ");
            d.text.said(extra);
        }
        d.text.end();
    }

    /// The port whose frontend a port belongs to: those of the built-in frontend are one.
    pub fn home(&self, port: u16) -> u16 {
        match self.options.listen.iter().any(|a| a.port() == port) {
            true => DEFAULT_PORT,
            false => port,
        }
    }

    /// Addresses of a port.
    fn addresses(&self, port: u16) -> Vec<SocketAddr> {
        let mut list: Vec<SocketAddr> = match port {
            DEFAULT_PORT => self.options.listen.clone(),
            port => self.options.listen.iter().map(|a| SocketAddr::new(a.ip(), port)).collect(),
        };
        list.sort_unstable();
        list.dedup();
        list
    }

    fn binds(&self, d: &mut Draft, port: u16, by: Option<&Said>) {
        for address in self.addresses(port) {
            d.text.begin("    bind ");
            if let Some(said) = by {
                d.text.speaks(said);
            }
            d.text.put(format_args!("{address}"));
            self.bind_end(d, port);
        }
    }

    fn relays(&self, d: &mut Draft) -> BTreeSet<u16> {
        let mut done = BTreeSet::new();
        for (port, variants) in &self.sorted.relays {
            let home = self.home(*port);
            let first = variants.first().map(|i| &self.sorted.variants[*i]);
            let said = first.and_then(|v| v.way.tcp.iter().find(|(p, _)| p == port));
            let Some((_, said)) = said else { continue };
            if self.options.refused.contains(port) {
                d.problems.push(self.refused(*port, said));
                continue;
            }
            done.insert(home);
            let name = Name::from(format!("port_{port}"));
            d.text.piece(Kind::Head);
            d.text.ours(&format!("listen {name} from evenkeel-tcp"));
            self.binds(d, home, Some(said));
            let settings = pools::settings(&self.sorted.variants, variants);
            for slot in [Slot::Balance, Slot::Option, Slot::Extra] {
                // What each service asks for stands beside what the others do.
                let mut seen = BTreeSet::new();
                let all = variants.iter().map(|i| &self.sorted.variants[*i].way.pool);
                let lines: Vec<Said> = match slot {
                    Slot::Balance => settings.lines.get(&slot).cloned().unwrap_or_default(),
                    _ => all
                        .flat_map(|p| p.lines.get(&slot).into_iter().flatten().cloned())
                        .filter(|l| seen.insert(l.text.clone()))
                        .collect(),
                };
                checked(d, &lines);
            }
            if let Some(drain) = settings.drain {
                d.drain.insert(name.clone(), drain);
            }
            self.servers(d, &name, variants, Some(*port), false);
        }
        done
    }

    fn refused(&self, port: u16, said: &Said) -> Problem {
        said.problem(format!("port {port} cannot be opened here; it is tried again"))
    }

    fn frontends(&self, d: &mut Draft, relayed: &BTreeSet<u16>) {
        let mut ports: BTreeMap<u16, Vec<Rule<'_>>> = BTreeMap::new();
        ports.entry(DEFAULT_PORT).or_default();
        for port in self.balancer.extra_frontend.keys() {
            ports.entry(self.home(*port)).or_default();
        }
        let alone = self.balancer.monitor.as_ref().map(|(port, _)| self.home(*port));
        if let Some(port) = alone {
            ports.entry(port).or_default();
        }
        for pool in &self.sorted.pools {
            for claim in &pool.routes {
                ports.entry(self.home(claim.route().port)).or_default().push((pool, claim));
            }
        }
        for (port, mut rules) in ports {
            let first = rules.first().map(|(_, claim)| claim.said());
            if relayed.contains(&port) {
                if let Some(said) = first {
                    let reason = format!("port {port} is relayed by TCP, which wins");
                    d.problems.push(said.problem(reason));
                }
                continue;
            }
            if self.options.refused.contains(&port) && port != DEFAULT_PORT {
                let by = first.map(|said| self.refused(port, said));
                d.problems.extend(by);
                continue;
            }
            rules.sort_by_cached_key(|(pool, claim)| {
                let route = claim.route();
                (std::cmp::Reverse(claim.priority), route.rank(), &pool.name, route)
            });
            self.frontend(d, port, &rules);
        }
    }

    fn frontend(&self, d: &mut Draft, port: u16, rules: &[Rule<'_>]) {
        let extra = self.balancer.extra_frontend.get(&port);
        let monitor = self.balancer.monitor.as_ref().filter(|(p, _)| self.home(*p) == port);
        let only_monitor =
            rules.is_empty() && extra.is_none() && monitor.is_some() && port != DEFAULT_PORT;
        let name = if only_monitor { "monitor".to_owned() } else { format!("port_{port}") };
        d.text.piece(Kind::Head);
        d.text.ours(&format!("frontend {name} from evenkeel-containers"));
        d.frontends.insert(port, name);
        let first = rules.first().map(|(_, claim)| claim.said());
        self.binds(d, port, first.filter(|_| port != DEFAULT_PORT));
        if !self.balancer.tcp && !only_monitor {
            self.forwarded(d);
        }
        checked(d, self.balancer.maxconn.as_slice());
        if let Some((_, line)) = monitor {
            d.text.theirs(line);
        }
        checked(d, extra.map(Vec::as_slice).unwrap_or_default());
        let open = port == DEFAULT_PORT || extra.is_some();
        if let Some(pool) = &self.sorted.default
            && self.balancer.default_backend
            && open
        {
            d.text.ours(&format!("    default_backend {}", pool.name));
        }
        if !self.balancer.tcp {
            for (pool, claim) in rules {
                for condition in claim.conditions() {
                    d.text.piece(Kind::Item);
                    d.text.begin("    ");
                    d.text.speaks(claim.said());
                    for word in ["use_backend ", &pool.name, " if ", condition] {
                        d.text.words(word);
                    }
                    d.text.end();
                }
            }
        }
    }

    /// What a client says about where it came from counts only if it is a proxy that is trusted.
    fn forwarded(&self, d: &mut Draft) {
        let who = match &self.balancer.trusted {
            None => "",
            Some(trusted) => {
                d.text.begin("    acl trusted_proxy src ");
                d.text.said(trusted);
                d.text.end();
                " !trusted_proxy"
            }
        };
        let for_whom = if who.is_empty() { "" } else { " if !trusted_proxy" };
        d.text.ours(&format!("    http-request del-header X-Forwarded-For{for_whom}"));
        d.text.ours(&format!(
            "    http-request set-header X-Forwarded-Host %[req.hdr(host)] if {{ \
             req.hdr(x-forwarded-host) -m found }}{who}"
        ));
        if self.balancer.forwarded_proto {
            self.forwarded_proto(d);
        }
    }

    fn forwarded_proto(&self, d: &mut Draft) {
        if self.balancer.trusted.is_none() {
            d.text.ours("    http-request set-header X-Forwarded-Proto https if { ssl_fc }");
            d.text.ours("    http-request set-header X-Forwarded-Proto http unless { ssl_fc }");
            return;
        }
        d.text.ours("    acl has_proto req.hdr(x-forwarded-proto) -m found");
        for (proto, with) in [("https", "{ ssl_fc }"), ("http", "!{ ssl_fc }")] {
            for who in ["!trusted_proxy", "!has_proto"] {
                d.text.ours(&format!(
                    "    http-request set-header X-Forwarded-Proto {proto} if {with} {who}"
                ));
            }
        }
    }

    fn backend(&self, d: &mut Draft, pool: &Pool) {
        d.text.piece(Kind::Head);
        d.text.ours(&format!("backend {} from evenkeel-containers", pool.name));
        let settings = pools::settings(&self.sorted.variants, &pool.variants);
        if let Some(drain) = settings.drain {
            d.drain.insert(pool.name.clone(), drain);
        }
        let is_server = |l: &&Said| l.text.starts_with("server");
        let mut late = Vec::new();
        for (slot, lines) in &settings.lines {
            if self.balancer.tcp && !matches!(slot, Slot::Balance | Slot::Option | Slot::Extra) {
                continue;
            }
            let early: Vec<Said> = lines.iter().filter(|l| !is_server(l)).cloned().collect();
            checked(d, &early);
            // After ours, so that a name taken twice is their fault.
            late.extend(lines.iter().filter(is_server).cloned());
        }
        if !self.balancer.tcp {
            d.text.ours(&format!("    http-request disable-l7-retry unless {REPEATABLE}"));
        }
        self.auth(d, &pool.name, &settings);
        let sticky = settings.lines.contains_key(&Slot::Cookie);
        self.servers(d, &pool.name, &pool.variants, None, sticky);
        if !late.is_empty() {
            d.text.piece(Kind::Tail);
            checked(d, &late);
        }
    }

    fn auth(&self, d: &mut Draft, pool: &str, settings: &PoolAsks) {
        if let Some(first) = settings.users.first().filter(|_| !self.balancer.tcp) {
            let realm = settings.realm.as_ref().map_or("traefik", |r| r.text.as_str());
            let realm = quoted(realm);
            d.text.theirs(&first.with(format!(
                "http-request auth realm {realm} unless {{ http_auth(users_{pool}) }}"
            )));
            return;
        }
        if !self.balancer.users.is_empty() && !settings.open && !self.balancer.tcp {
            d.text.ours(&format!(
                "    http-request auth realm haproxy_basic_auth unless {{ http_auth({USERS}) }}"
            ));
        }
    }

    fn servers(
        &self,
        d: &mut Draft,
        backend: &Name,
        variants: &[usize],
        port: Option<u16>,
        sticky: bool,
    ) {
        let mut all: Vec<(usize, usize)> = variants
            .iter()
            .flat_map(|v| (0..self.sorted.variants[*v].members.len()).map(|m| (*v, m)))
            .collect();
        let member = |(v, m): (usize, usize)| &self.sorted.variants[v].members[m];
        all.sort_by(|a, b| member(*a).order.cmp(&member(*b).order).then(a.cmp(b)));
        let several = all.len() > 1;
        let mut names: HashSet<Name> = HashSet::with_capacity(all.len());
        for at in all {
            let one = member(at);
            let named = self.sorted.variants[at.0].way.ports.named.as_ref();
            let relayed = port.map(|port| {
                // A relay may listen on another port than the container's.
                named.and_then(|(p, _)| p.first().copied()).unwrap_or(port)
            });
            let ports = relayed.as_ref().map_or(&one.ports[..], std::slice::from_ref);
            for (i, port) in ports.iter().enumerate() {
                let mut name = match i {
                    0 => one.name.clone(),
                    _ => format!("{}_{port}", one.name).into(),
                };
                let (base, mut n) = (name.clone(), 2);
                while !names.insert(name.clone()) {
                    name = format!("{base}_{n}").into();
                    n += 1;
                }
                if self.server(d, one, &name, *port, sticky, several) {
                    let (backend, server) = (backend.clone(), name);
                    d.servers.push(Written { backend, server, member: at, port: *port });
                }
            }
        }
    }

    /// Writes a server; whether it could be.
    fn server(
        &self,
        d: &mut Draft,
        one: &Member,
        name: &str,
        port: u16,
        sticky: bool,
        several: bool,
    ) -> bool {
        // That it is reached there was seen before it became a member.
        let Some(address) = one.reach.socket(port) else { return false };
        d.text.piece(Kind::Item);
        d.text.begin("    ");
        d.text.speaks_by(&one.by, &self.address_label);
        d.text.words("server ");
        d.text.words(name);
        d.text.put(format_args!(" {address}"));
        if sticky {
            d.text.put(format_args!(" cookie {}", one.name));
        }
        let check = one.way.server.check.as_ref().unwrap_or(&self.balancer.check);
        if !check.text.is_empty() {
            // Before their words, which may say otherwise.
            d.text.words(NEW);
            d.text.words(if several { OF_SEVERAL } else { "" });
            d.text.words(if check.text == HEALTH_CHECK { " fastinter 100ms" } else { "" });
        }
        let extra = one.way.server.extra.as_ref().or(self.balancer.extra_route.as_ref());
        for said in [Some(check), extra].into_iter().flatten().filter(|s| !s.text.is_empty()) {
            d.text.words(" ");
            d.text.said(said);
        }
        if let Some(weight) = &one.way.server.weight {
            d.text.words(" weight ");
            d.text.said(weight);
        }
        if one.way.server.backup {
            d.text.words(" backup");
        }
        if !one.takes_traffic {
            d.text.words(" disabled");
        }
        d.text.end();
        true
    }
}

fn keyword(d: &mut Draft, keyword: &str, said: &Said) {
    checked(d, &[said.with(format!("{keyword} {}", said.text))]);
}

/// Lines of the operator or of containers; what would leave its section is left out.
fn checked(d: &mut Draft, lines: &[Said]) {
    for line in lines.iter().filter(|l| !l.text.is_empty()) {
        match text::check(line) {
            Ok(()) => d.text.theirs(line),
            Err(problem) if line.by == By::Balancer => d.problems.push(problem),
            // Checked when the container was read.
            Err(_) => {}
        }
    }
}

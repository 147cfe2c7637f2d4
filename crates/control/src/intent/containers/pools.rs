//! Containers sorted into services and pools: who serves which route together with whom.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Deref;
use std::sync::Arc;

use model::observed::{Container, ContainerHealth, ContainerState};
use model::{Name, Origin, ServerIdentity};

use super::Problem;
use super::asks::{Dialect, PoolAsks, Slot, Way};
use super::reach::Reach;
use super::route::Route;
use super::said::{By, Said};
use super::select::Standing;

/// What is alike of all containers of a variant.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Service.
    pub service: Name,
    route: String,
    declared: bool,
    routes: Vec<Route>,
    tcp: Vec<u16>,
}

impl Key {
    /// Of one way to a container of this service.
    pub fn new(service: Name, standing: Standing, way: &Way) -> Self {
        let routes: BTreeSet<&Route> = way.routes.iter().map(|(r, _)| r).collect();
        let tcp: BTreeSet<u16> = way.tcp.iter().map(|(p, _)| *p).collect();
        Self {
            service,
            route: way.name.clone(),
            declared: standing == Standing::Declared,
            routes: routes.into_iter().cloned().collect(),
            tcp: tcp.into_iter().collect(),
        }
    }
}

/// One way to one container that takes part, as it was asked for.
#[derive(Debug)]
pub struct Asked {
    /// Where it belongs.
    pub key: Key,
    /// How it comes to take part.
    pub standing: Standing,
    /// The way.
    pub way: Arc<Way>,
    /// Conditions of its routes in configuration language, in the same order.
    pub conditions: Vec<Vec<String>>,
    /// The backend that it would lead, but for others of that name.
    pub backend: Name,
    /// Its container.
    pub by: By,
    /// Container name as a word.
    pub name: Name,
    /// Number within its service, then its name.
    pub order: (u64, Name),
    /// Where it is reached.
    pub reach: Reach,
    /// HTTP ports; none when it only relays.
    pub ports: Vec<u16>,
    /// May get requests now.
    pub takes_traffic: bool,
    /// Its stop was seen.
    pub stopping: bool,
    /// Start, nanoseconds since 1970.
    pub started_ns: u64,
    /// Identity of its servers.
    pub identity: ServerIdentity,
}

/// Whether a container may get requests, as far as its engine knows.
pub fn ready(container: &Container, ignore_health: bool) -> bool {
    let healthy = matches!(container.health, ContainerHealth::None | ContainerHealth::Healthy);
    (healthy || ignore_health) && container.state == ContainerState::Running
}

/// The same with the number of its seat.
#[derive(Clone, Debug)]
pub struct Member {
    /// Number of its seat.
    pub seat: usize,
    /// What was asked for.
    pub asked: Arc<Asked>,
}

impl Deref for Member {
    type Target = Asked;

    fn deref(&self) -> &Asked {
        &self.asked
    }
}

impl Member {
    /// By what the newest that stays comes first.
    fn by_age(&self) -> impl Ord + use<'_> {
        (self.stopping, Reverse(self.started_ns), &self.order.1)
    }
}

/// Containers of one service that ask for the same.
#[derive(Debug)]
pub struct Variant {
    /// Service.
    pub service: Name,
    /// How it comes to take part.
    pub standing: Standing,
    /// What the newest container asks for.
    pub way: Arc<Way>,
    /// That container.
    pub newest: Arc<Asked>,
    /// Its containers.
    pub members: Vec<Member>,
}

impl Variant {
    /// Start of its newest container that stays, nanoseconds since 1970; 0 if none does.
    fn newest_ns(&self) -> u64 {
        let staying = self.members.iter().filter(|m| !m.stopping);
        staying.map(|m| m.started_ns).max().unwrap_or(0)
    }

    /// The newest that stays.
    fn newest(&self) -> Option<&Member> {
        let staying = self.members.iter().filter(|m| !m.stopping);
        staying.max_by_key(|m| (m.started_ns, Reverse(&m.order.1)))
    }
}

/// Services and routes that a note names at most.
const NAMED_MAX: usize = 8;

/// A route with its priority and place.
#[derive(Debug)]
pub struct Claim {
    /// The higher comes first.
    pub priority: i64,
    asked: Arc<Asked>,
    at: usize,
}

impl Claim {
    /// The route.
    pub fn route(&self) -> &Route {
        &self.asked.way.routes[self.at].0
    }

    /// Who asked for it.
    pub fn said(&self) -> &Said {
        &self.asked.way.routes[self.at].1
    }

    /// When it applies: any of these.
    pub fn conditions(&self) -> &[String] {
        &self.asked.conditions[self.at]
    }
}

/// Which variants are together, and what for.
#[derive(Debug)]
pub struct Pool {
    /// Backend.
    pub name: Name,
    /// Numbers of variants, the leading one first.
    pub variants: Vec<usize>,
    /// Routes with their priority and place.
    pub routes: Vec<Claim>,
}

/// Everything sorted.
#[derive(Debug, Default)]
pub struct Sorted {
    /// All variants.
    pub variants: Vec<Variant>,
    /// HTTP pools, each with a name of its own.
    pub pools: Vec<Pool>,
    /// Gets what nobody asks for; its routes are empty.
    pub default: Option<Pool>,
    /// Variants that relay a port.
    pub relays: BTreeMap<u16, Vec<usize>>,
}

/// Something about several containers: who disagrees, or shares what.
#[derive(Clone, Debug)]
pub struct Remark {
    /// Seats that it is about.
    pub seats: BTreeSet<usize>,
    /// What there is to say.
    pub problem: Problem,
    /// Only a note for those who look at a container.
    pub quiet: bool,
    /// It takes the place of what keeps them out.
    pub lost: bool,
}

impl Remark {
    /// Something wrong about the members of these variants.
    pub fn new<'a>(variants: impl IntoIterator<Item = &'a Variant>, problem: Problem) -> Self {
        let members = variants.into_iter().flat_map(|v| v.members.iter());
        let seats = members.map(|m| m.seat).collect();
        Self { seats, problem, quiet: false, lost: false }
    }
}

/// Sorts what was asked.
pub fn sort(asked: Vec<Member>, remarks: &mut Vec<Remark>) -> Sorted {
    let variants = variants(asked, remarks);
    versions(&variants, remarks);
    let mut claims: BTreeMap<&Route, Vec<usize>> = BTreeMap::new();
    let mut relays: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
    for (i, variant) in variants.iter().enumerate() {
        for (route, _) in &variant.way.routes {
            claims.entry(route).or_default().push(i);
        }
        for (port, _) in &variant.way.tcp {
            relays.entry(*port).or_default().push(i);
        }
    }
    let mut together: BTreeMap<Vec<usize>, Vec<&Route>> = BTreeMap::new();
    for (route, mut who) in claims {
        lead(&variants, &mut who);
        together.entry(who).or_default().push(route);
    }
    for list in relays.values_mut() {
        lead(&variants, list);
    }
    let mut pools: Vec<Pool> =
        together.into_iter().map(|(who, routes)| pool(&variants, who, routes)).collect();
    pools.sort_by(|a, b| {
        let more = b.variants.len().cmp(&a.variants.len());
        a.name.cmp(&b.name).then(more).then_with(|| a.routes[0].route().cmp(b.routes[0].route()))
    });
    number(&mut pools);
    let default = default_pool(&variants, remarks);
    for pool in pools.iter().chain(&default) {
        shared(&variants, pool, remarks);
    }
    Sorted { variants, pools, default, relays }
}

/// The leading variant first: the higher priority, then the service's name; of one service the one
/// with the newest container that stays.
fn lead(variants: &[Variant], list: &mut [usize]) {
    list.sort_by(|a, b| {
        let key = |i: &usize| {
            let v = &variants[*i];
            let newest = Reverse(v.newest_ns());
            (Reverse(v.way.priority), &v.service, &v.way.name, newest, *i)
        };
        key(a).cmp(&key(b))
    });
}

fn pool(variants: &[Variant], who: Vec<usize>, routes: Vec<&Route>) -> Pool {
    let first = &variants[who[0]];
    let priority = who.iter().map(|i| variants[*i].way.priority).max().unwrap_or(0);
    let claim = |route: &Route| {
        let at = first.way.routes.iter().position(|(r, _)| r == route)?;
        Some(Claim { priority, asked: Arc::clone(&first.newest), at })
    };
    let routes = routes.into_iter().filter_map(claim).collect();
    Pool { name: first.newest.backend.clone(), variants: who, routes }
}

/// The name of a backend for a route of a service.
pub fn backend_name(service: &str, dialect: Dialect, route: &str) -> Name {
    let mut name = word(service);
    if dialect == Dialect::Dockercloud {
        name.insert_str(0, "SERVICE_");
    }
    if !route.is_empty() {
        name.push('.');
        name.push_str(route);
    }
    name.into()
}

/// Gives every pool a name of its own.
fn number(pools: &mut [Pool]) {
    let mut seen = HashSet::with_capacity(pools.len());
    for pool in pools {
        let base = pool.name.clone();
        let mut n = 2;
        while !seen.insert(pool.name.clone()) {
            pool.name = format!("{base}.{n}").into();
            n += 1;
        }
    }
}

/// A word that names a proxy or server: letters, digits and `-_.:`.
pub fn word(text: &str) -> String {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    let text: String = text.chars().take(200).map(|c| if good(c) { c } else { '_' }).collect();
    if text.is_empty() { "_".to_owned() } else { text }
}

fn variants(asked: Vec<Member>, remarks: &mut Vec<Remark>) -> Vec<Variant> {
    let mut groups: BTreeMap<&Key, Vec<Member>> = BTreeMap::new();
    for one in &asked {
        groups.entry(&one.asked.key).or_default().push(one.clone());
    }
    groups.into_values().filter_map(|group| variant(group, remarks)).collect()
}

/// The newest that stays decides.
fn variant(mut members: Vec<Member>, remarks: &mut Vec<Remark>) -> Option<Variant> {
    let newest = members.iter().min_by(|a, b| a.by_age().cmp(&b.by_age()))?.clone();
    let differs = |m: &Member| !m.stopping && differ(&newest.way, &m.way);
    if members.iter().any(differs) {
        members.sort_by(|a, b| a.by_age().cmp(&b.by_age()));
        let mut others = members.iter().filter(|m| differs(m));
        if let Some(other) = others.next() {
            let mut seats = BTreeSet::from([newest.seat, other.seat]);
            seats.extend(others.map(|m| m.seat));
            let problem = disagreement(&newest, other);
            remarks.push(Remark { seats, problem, quiet: false, lost: false });
        }
    }
    members.sort_by(|a, b| a.order.cmp(&b.order));
    Some(Variant {
        service: newest.key.service.clone(),
        standing: newest.standing,
        way: Arc::clone(&newest.way),
        newest: newest.asked,
        members,
    })
}

fn same_texts(a: &PoolAsks, b: &PoolAsks) -> bool {
    let same = |a: &[Said], b: &[Said]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.text == b.text)
    };
    a.lines.len() == b.lines.len()
        && a.lines.iter().zip(&b.lines).all(|((a, x), (b, y))| a == b && same(x, y))
}

fn same_users(a: &PoolAsks, b: &PoolAsks) -> bool {
    fn users(pool: &PoolAsks) -> impl Iterator<Item = &str> {
        pool.users.iter().chain(&pool.realm).map(|said| &*said.text)
    }
    users(a).eq(users(b))
}

fn differ(a: &Way, b: &Way) -> bool {
    a.priority != b.priority
        || a.pool.open != b.pool.open
        || a.pool.drain != b.pool.drain
        || !same_texts(&a.pool, &b.pool)
        || !same_users(&a.pool, &b.pool)
}

/// The first place in which two disagree: as the second says it, or as the first does.
fn disputed(first: &Way, second: &Way) -> Option<Said> {
    let (a, b) = (&first.pool.lines, &second.pool.lines);
    let texts = |list: Option<&Vec<Said>>| -> Vec<String> {
        list.into_iter().flatten().map(|s| s.text.clone()).collect()
    };
    let slots: BTreeSet<Slot> = a.keys().chain(b.keys()).copied().collect();
    let slot = slots.into_iter().find(|slot| texts(a.get(slot)) != texts(b.get(slot)))?;
    b.get(&slot).or(a.get(&slot))?.first().cloned()
}

fn disagreement(newest: &Asked, other: &Asked) -> Problem {
    let (first, second) = (&newest.way, &other.way);
    let label = match disputed(first, second) {
        Some(said) => said.label,
        None if first.priority != second.priority => "its priority".into(),
        None if first.pool.drain != second.pool.drain => "its drain time".into(),
        None => "its accounts".into(),
    };
    Problem {
        origin: Origin::Label { container: other.by.name(), label: label.as_ref().into() },
        reason: format!(
            "service {}: it differs from the newest container's, and the newest container, \
             {}, decides",
            newest.key.service,
            newest.by.name(),
        ),
    }
}

/// Containers of one service that ask for different requests are named.
fn versions(variants: &[Variant], remarks: &mut Vec<Remark>) {
    let mut services: BTreeMap<(&str, &str), Vec<&Variant>> = BTreeMap::new();
    for variant in variants.iter().filter(|v| v.newest_ns() > 0) {
        services.entry((&variant.service, &variant.way.name)).or_default().push(variant);
    }
    for ((service, _), list) in services.iter_mut().filter(|(_, list)| list.len() > 1) {
        list.sort_by_key(|v| Reverse(v.newest_ns()));
        let mut names = list.iter().filter_map(|v| v.newest()).map(|m| m.by.name());
        let (Some(newest), Some(other)) = (names.next(), names.next()) else { continue };
        let way = &list[0].way;
        let said = way.routes.iter().map(|(_, s)| s).chain(way.tcp.iter().map(|(_, s)| s)).next();
        let label = said.map_or_else(|| "its labels".into(), |s| s.label.clone());
        let problem = Problem {
            origin: Origin::Label { container: newest, label: label.as_ref().into() },
            reason: format!(
                "service {service}: it asks for other requests than {other}: each gets what it \
                 asks for"
            ),
        };
        remarks.push(Remark::new(list.iter().copied(), problem));
    }
}

/// Those who named no host: all that were declared; else the only service beside us, when
/// nobody names a host.
fn default_pool(variants: &[Variant], remarks: &mut Vec<Remark>) -> Option<Pool> {
    let open = |v: &Variant| {
        v.way.routes.is_empty() && !v.way.unserved && v.members.iter().any(|m| !m.ports.is_empty())
    };
    let of = |standing: Standing| -> Vec<usize> {
        let all = variants.iter().enumerate();
        all.filter(|(_, v)| open(v) && v.standing == standing).map(|(i, _)| i).collect()
    };
    let mut who = of(Standing::Declared);
    if who.is_empty() && variants.iter().all(|v| v.way.routes.is_empty() && !v.way.unserved) {
        who = of(Standing::Beside);
        let names: BTreeSet<&str> = who.iter().map(|i| &*variants[*i].service).collect();
        if names.len() > 1 {
            let names: Vec<&str> = names.into_iter().collect();
            let problem = Problem {
                origin: Origin::BuiltIn,
                reason: format!(
                    "services {} name no host: link the balancer to those that are meant, give \
                     each a label evenkeel.host or evenkeel.path, or evenkeel.enable=false to all \
                     but one",
                    names.join(", ")
                ),
            };
            remarks.push(Remark::new(who.iter().map(|i| &variants[*i]), problem));
            return None;
        }
    }
    lead(variants, &mut who);
    let name = Name::from("default_service");
    (!who.is_empty()).then_some(Pool { name, variants: who, routes: Vec::new() })
}

/// Services that share a pool are named, and reported if they disagree about it.
fn shared(variants: &[Variant], pool: &Pool, remarks: &mut Vec<Remark>) {
    let Some((lead, others)) = pool.variants.split_first() else { return };
    let first = &variants[*lead];
    let others = || others.iter().map(|i| &variants[*i]).filter(|v| v.service != first.service);
    let with = |other| [first, other];
    for other in others() {
        if same_texts(&first.way.pool, &other.way.pool)
            && same_users(&first.way.pool, &other.way.pool)
        {
            continue;
        }
        let said = disputed(&first.way, &other.way);
        let reason = format!(
            "services {} and {} share backend {} and ask for other settings: where both say \
             something, {} decides",
            first.service, other.service, pool.name, first.service
        );
        let origin = said.map_or(Origin::BuiltIn, |s| s.origin());
        remarks.push(Remark::new(with(other), Problem { origin, reason }));
    }
    let names: BTreeSet<&str> = others().map(|v| &*v.service).chain([&*first.service]).collect();
    if names.len() > 1 && !pool.routes.is_empty() {
        let names: Vec<&str> = names.into_iter().take(NAMED_MAX).collect();
        let routes = pool.routes.iter().take(NAMED_MAX).map(|claim| claim.route().to_string());
        let routes: Vec<String> = routes.collect();
        let reason =
            format!("{} share {} by their weights", names.join(" and "), routes.join(", "));
        let problem = Problem { origin: Origin::BuiltIn, reason };
        let all = pool.variants.iter().map(|i| &variants[*i]);
        remarks.push(Remark { quiet: true, ..Remark::new(all, problem) });
    }
}

/// The settings of a pool: by place, from the first of its variants that says something.
pub fn settings(variants: &[Variant], pool: &[usize]) -> PoolAsks {
    let mut merged = PoolAsks::default();
    for variant in pool.iter().map(|i| &variants[*i]) {
        let asks = &variant.way.pool;
        for (slot, lines) in &asks.lines {
            merged.lines.entry(*slot).or_insert_with(|| lines.clone());
        }
        merged.drain = merged.drain.or(asks.drain);
        if merged.users.is_empty() {
            merged.users.clone_from(&asks.users);
            merged.realm.clone_from(&asks.realm);
        }
    }
    merged.open = !pool.is_empty() && pool.iter().all(|i| variants[*i].way.pool.open);
    merged
}

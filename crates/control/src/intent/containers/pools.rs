//! Containers sorted into services and pools: who serves which route together with whom.

use std::collections::{BTreeMap, BTreeSet};

use model::observed::{Container, ContainerHealth, ContainerState};
use model::{Name, Origin, ServerIdentity};

use super::Problem;
use super::asks::{Dialect, PoolAsks, ServerAsks, Slot, Way};
use super::reach::Reach;
use super::route::Route;
use super::said::{By, Said};
use super::select::Standing;

/// One way to one container that takes part.
#[derive(Debug)]
pub struct Member {
    /// Number of its seat.
    pub seat: usize,
    /// Its container.
    pub by: By,
    /// Container name as a word.
    pub name: String,
    /// Number within its service, then its name.
    pub order: (u64, Name),
    /// Where it is reached.
    pub reach: Reach,
    /// HTTP ports; none when it only relays.
    pub ports: Vec<u16>,
    /// Server words.
    pub server: ServerAsks,
    /// May get requests now.
    pub takes_traffic: bool,
    /// Its stop was seen.
    pub stopping: bool,
    /// Start, nanoseconds since 1970.
    pub started_ns: u64,
    /// Identity of its servers.
    pub identity: ServerIdentity,
}

impl Member {
    /// Whether a container may get requests, as far as its engine knows.
    pub fn ready(container: &Container, ignore_health: bool) -> bool {
        let healthy = matches!(container.health, ContainerHealth::None | ContainerHealth::Healthy);
        (healthy || ignore_health) && container.state == ContainerState::Running
    }
}

/// Containers of one service that ask for the same.
#[derive(Debug)]
pub struct Variant {
    /// Service.
    pub service: String,
    /// Whose words.
    pub dialect: Dialect,
    /// How it comes to take part.
    pub standing: Standing,
    /// What the newest container asks for.
    pub way: Box<Way>,
    /// Its containers.
    pub members: Vec<Member>,
}

/// What was asked, before it is sorted.
#[derive(Debug)]
pub struct Asked {
    /// Service.
    pub service: String,
    /// Whose words.
    pub dialect: Dialect,
    /// How it comes to take part.
    pub standing: Standing,
    /// One way.
    pub way: Box<Way>,
    /// The container.
    pub member: Member,
}

/// A route with its priority and place.
pub type Claim = (i64, Route, Said);

/// Which variants are together, and what for.
#[derive(Debug)]
pub struct Pool {
    /// Backend.
    pub name: String,
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

/// Sorts what was asked.
pub fn sort(asked: Vec<Asked>, problems: &mut Vec<Problem>) -> Sorted {
    let variants = variants(asked, problems);
    let mut claims: BTreeMap<Route, Vec<usize>> = BTreeMap::new();
    let mut relays: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
    for (i, variant) in variants.iter().enumerate() {
        for (route, _) in &variant.way.routes {
            claims.entry(route.clone()).or_default().push(i);
        }
        for (port, _) in &variant.way.tcp {
            relays.entry(*port).or_default().push(i);
        }
    }
    let mut together: BTreeMap<Vec<usize>, Vec<Route>> = BTreeMap::new();
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
        a.name.cmp(&b.name).then(more).then_with(|| a.routes[0].1.cmp(&b.routes[0].1))
    });
    number(&mut pools);
    let default = default_pool(&variants, problems);
    for pool in pools.iter().chain(&default) {
        shared(&variants, pool, problems);
    }
    Sorted { variants, pools, default, relays }
}

/// The leading variant first: the higher priority, then the service's name.
fn lead(variants: &[Variant], list: &mut [usize]) {
    list.sort_by(|a, b| {
        let key = |i: &usize| {
            let v = &variants[*i];
            (std::cmp::Reverse(v.way.priority), &v.service, &v.way.name, *i)
        };
        key(a).cmp(&key(b))
    });
}

fn pool(variants: &[Variant], who: Vec<usize>, routes: Vec<Route>) -> Pool {
    let first = &variants[who[0]];
    let routes = routes
        .into_iter()
        .map(|route| {
            let said = first.way.routes.iter().find(|(r, _)| *r == route).map(|(_, s)| s.clone());
            let priority = who.iter().map(|i| variants[*i].way.priority).max().unwrap_or(0);
            (priority, route, said)
        })
        .filter_map(|(priority, route, said)| Some((priority, route, said?)))
        .collect();
    Pool { name: backend_name(first), variants: who, routes }
}

fn backend_name(variant: &Variant) -> String {
    let mut name = word(&variant.service);
    if variant.dialect == Dialect::Dockercloud {
        name.insert_str(0, "SERVICE_");
    }
    if !variant.way.name.is_empty() {
        name.push('.');
        name.push_str(&variant.way.name);
    }
    name
}

/// Gives every pool a name of its own.
fn number(pools: &mut [Pool]) {
    let mut seen = BTreeSet::new();
    for pool in pools {
        let base = pool.name.clone();
        let mut n = 2;
        while !seen.insert(pool.name.clone()) {
            pool.name = format!("{base}.{n}");
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

type Key = (String, String, bool, BTreeSet<Route>, BTreeSet<u16>);

fn variants(asked: Vec<Asked>, problems: &mut Vec<Problem>) -> Vec<Variant> {
    let mut groups: BTreeMap<Key, Vec<Asked>> = BTreeMap::new();
    for one in asked {
        let routes = one.way.routes.iter().map(|(r, _)| r.clone()).collect();
        let tcp = one.way.tcp.iter().map(|(p, _)| *p).collect();
        let declared = one.standing == Standing::Declared;
        let key = (one.service.clone(), one.way.name.clone(), declared, routes, tcp);
        groups.entry(key).or_default().push(one);
    }
    groups.into_values().map(|group| variant(group, problems)).collect()
}

fn variant(mut group: Vec<Asked>, problems: &mut Vec<Problem>) -> Variant {
    // The newest that stays decides.
    group.sort_by(|a, b| {
        let key = |x: &Asked| {
            let m = &x.member;
            (m.stopping, std::cmp::Reverse(m.started_ns), m.order.1.clone())
        };
        key(a).cmp(&key(b))
    });
    let mut group = group.into_iter();
    let newest = group.next().map(|first| Variant {
        service: first.service,
        dialect: first.dialect,
        standing: first.standing,
        way: first.way,
        members: vec![first.member],
    });
    let Some(mut variant) = newest else { unreachable!("a group holds at least one") };
    let mut told = false;
    for other in group {
        if !told && !other.member.stopping && differ(&variant.way, &other.way) {
            told = true;
            problems.push(disagreement(&variant, &other));
        }
        variant.members.push(other.member);
    }
    variant.members.sort_by(|a, b| a.order.cmp(&b.order));
    variant
}

fn texts(pool: &PoolAsks) -> Vec<(Slot, Vec<&str>)> {
    let lines = pool.lines.iter();
    lines.map(|(slot, said)| (*slot, said.iter().map(|s| &*s.text).collect())).collect()
}

fn users(pool: &PoolAsks) -> Vec<&str> {
    pool.users.iter().chain(&pool.realm).map(|said| &*said.text).collect()
}

fn differ(a: &Way, b: &Way) -> bool {
    a.priority != b.priority
        || a.pool.open != b.pool.open
        || a.pool.drain != b.pool.drain
        || texts(&a.pool) != texts(&b.pool)
        || users(&a.pool) != users(&b.pool)
}

fn disagreement(variant: &Variant, other: &Asked) -> Problem {
    let name = |by: &By| match by {
        By::Container { name, .. } => name.clone(),
        By::Balancer => "the balancer".into(),
    };
    let newest = variant.members.first().map(|m| name(&m.by)).unwrap_or_default();
    Problem {
        origin: Origin::Label { container: newest.clone(), label: "all its settings".into() },
        reason: format!(
            "service {}: it asks for other settings than {}; the newest container, {newest}, \
             decides",
            variant.service,
            name(&other.member.by)
        ),
    }
}

/// Those who named no host: all that were declared; else the only service beside us, when
/// nobody names a host.
fn default_pool(variants: &[Variant], problems: &mut Vec<Problem>) -> Option<Pool> {
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
            problems.push(Problem {
                origin: Origin::BuiltIn,
                reason: format!(
                    "services {} name no host: link the balancer to those that are meant, give \
                     each a label evenkeel.host or evenkeel.path, or evenkeel.enable=false to all \
                     but one",
                    names.join(", ")
                ),
            });
            return None;
        }
    }
    lead(variants, &mut who);
    let name = "default_service".to_owned();
    (!who.is_empty()).then_some(Pool { name, variants: who, routes: Vec::new() })
}

/// Services that share a pool and disagree about it are named.
fn shared(variants: &[Variant], pool: &Pool, problems: &mut Vec<Problem>) {
    let Some((first, others)) = pool.variants.split_first() else { return };
    let first = &variants[*first];
    for other in others.iter().map(|i| &variants[*i]) {
        let (a, b) = (texts(&first.way.pool), texts(&other.way.pool));
        if other.service != first.service && a != b {
            problems.push(Problem {
                origin: Origin::BuiltIn,
                reason: format!(
                    "services {} and {} share backend {} and ask for other settings: where both \
                     say something, {} decides",
                    first.service, other.service, pool.name, first.service
                ),
            });
        }
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

//! The Consul provider in the house: which services are watched, and what a change of one means.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use admin::ports::WatchRow;
use control::apply::Attempt;
use control::intent::services;
use control::{Cause, Report, Verdict, names};
use discovery::consul::{Ledger, Settings, Watching};
use model::Name;
use model::consul::{ServiceHealth, ServiceObservation, ServiceQuery};
use model::observed::{Container, Freshness, Observation};
use tokio::sync::mpsc;

use crate::house::{House, wall_ms};

/// Which Consul there is.
#[derive(Clone, Debug)]
pub struct Consul {
    /// Where it is, or what is wrong with what says so.
    settings: Result<Settings, String>,
    /// Services whose metadata makes routes; `None` when only files name services.
    routes: Option<Arc<ServiceQuery>>,
}

impl Consul {
    /// From `--consul`, else from the environment alone. `routes`: services that say so with their
    /// metadata get requests, not only those that files name.
    ///
    /// # Errors
    /// What is wrong with what was given on the command line.
    pub fn find(url: Option<&str>, routes: bool) -> Result<Self, String> {
        let (address, options) = match url.map(|url| url.split_once('?').unwrap_or((url, ""))) {
            Some((address, options)) => (Some(address), Some(options)),
            None => (None, None),
        };
        let variable = |name: &str| std::env::var(name).ok();
        let address = address.filter(|a| !a.is_empty());
        let settings = Settings::find(address, variable, crate::run::random_bits());
        if let Some(text) = options.filter(|text| !routes && !text.is_empty()) {
            return Err(format!(
                "--consul: '{text}' is about routes from metadata, and with -f there are none \
                 unless --listen says where"
            ));
        }
        let routes = options.filter(|_| routes).map(|text| {
            config::lower::consul::all_services(text)
                .map(Arc::new)
                .map_err(|(_, reason)| format!("--consul: {reason}"))
        });
        match (&settings, url) {
            (Err(reason), Some(_)) => Err(reason.clone()),
            _ => Ok(Self { settings, routes: routes.transpose()? }),
        }
    }

    /// Nobody is to be asked.
    pub fn none() -> Self {
        Self { settings: Err("no Consul is asked".to_owned()), routes: None }
    }

    /// What is believed of routes before there was an answer.
    pub fn unseen(&self) -> Option<Observation> {
        let blind = Freshness::Blind(crate::containers::NOT_ASKED.to_owned());
        self.routes.as_ref().map(|_| services::observation(blind, [].iter()))
    }
}

/// The watches, and which generation's services they are about.
pub struct Watch {
    consul: Consul,
    ledger: Ledger,
    watching: Option<(Watching, mpsc::Receiver<ServiceObservation>)>,
    generation: Option<u64>,
    routes: Option<Routes>,
    /// Services of the configuration.
    written: BTreeSet<Arc<ServiceQuery>>,
    said: Option<String>,
}

impl Watch {
    /// Watches nothing yet.
    pub fn new(consul: Consul, ledger: Ledger) -> Self {
        let routes = consul.routes.clone().map(Routes::new);
        let (written, said) = (BTreeSet::new(), None);
        Self { consul, ledger, watching: None, generation: None, routes, written, said }
    }

    /// Watches the services of what runs now, and those that make routes.
    pub fn follow(&mut self, house: &House) {
        let running = house.running();
        let generation = running.as_ref().map(|r| r.generation);
        let grown = self.routes.as_mut().is_some_and(|r| std::mem::take(&mut r.renewed));
        if generation == self.generation && !grown {
            return;
        }
        self.generation = generation;
        self.written = running.map(|r| names::services(&r.config)).unwrap_or_default();
        house.names.borrow_mut().retain_services(&self.written);
        let mut wanted = self.written.clone();
        wanted.extend(self.routes.iter().flat_map(Routes::queries));
        if wanted.is_empty() {
            self.watching = None;
            return;
        }
        let settings = match &self.consul.settings {
            Ok(settings) => settings,
            Err(reason) => {
                if self.said.replace(reason.clone()).as_ref() != Some(reason) {
                    house.voice.alert(format!("{reason}; no service is watched"));
                }
                return;
            }
        };
        let start = || Watching::new(settings.clone(), self.ledger.clone());
        let (watching, _) = self.watching.get_or_insert_with(start);
        let left_out = watching.follow(wanted);
        let said = (left_out > 0).then(|| {
            let most = discovery::consul::WATCHES_MAX;
            format!("Consul: more than {most} services; {left_out} are not watched")
        });
        if let Some(text) = said.as_ref().filter(|_| said != self.said) {
            house.voice.warning(text);
        }
        self.said = said;
    }

    /// The next change; for ever silent while nothing is watched.
    pub async fn next(&mut self) -> ServiceObservation {
        let heard = match &mut self.watching {
            Some((_, heard)) => heard.recv().await,
            None => None,
        };
        match heard {
            Some(observation) => observation,
            None => std::future::pending().await,
        }
    }

    /// Whether the configuration names the service.
    pub fn is_written(&self, query: &ServiceQuery) -> bool {
        self.written.contains(query)
    }

    /// What the change means for routes.
    pub fn routes(&mut self, seen: &ServiceObservation) -> Vec<Observation> {
        self.routes.as_mut().map(|routes| routes.take(seen)).unwrap_or_default()
    }
}

/// Services whose metadata makes routes.
struct Routes {
    /// What is asked of each service; without a name it asks for all names.
    catalog: Arc<ServiceQuery>,
    names: Option<ServiceObservation>,
    services: BTreeMap<Arc<ServiceQuery>, Option<ServiceObservation>>,
    /// Others are to be watched than before.
    renewed: bool,
    told: Option<(Vec<Arc<Container>>, Option<String>)>,
    count: u64,
}

impl Routes {
    fn new(catalog: Arc<ServiceQuery>) -> Self {
        let (names, services, told) = (None, BTreeMap::new(), None);
        Self { catalog, names, services, renewed: true, told, count: 0 }
    }

    fn queries(&self) -> impl Iterator<Item = Arc<ServiceQuery>> {
        std::iter::once(&self.catalog).chain(self.services.keys()).cloned()
    }

    fn take(&mut self, seen: &ServiceObservation) -> Vec<Observation> {
        if seen.query == self.catalog {
            if !matches!(seen.freshness, Freshness::Blind(_)) {
                let named = |name: &Name| {
                    Arc::new(ServiceQuery { service: name.clone(), ..(*self.catalog).clone() })
                };
                let wanted: BTreeSet<_> = seen.instances.iter().map(|i| named(&i.id)).collect();
                self.services.retain(|query, _| wanted.contains(query));
                for query in wanted {
                    self.services.entry(query).or_insert(None);
                }
                self.renewed = true;
            }
            self.names = Some(seen.clone());
        } else if let Some(service) = self.services.get_mut(&seen.query) {
            *service = Some(seen.clone());
        } else {
            return Vec::new();
        }
        self.tell()
    }

    /// What to tell: first that there are others, then that some may not be up to date.
    fn tell(&mut self) -> Vec<Observation> {
        let Some(names) = &self.names else { return Vec::new() };
        // At first all at once: nobody is to be served by half of the services.
        if self.told.is_none() && self.services.values().any(Option::is_none) {
            return Vec::new();
        }
        let known = || self.services.values().flatten();
        let fault = std::iter::once(names).chain(known()).find_map(|seen| match &seen.freshness {
            Freshness::Stale { since_ms, reason } => Some((*since_ms, reason.clone())),
            Freshness::Blind(reason) => Some((wall_ms(), reason.clone())),
            Freshness::Fresh(_) | Freshness::Gone => None,
        });
        let fresh = Freshness::Fresh(self.count + 1);
        let all = services::observation(fresh, known());
        let blind = matches!(names.freshness, Freshness::Blind(_));
        let (since_ms, reason) = fault.map_or((0, None), |(since, reason)| (since, Some(reason)));
        let before = self.told.as_ref();
        let changed = before.is_none_or(|(told, _)| *told != all.containers);
        let other = before.is_none_or(|(_, told)| *told != reason);
        let mut news = Vec::new();
        if !blind && (changed || other && reason.is_none()) {
            self.count += 1;
            news.push(all.clone());
        }
        if let Some(reason) = reason.clone().filter(|_| changed || other) {
            let freshness = match blind {
                true => Freshness::Blind(reason),
                false => Freshness::Stale { since_ms, reason },
            };
            news.push(Observation { freshness, ..all.clone() });
        }
        if !blind {
            self.told = Some((all.containers, reason));
        }
        news
    }
}

impl House {
    /// Takes what Consul says of a service that the configuration names, and brings what it changes
    /// to the data plane; `None` = it changes nothing.
    pub fn hear_service(&self, seen: ServiceObservation) -> Option<Report> {
        let service = seen.query.service.clone();
        let known = !matches!(seen.freshness, Freshness::Blind(_));
        let heard = self.names.borrow_mut().handle_service(seen);
        if let Some(fault) = heard.fault {
            let meanwhile = match known {
                true => "what was known goes on, trying again",
                false => "trying again",
            };
            self.voice.warning(format!("consul@{service}: {fault}; {meanwhile}"));
        }
        if heard.recovered {
            self.voice.notice(format!("consul@{service}: up to date again"));
        }
        if !heard.changed {
            return None;
        }
        let causes = vec![Cause::Service(service.to_string())];
        let report = self.apply(Attempt { at_ms: wall_ms(), spent: Duration::ZERO, causes });
        if let Verdict::Applied(_) = report.verdict {
            self.remembered.score.converged(report.entry.took);
        }
        (report.verdict != Verdict::Unchanged).then_some(report)
    }

    /// A line for each service whose last question had no good answer.
    pub fn stale_services(&self) -> String {
        let mut out = String::new();
        for row in self.watch_rows().iter().filter(|row| row.failures_in_a_row > 0) {
            let age = row.age_ms.map_or("never".to_owned(), |ms| format!("{} s ago", ms / 1000));
            let (service, failures) = (&row.service, row.failures_in_a_row);
            let _ = writeln!(
                out,
                "stale: consul@{service}: last good answer {age}, {failures} failures since"
            );
        }
        out
    }

    /// Figures of every watch.
    pub fn watch_rows(&self) -> Vec<WatchRow> {
        let now_ms = wall_ms();
        let row = |(query, figures): (Arc<ServiceQuery>, Arc<discovery::consul::Figures>)| {
            let good_ms = figures.good_ms.load(Relaxed);
            WatchRow {
                service: shown(&query),
                questions: figures.questions.load(Relaxed),
                failures: figures.failures.load(Relaxed),
                failures_in_a_row: figures.failures_in_a_row.load(Relaxed),
                index: figures.index.load(Relaxed),
                instances: figures.instances.load(Relaxed),
                age_ms: (good_ms > 0).then(|| now_ms.saturating_sub(good_ms)),
            }
        };
        self.ledger.all().into_iter().map(row).collect()
    }
}

/// A query in the words of the configuration, without the settings that select nothing.
fn shown(query: &ServiceQuery) -> String {
    let mut text = match query.service.is_empty() {
        true => "*".to_owned(),
        false => query.service.to_string(),
    };
    let one = [
        ("dc", query.datacenter.as_ref()),
        ("ns", query.namespace.as_ref()),
        ("partition", query.partition.as_ref()),
        ("filter", query.filter.as_ref()),
        ("address", query.address.as_ref()),
    ];
    let one = one.into_iter().filter_map(|(name, value)| Some((name, value?.to_string())));
    let tags = query.tags.iter().map(|tag| ("tag", tag.to_string()));
    let nodes = query.node_meta.iter().map(|meta| ("node-meta", meta.to_string()));
    let metas = query.service_meta.iter().map(|(k, v)| ("meta", format!("{k}:{v}")));
    let mut mark = '?';
    for (name, value) in one.chain(tags).chain(nodes).chain(metas) {
        let _ = write!(text, "{mark}{name}={value}");
        mark = '&';
    }
    let health = match query.health {
        ServiceHealth::Passing => return text,
        ServiceHealth::Warning => "warning",
        ServiceHealth::Any => "any",
    };
    let _ = write!(text, "{mark}{health}");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::consul::Instance;

    fn seen(query: &Arc<ServiceQuery>, freshness: Freshness, ids: &[&str]) -> ServiceObservation {
        let instance = |id: &&str| Instance {
            node: "n".into(),
            id: (*id).into(),
            ip: [10, 0, 0, 1].into(),
            port: 80,
            weight: 1,
            tags: Vec::new(),
            meta: BTreeMap::new(),
        };
        let instances = ids.iter().map(instance).collect();
        ServiceObservation { query: Arc::clone(query), freshness, instances, unusable: Vec::new() }
    }

    fn told(news: &[Observation]) -> Vec<String> {
        let line = |o: &Observation| {
            let names: Vec<&str> = o.containers.iter().map(|c| &*c.name).collect();
            let freshness = match &o.freshness {
                Freshness::Fresh(n) => format!("fresh {n}"),
                Freshness::Stale { reason, .. } => format!("stale {reason}"),
                Freshness::Blind(reason) => format!("blind {reason}"),
                Freshness::Gone => "gone".to_owned(),
            };
            format!("{freshness}: {}", names.join(" "))
        };
        news.iter().map(line).collect()
    }

    #[test]
    fn n15_routes_are_told_when_every_service_has_answered_and_then_with_each_change() {
        let catalog = Arc::new(ServiceQuery::new("".into()));
        let [web, api] = ["web", "api"].map(|n| Arc::new(ServiceQuery::new(n.into())));
        let mut routes = Routes::new(Arc::clone(&catalog));
        let mut take =
            |query, freshness, ids: &[&str]| told(&routes.take(&seen(query, freshness, ids)));
        let fresh = || Freshness::Fresh(1);
        let away = || Freshness::Stale { since_ms: 1, reason: "away".to_owned() };
        let blind = Freshness::Blind("refused".to_owned());
        assert_eq!(take(&catalog, blind, &[]), ["blind refused: "]);
        assert!(take(&catalog, fresh(), &["web", "api"]).is_empty());
        assert!(take(&web, fresh(), &["w1"]).is_empty());
        assert_eq!(take(&api, fresh(), &["a1"]), ["fresh 1: a1 w1"]);
        assert_eq!(take(&web, fresh(), &["w1", "w2"]), ["fresh 2: a1 w1 w2"]);
        assert!(take(&catalog, fresh(), &["web", "api"]).is_empty());
        assert_eq!(take(&web, away(), &["w1", "w2"]), ["stale away: a1 w1 w2"]);
        // What changes while something else is away is told, too.
        let both = ["fresh 3: a2 w1 w2", "stale away: a2 w1 w2"];
        assert_eq!(take(&api, fresh(), &["a2"]), both);
        assert_eq!(take(&web, fresh(), &["w1", "w2"]), ["fresh 4: a2 w1 w2"]);
        assert_eq!(take(&catalog, fresh(), &["web"]), ["fresh 5: w1 w2"]);
        assert!(take(&api, fresh(), &["a3"]).is_empty());
        assert_eq!(routes.queries().count(), 2);
    }

    #[test]
    fn a_query_is_shown_by_what_it_selects() {
        let mut query = ServiceQuery::new("web".into());
        assert_eq!(shown(&query), "web");
        query.tags = vec!["prod".into()];
        query.health = ServiceHealth::Any;
        assert_eq!(shown(&query), "web?tag=prod&any");
        assert_eq!(shown(&ServiceQuery::new("".into())), "*");
    }
}

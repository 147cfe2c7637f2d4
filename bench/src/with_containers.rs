//! The commands that measure with a Docker engine, and the one that is a replica in a container.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bench::containers::balancers::Balancer;
use bench::containers::churn::{self, How, Outcome};
use bench::containers::converge;
use bench::containers::engine::Engine;
use bench::containers::place::{Alive, Place};
use bench::containers::replica::Replica;
use bench::containers::{SERVICES, idle, image, markdown, predict, thousand};
use bench::report::Machine;

pub(crate) const HELP: &str = "
  evenkeel-bench converge    how fast balancers follow containers (needs root and a Docker engine)
  evenkeel-bench churn       what fails while services grow, are replaced and shrink
  evenkeel-bench thousand    CPU of one change among a thousand containers (no engine needed)
  evenkeel-bench idle        time to the first answer, memory with 300 servers, size of the image
  evenkeel-bench predict     the prediction example through evenkeel:latest, 1 and 7 replicas

  --balancer KIND:PATH   evenkeel, traefik, traefik-quick or haproxy; may be repeated. Without it:
                         evenkeel beside this binary or $EVENKEEL, $TRAEFIK, $HAPROXY_REFERENCE
  --changes N            converge: starts and stops together (500)
  --pace-ms N            converge: from one start to the next (350)
  --rounds N             churn: from one to many and back (20)
  --replicas N           churn: most replicas of each of the two services (50)
  --replaced N           churn: replicas of each that are replaced in a round (10)
  --kill                 churn: replicas are killed instead of stopped
  --containers N         thousand: how many (1000)
  --linger-ms N          how long a replica serves after its stop signal (1000)
  --into DIR             leave what is printed in DIR/run.md, after what is there already
";

/// Changes of each kind that `thousand` counts.
const THOUSAND_CHANGES: usize = 300;

struct Options {
    balancers: Vec<Balancer>,
    converge: converge::Plan,
    churn: churn::Plan,
    containers: usize,
    linger: Duration,
    into: Option<PathBuf>,
}

/// Does what is asked for, if it is one of these.
pub(crate) fn run(words: &[String]) -> Option<Result<(), String>> {
    let (first, rest) = words.split_first()?;
    match first.as_str() {
        "replica" => Some(replica(rest)),
        "converge" | "churn" | "idle" | "predict" | "thousand" => {
            Some(Options::from(rest).and_then(|o| o.run(first)))
        }
        _ => None,
    }
}

fn replica(words: &[String]) -> Result<(), String> {
    let [name, linger] = words else { return Err("replica NAME LINGER_MS".into()) };
    let linger = linger.parse().ok().map(Duration::from_millis);
    let notes = PathBuf::from("/notes");
    Replica { name: name.clone(), linger, notes }.run().map_err(|e| e.to_string())
}

impl Options {
    fn from(words: &[String]) -> Result<Self, String> {
        let mut options = Self {
            balancers: Vec::new(),
            converge: converge::Plan::default(),
            churn: churn::Plan::default(),
            containers: 1000,
            linger: Duration::from_secs(1),
            into: None,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} needs a value"));
            match word.as_str() {
                "--balancer" => options.balancers.push(Balancer::parse(value()?)?),
                "--changes" => options.converge.changes = number(value()?)?,
                "--pace-ms" => options.converge.pace = milliseconds(value()?)?,
                "--rounds" => options.churn.rounds = number(value()?)?,
                "--replicas" => options.churn.replicas = number(value()?)?.clamp(2, 55),
                "--replaced" => options.churn.replaced = number(value()?)?,
                "--kill" => options.churn.how = How::Kill,
                "--containers" => options.containers = number(value()?)?.max(1),
                "--linger-ms" => options.linger = milliseconds(value()?)?,
                "--into" => options.into = Some(value()?.into()),
                other => return Err(format!("no option {other}")),
            }
        }
        options.churn.replaced = options.churn.replaced.min(options.churn.replicas - 1);
        if options.balancers.is_empty() {
            options.balancers = found();
        }
        Ok(options)
    }

    fn run(&self, what: &str) -> Result<(), String> {
        let text = match what {
            "idle" => self.idle()?,
            "predict" => {
                let folder =
                    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/prediction/api");
                predict::markdown(&predict::measure(&Engine::here()?, &folder)?)
            }
            "thousand" => self.thousand()?,
            _ => self.beside(what == "converge")?,
        };
        let text = format!("{}\n\n{text}", Machine::here());
        println!("{text}");
        if let Some(folder) = &self.into {
            leave(folder, &text).map_err(|e| format!("{}: {e}", folder.display()))?;
        }
        Ok(())
    }

    fn beside(&self, converge: bool) -> Result<String, String> {
        let engine = Engine::here()?;
        image::make(&engine, &std::env::current_exe().map_err(|e| e.to_string())?)?;
        let (mut converged, mut churned) = (Vec::new(), Vec::new());
        for balancer in &self.balancers {
            let name = balancer.name();
            eprintln!("{name}");
            let place = Place::new(&engine, self.linger)?;
            let mut alive = Alive::default();
            for service in SERVICES {
                let started = place.start(service)?;
                alive.of(service).push(started);
            }
            let running = balancer.start(&place)?;
            let ready = running.ready.as_millis();
            eprintln!("  serves both services {ready} ms after its start");
            if converge {
                let figures = converge::measure(&place, &running, &mut alive, &self.converge)?;
                eprintln!("{}", figures.report);
                converged.push((name, figures));
            } else {
                let outcome = churn::run(&place, &running, &mut alive, &self.churn)?;
                outcome.reports.iter().for_each(|r| eprintln!("{r}"));
                churned.push((name, outcome));
            }
        }
        let tables = markdown(&converged, &churned);
        Ok(format!("{}\n\n{tables}", self.title(&engine, converge, &churned)?))
    }

    fn title(
        &self,
        engine: &Engine,
        converge: bool,
        churned: &[(String, Outcome)],
    ) -> Result<String, String> {
        let (version, linger) = (engine.version()?, self.linger.as_millis());
        let common = format!("Docker Engine {version}; replicas serve on for {linger} ms");
        if converge {
            let pace = self.converge.pace.as_millis();
            return Ok(format!("Convergence. {common}; one starts and one stops every {pace} ms."));
        }
        let churn::Plan { rounds, replicas, replaced, how } = self.churn;
        let how = if how == How::Kill { "killed" } else { "stopped" };
        let kills: usize = churned.iter().map(|(_, o)| o.kills.len()).sum();
        Ok(format!(
            "Churn. {common}; two services 1 -> {replicas} -> 1, {rounds} times, {replaced} of \
             each replaced in between, replicas {how} ({kills} kills)."
        ))
    }

    fn thousand(&self) -> Result<String, String> {
        // All addresses of loopback, and none of them taken.
        if let Err(why) = crate::namespace::enter() {
            eprintln!("{why}");
        }
        let evenkeel = beside().ok_or("no evenkeel beside this binary; see $EVENKEEL")?;
        let (containers, changes) = (self.containers, THOUSAND_CHANGES);
        let plans =
            [1, 50, containers].map(|services| thousand::Plan { containers, services, changes });
        let costs = thousand::measure(&evenkeel, &plans)?;
        let table = thousand::markdown(&costs);
        Ok(format!("One change among many containers, an engine with recorded answers.\n\n{table}"))
    }

    fn idle(&self) -> Result<String, String> {
        let evenkeel = beside().ok_or("no evenkeel beside this binary; see $EVENKEEL")?;
        let idle::Idle { first_byte, resident } = idle::measure(&evenkeel)?;
        let engine = Engine::here();
        let image = engine.as_ref().map(|e| e.call("GET", "/images/evenkeel:latest/json", None));
        let size = image.ok().and_then(Result::ok).and_then(|i| i.get("Size")?.as_u64());
        let started = match engine {
            Ok(engine) if size.is_some() => Some(idle::container(&engine, "evenkeel:latest")?),
            _ => None,
        };
        let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
        let milliseconds = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        Ok(format!(
            "| what | evenkeel | aim |\n|---|---:|---:|\n\
             | image evenkeel:latest | {} | 15 MB |\n\
             | process made to first byte of an answer, {} servers | {} | |\n\
             | container told to start to the same, the machine's network | {} | |\n\
             | resident memory, idle, {} servers that are checked | {} | 30 MB |\n",
            size.map_or("not built".to_owned(), megabytes),
            idle::SERVERS,
            milliseconds(first_byte),
            started.map_or("not built".to_owned(), milliseconds),
            idle::SERVERS,
            megabytes(resident),
        ))
    }
}

fn leave(folder: &Path, text: &str) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join("run.md");
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    let between = if before.is_empty() { "" } else { "\n" };
    std::fs::write(path, format!("{before}{between}{text}"))
}

fn number(text: &str) -> Result<usize, String> {
    text.parse().map_err(|_| format!("not a number: {text}"))
}

fn milliseconds(text: &str) -> Result<Duration, String> {
    number(text).map(|n| Duration::from_millis(n as u64))
}

fn beside() -> Option<PathBuf> {
    let own = std::env::current_exe().ok().map(|path| path.with_file_name("evenkeel"));
    std::env::var("EVENKEEL").map(PathBuf::from).ok().or(own).filter(|path| path.is_file())
}

/// What this machine has.
fn found() -> Vec<Balancer> {
    let variable = |name: &str| std::env::var(name).ok();
    let mut named = Vec::new();
    named.extend(beside().map(|p| format!("evenkeel:{}", p.display())));
    if let Some(path) = variable("TRAEFIK") {
        named.extend([format!("traefik:{path}"), format!("traefik-quick:{path}")]);
    }
    named.extend(variable("HAPROXY_REFERENCE").map(|path| format!("haproxy:{path}")));
    let parse = |text: &String| match Balancer::parse(text) {
        Ok(balancer) => Some(balancer),
        Err(why) => {
            eprintln!("left out: {why}");
            None
        }
    };
    named.iter().filter_map(parse).collect()
}

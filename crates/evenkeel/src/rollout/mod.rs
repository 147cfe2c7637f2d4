//! `evenkeel rollout`: replaces the replicas of a Compose service one after the other, without a
//! request that fails.

mod desk;
mod maker;
mod service;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use control::rollout::{Rollout, Seen, Settings, Step, Told};
use discovery::docker::replicas::Replicas;
use model::Name;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::RolloutArgs;
use crate::containers;
use crate::load::plain_reason;
use crate::say::Voice;
use desk::{Desk, View};
use maker::Maker;
use service::Service;

/// How often the balancer is asked.
const LOOK: Duration = Duration::from_millis(100);
/// A worker may have chosen a server at the moment it was taken out.
const SETTLE: Duration = Duration::from_millis(100);
/// Time for requests in flight unless somebody says otherwise.
const DRAIN: Duration = Duration::from_secs(30);
/// Last lines of a replica that failed.
const LAST_WORDS: usize = 10;

/// `evenkeel rollout`.
pub fn main(args: &RolloutArgs) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(roll(args)),
        Err(e) => Err(plain_reason(&e)),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            Voice::Native.alert(text);
            ExitCode::FAILURE
        }
    }
}

async fn roll(args: &RolloutArgs) -> Result<(), String> {
    let endpoint = containers::one_engine(args.docker.as_deref())?;
    let replicas = Replicas::at(&endpoint).await.map_err(|e| format!("{endpoint}: {e}"))?;
    let service = Service::find(&replicas, &args.service, args.project.as_deref()).await?;
    let desk = Desk::find(&replicas, args.control.control.as_deref(), &service).await?;
    let view = desk.look()?;
    is_balanced(&service, &view)?;
    for old in &service.running {
        let obstacle = replicas.obstacle(&old.id).await.map_err(|e| e.to_string())?;
        if let Some(reason) = obstacle {
            return Err(format!("{} cannot have a new one beside it: {reason}", old.name));
        }
    }
    let maker = Maker::choose(args, &service)?;
    let settings = Settings {
        parallel: args.parallel,
        ready_timeout: args.timeout,
        drain_timeout: args.drain.or_else(|| service.drain()).unwrap_or(DRAIN),
    };
    say(&format!("{service}: new ones are {maker}"));
    if args.dry_run {
        return plan(&service, &settings);
    }
    let mut work = Work {
        begun: Instant::now(),
        replicas: &replicas,
        desk: &desk,
        maker: &maker,
        service: &service,
        view,
        out: Vec::new(),
        made: Vec::new(),
    };
    let old = service.running.iter().map(|r| r.id.as_str().into()).collect();
    work.drive(Rollout::new(old, settings)).await
}

/// Whether requests reach the service at all: else none would ever reach its new replicas.
fn is_balanced(service: &Service, view: &View) -> Result<(), String> {
    let mut reasons = Vec::new();
    for old in &service.running {
        match view.containers.get(old.id.as_str()) {
            Some(seen) if !seen.servers.is_empty() => return Ok(()),
            Some(seen) => reasons.push(format!("{}: {}", old.name, seen.reason)),
            None => reasons.push(format!("{}: the balancer does not see it", old.name)),
        }
    }
    Err(format!("{} is not balanced\n{}", service.name, reasons.join("\n")))
}

fn plan(service: &Service, settings: &Settings) -> Result<(), String> {
    for batch in service.running.chunks(settings.parallel.max(1)) {
        let names: Vec<&str> = batch.iter().map(|r| r.name.as_str()).collect();
        let names = names.join(", ");
        say(&format!(
            "would start {} new, wait up to {} s until requests reach it, take out {names}, wait \
             up to {} s for requests in flight, stop and remove {names}",
            batch.len(),
            settings.ready_timeout.as_secs_f32(),
            settings.drain_timeout.as_secs_f32(),
        ));
    }
    Ok(())
}

fn say(text: &str) {
    use std::io::Write;
    // Whoever reads may have gone; the work goes on.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// What is under way.
struct Work<'a> {
    begun: Instant,
    replicas: &'a Replicas,
    desk: &'a Desk,
    maker: &'a Maker,
    service: &'a Service,
    view: View,
    /// Servers that were taken out: backend and server.
    out: Vec<(String, String)>,
    /// Names of new ones, by id.
    made: Vec<(Name, String)>,
}

impl Work<'_> {
    async fn drive(&mut self, mut rollout: Rollout) -> Result<(), String> {
        let all = self.service.running.len();
        let listen = |kind| signal(kind).map_err(|e| plain_reason(&e));
        // From now on both only end what is under way in order.
        let mut interrupt = listen(SignalKind::interrupt())?;
        let mut terminate = listen(SignalKind::terminate())?;
        loop {
            let seen = match self.desk.look() {
                Ok(view) => {
                    self.view = view;
                    self.view.seen()
                }
                Err(reason) => {
                    rollout.interrupt(&format!("the balancer does not answer: {reason}"));
                    Seen::default()
                }
            };
            let count = rollout.replaced();
            let told = match rollout.step(self.begun.elapsed(), &seen) {
                Step::Look => {
                    tokio::select! {
                        () = tokio::time::sleep(LOOK) => {}
                        _ = interrupt.recv() => rollout.interrupt("interrupted"),
                        _ = terminate.recv() => rollout.interrupt("terminated"),
                    }
                    continue;
                }
                Step::Start(old) => {
                    let numbers = (count + 1, count + old.len());
                    let (new, failed) =
                        self.maker.make(self.replicas, self.service, &old, &mut self.made).await;
                    let names = self.names(&new);
                    if !new.is_empty() {
                        say(&format!("{} of {all}: {names} started", range(numbers)));
                    }
                    Told::Started(new, failed)
                }
                Step::TakeOut(old) => {
                    say(&format!("{} of {all}: {} ready", range_of(count, &old), {
                        self.names(rollout.fresh())
                    }));
                    let result = self.take_out(&old);
                    tokio::time::sleep(SETTLE).await;
                    Told::Carried(result)
                }
                Step::End(old, left) => Told::Carried(self.end(&old, left, count, all).await),
                Step::Undo { back, end } => Told::Carried(self.undo(&back, &end).await),
                Step::Done => {
                    let seconds = self.begun.elapsed().as_secs_f32();
                    say(&format!("{}: {count} replaced in {seconds:.1} s", self.service.name));
                    return Ok(());
                }
                Step::Failed(reason) => {
                    let state = match count {
                        0 => "every old replica serves on".to_owned(),
                        n => format!("{n} of {all} are new, the other old ones serve on"),
                    };
                    return Err(format!("{reason}\n{}: {state}", self.service.name));
                }
            };
            rollout.told(self.begun.elapsed(), told);
        }
    }

    fn name(&self, id: &Name) -> String {
        let made = self.made.iter().find(|(made, _)| made == id).map(|(_, name)| name);
        let old = self.service.running.iter().find(|r| *r.id == **id).map(|r| &r.name);
        made.or(old).cloned().unwrap_or_else(|| id.chars().take(12).collect())
    }

    fn names(&self, ids: &[Name]) -> String {
        ids.iter().map(|id| self.name(id)).collect::<Vec<_>>().join(", ")
    }

    fn take_out(&mut self, old: &[Name]) -> Result<(), String> {
        for id in old {
            let servers = self.view.containers.get(&**id).map(|c| c.servers.clone());
            for (backend, server) in servers.unwrap_or_default() {
                self.out.push((backend.clone(), server.clone()));
                self.desk.set_state(&backend, &server, "maint")?;
            }
        }
        Ok(())
    }

    async fn end(
        &mut self,
        old: &[Name],
        left: u64,
        count: usize,
        all: usize,
    ) -> Result<(), String> {
        if left > 0 {
            say(&format!("{} requests were still in flight when their time was over", left));
        }
        for id in old {
            let name = self.name(id);
            let ended = self.replicas.end(id).await;
            ended.map_err(|e| format!("{name} cannot be stopped: {e}"))?;
        }
        // Its servers are gone with it.
        self.out.clear();
        say(&format!("{} of {all}: {} stopped", range_of(count, old), self.names(old)));
        Ok(())
    }

    /// Old ones get their requests back before new ones end.
    async fn undo(&mut self, back: &[Name], end: &[Name]) -> Result<(), String> {
        let mut failed = Vec::new();
        if !back.is_empty() {
            say(&format!("{} gets its requests back", self.names(back)));
            for (backend, server) in std::mem::take(&mut self.out) {
                failed.extend(self.desk.set_state(&backend, &server, "ready").err());
            }
        }
        for id in end {
            let name = self.name(id);
            let words = self.replicas.last_words(id, LAST_WORDS).await;
            for line in words.lines() {
                say(&format!("{name} | {}", printable(line)));
            }
            match self.replicas.end(id).await {
                Ok(()) => say(&format!("{name} stopped and removed")),
                Err(e) => failed.push(format!("{name} cannot be stopped: {e}")),
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(failed.join(", ")) }
    }
}

/// Nothing that a terminal would take for an order.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn range((from, to): (usize, usize)) -> String {
    if from == to { from.to_string() } else { format!("{from}-{to}") }
}

fn range_of(count: usize, batch: &[Name]) -> String {
    range((count + 1, count + batch.len()))
}

//! The control loop: signals, saved files, control sockets, and the orderly end.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use admin::Outcome;
use control::{Cause, Next, Reconciler, Report, Timing, Verdict};
use model::Global;
use model::consul::ServiceObservation;
use model::observed::{NameObservation, Observation};
use tokio::sync::{mpsc, oneshot};

use crate::consul;
use crate::containers;
use crate::house::{House, Request};
use crate::load::{Loaded, ReadError};
use crate::names;
use crate::run::Options;
use crate::say::Voice;
use crate::sd_notify::Notify;
use crate::signals::{Asked, Signals};
use crate::sockets::Sockets;
use crate::watch::{self, Watcher};

/// How often an ending process looks whether everybody is gone.
const END_LOOK: Duration = Duration::from_millis(50);

/// Exit codes of a process that a signal ended, as HAProxy's.
const EXIT_INT: u8 = 130;
const EXIT_TERM: u8 = 143;

type Reading = oneshot::Receiver<(Result<Loaded, ReadError>, Duration)>;

/// The loop's state.
pub struct Turn<'a> {
    options: &'a Options,
    house: &'a Rc<House>,
    stats: Sockets,
    /// Global settings with the sockets of the command line.
    own: Global,
    notify: Notify,
    watcher: Watcher,
    reconciler: Reconciler,
    reading: Option<(Reading, Vec<Cause>)>,
    /// When the first was seen of what is to be read next, and of what is being read.
    seen: [Option<Instant>; 2],
    settling: crate::memory::Settling,
    waiting: Vec<oneshot::Sender<Outcome>>,
    /// Those who wait for the run that is under way.
    served: Vec<oneshot::Sender<Outcome>>,
    names: names::Watch,
    services: consul::Watch,
    ending: Option<Ending>,
    last_error: Option<String>,
}

struct Ending {
    /// When what is left is cut off; `None` waits for ever.
    deadline: Option<Instant>,
    code: u8,
}

enum Event {
    Read(Box<Result<Loaded, ReadError>>, Duration),
    /// The thread that read is gone without a word.
    ReadLost,
    Touched(PathBuf),
    Signal(Asked),
    Request(Request),
    Observed(Observation),
    Named(NameObservation),
    Service(ServiceObservation),
    Tick,
}

impl<'a> Turn<'a> {
    /// Ready to go.
    pub fn new(
        options: &'a Options,
        house: &'a Rc<House>,
        stats: Sockets,
        own: Global,
        notify: Notify,
        watched: BTreeSet<PathBuf>,
    ) -> Self {
        let mut watcher = Watcher::new();
        if options.watch {
            watcher.watch(&watched);
            for path in &options.loader.paths {
                if let Some(advice) = watch::single_file_mount(path) {
                    house.voice.warning(advice);
                }
            }
        }
        let mut reconciler = Reconciler::new(Timing::default());
        let started = SystemTime::now().checked_sub(house.started.elapsed());
        if let Some(path) = started.and_then(|started| watcher.changed_since(started)) {
            // Saved while the process started, before anybody watched.
            let cause = Cause::File(path.display().to_string());
            reconciler.handle_change(house.started.elapsed(), cause);
        }
        let last_read = house.last_read.get();
        if options.wait_config && last_read.is_none_or(|(_, runs)| !runs) {
            reconciler.handle_demand(house.started.elapsed(), Cause::Retry);
        }
        Self {
            options,
            house,
            stats,
            own,
            notify,
            watcher,
            reconciler,
            reading: None,
            seen: [None; 2],
            settling: crate::memory::Settling::default(),
            waiting: Vec::new(),
            served: Vec::new(),
            names: names::Watch::new(house.books.clone()),
            services: consul::Watch::new(options.consul.clone(), house.ledger.clone()),
            ending: None,
            last_error: None,
        }
    }

    fn now(&self) -> Duration {
        self.house.started.elapsed()
    }

    /// Runs until the process is to end; returns its exit code.
    pub async fn until_end(
        mut self,
        mut signals: Signals,
        mut requested: mpsc::UnboundedReceiver<Request>,
    ) -> u8 {
        let mut observations = self.options.containers.as_ref().and_then(|c| c.watch());
        self.settling.begin();
        loop {
            let wake = self.next_wake();
            self.names.follow(self.house);
            self.services.follow(self.house);
            let event = tokio::select! {
                signal = signals.next() => Event::Signal(signal),
                Some(request) = requested.recv() => Event::Request(request),
                read = reading(&mut self.reading) => match read {
                    Some((loaded, spent)) => Event::Read(Box::new(loaded), spent),
                    None => Event::ReadLost,
                },
                path = touched(&mut self.watcher, self.options.watch) => Event::Touched(path),
                seen = containers::next(&mut observations) => Event::Observed(seen),
                seen = self.names.next() => Event::Named(seen),
                seen = self.services.next() => Event::Service(seen),
                () = sleep_until(wake) => Event::Tick,
            };
            match event {
                Event::Signal(asked) => self.asked(asked),
                Event::Request(request) => self.requested(request),
                Event::Read(loaded, spent) => self.read(*loaded, spent),
                Event::ReadLost => {
                    self.reading = None;
                    self.reconciler.handle_done(self.now(), control::reconcile::Done::MayPass);
                }
                Event::Touched(path) => {
                    self.seen[0].get_or_insert_with(Instant::now);
                    let cause = Cause::File(path.display().to_string());
                    self.reconciler.handle_change(self.now(), cause);
                }
                Event::Observed(observation) => self.observed(observation),
                Event::Named(observation) => self.named(observation),
                Event::Service(observation) => self.service(observation),
                Event::Tick => {}
            }
            if let Some(code) = self.over() {
                return code;
            }
        }
    }

    /// Starts what is due and says when to look again.
    fn next_wake(&mut self) -> Option<Instant> {
        if self.ending.is_some() {
            return Some(Instant::now() + END_LOOK);
        }
        match self.reconciler.poll(self.now()) {
            Next::Idle => None,
            Next::WaitUntil(at) => Some(self.house.started + at),
            Next::Run(causes) => {
                self.notify.reloading();
                self.served.append(&mut self.waiting);
                let anew = causes.iter().any(|c| matches!(c, Cause::Signal(_) | Cause::Command(_)));
                let read = self.house.read(self.house.loader.clone(), anew);
                self.reading = Some((read, causes));
                self.seen = [None, self.seen[0]];
                None
            }
        }
    }

    fn read(&mut self, loaded: Result<Loaded, ReadError>, spent: Duration) {
        let causes = self.reading.take().map(|(_, causes)| causes).unwrap_or_default();
        // Whatever comes of it: the reading alone took memory.
        self.settling.begin();
        if let Ok(loaded) = &loaded
            && self.options.watch
        {
            self.watcher.watch(&loaded.watched);
        }
        let retry = causes == [Cause::Retry];
        let report = self.house.bring(loaded, causes, spent);
        let done = report.as_ref().map_or(control::reconcile::Done::Settled, |r| r.done);
        self.reconciler.handle_done(self.now(), done);
        self.notify.ready();
        let Some(report) = report else { return };
        let error = self.house.controller.borrow().error().map(str::to_owned);
        // A retry that fails as before has nothing new to say.
        if !(retry && error.is_some() && error == self.last_error) {
            self.house.announce(&report);
        }
        self.last_error = error;
        if let Verdict::Applied(_) = report.verdict {
            let took = self.seen[1].map_or(report.entry.took, |seen| seen.elapsed());
            self.house.remembered.score.converged(took);
            self.house.loader.hooks.start_after(self.house.voice);
            self.follow_sockets();
        }
        self.notify.status(&report.entry.to_string());
        for reply in self.served.drain(..) {
            // Whoever asked may have gone.
            let _ = reply.send(outcome(&report));
        }
    }

    /// Control sockets follow the configuration; those of the command line stay.
    fn follow_sockets(&mut self) {
        let Some(running) = self.house.running() else { return };
        let global = &running.config.global;
        let from_command_line = self.options.master_socket.as_deref();
        let mut own = global.clone();
        if let Some(Ok(socket)) = from_command_line.map(crate::sockets::master_socket) {
            own.stats_sockets.push(socket);
        }
        if own.stats_sockets != self.own.stats_sockets {
            for text in self.stats.follow(&own, self.house) {
                self.house.voice.alert(text);
            }
        }
        self.own = own;
    }

    /// Containers came or went.
    fn observed(&mut self, observation: Observation) {
        if self.ending.is_some() {
            return;
        }
        let report = self.house.observe(observation);
        if report.verdict != Verdict::Unchanged || !report.new_problems.is_empty() {
            self.house.announce(&report);
        }
        self.notify.status(&report.entry.to_string());
    }

    /// The DNS said something.
    fn named(&mut self, observation: NameObservation) {
        if self.ending.is_some() {
            return;
        }
        let report = self.house.hear(observation).filter(|r| r.verdict != Verdict::Unchanged);
        if let Some(report) = report {
            self.house.announce(&report);
            self.notify.status(&report.entry.to_string());
        }
    }

    /// Consul said something.
    fn service(&mut self, seen: ServiceObservation) {
        if self.ending.is_some() {
            return;
        }
        for observation in self.services.routes(&seen) {
            self.observed(observation);
        }
        if !self.services.is_written(&seen.query) {
            return;
        }
        if let Some(report) = self.house.hear_service(seen) {
            self.house.announce(&report);
            self.notify.status(&report.entry.to_string());
        }
    }

    fn requested(&mut self, request: Request) {
        match request {
            Request::Reload(reply) => {
                self.waiting.push(reply);
                let cause = Cause::Command("reload".to_owned());
                self.reconciler.handle_demand(self.now(), cause);
            }
            Request::TakenOver(pid) => {
                self.house.voice.notice(format!("process {pid} serves now; finishing"));
                self.notify.main_pid(pid);
                self.finish();
            }
        }
    }

    fn asked(&mut self, asked: Asked) {
        match asked {
            Asked::Reload(name) => {
                if self.options.haproxy && !self.options.master && name == "HUP" {
                    self.dump_states();
                    return;
                }
                self.reconciler.handle_demand(self.now(), Cause::Signal(name));
            }
            Asked::Finish => self.finish(),
            Asked::Terminate => {
                self.stop(if self.options.haproxy && !self.options.master { EXIT_TERM } else { 0 })
            }
            Asked::Interrupt => self.stop(if self.options.haproxy { EXIT_INT } else { 0 }),
        }
    }

    /// What HAProxy without a master answers to HUP: where everything stands.
    fn dump_states(&self) {
        let voice = self.house.voice;
        voice.warning("SIGHUP received, dumping servers states.");
        for row in admin::House::rows(&**self.house).iter().filter(|r| r.server.is_some()) {
            voice.warning(format!(
                "SIGHUP: Server {}/{} is {}. Conn: {} act, {} pend, {} tot.",
                row.proxy,
                row.service,
                row.status,
                row.sessions.0,
                row.queue.map_or(0, |q| q.0),
                row.sessions_total
            ));
        }
    }

    /// USR1, or another process serves: let everybody finish, within `hard-stop-after`.
    fn finish(&mut self) {
        let hard_stop = self.own.hard_stop_after;
        self.begin_end(hard_stop.map(|limit| Instant::now() + limit), 0);
    }

    /// TERM or INT; a second one ends at once.
    fn stop(&mut self, code: u8) {
        let grace = match (&self.ending, self.options.stop_grace) {
            (None, Some(grace)) => grace,
            _ => Duration::ZERO,
        };
        self.begin_end(Some(Instant::now() + grace), code);
    }

    fn begin_end(&mut self, deadline: Option<Instant>, code: u8) {
        if self.ending.is_none() {
            self.notify.stopping();
            self.house.stopping.set(true);
            self.house.plane.engine.stop_accepting();
            self.say_stopped();
        }
        self.ending = Some(Ending { deadline, code });
    }

    fn say_stopped(&self) {
        let voice = self.house.voice;
        if !matches!(voice, Voice::Haproxy { .. }) {
            let left = self.house.plane.engine.active_connections();
            voice.notice(format!("no longer accepting; {left} connections to finish"));
            return;
        }
        let live = self.house.plane.engine.shared().live();
        for f in &live.frontends {
            let total = f.counters.connections_total.value();
            voice.warning(format!(
                "Proxy {} stopped (cumulated conns: FE: {total}, BE: 0).",
                f.model.name
            ));
        }
    }

    /// The exit code, once everybody is gone or time is up.
    fn over(&mut self) -> Option<u8> {
        let ending = self.ending.as_ref()?;
        let engine = &self.house.plane.engine;
        let left = engine.active_connections();
        if left == 0 {
            return Some(ending.code);
        }
        if ending.deadline.is_some_and(|at| Instant::now() >= at) {
            self.house.voice.warning(format!("time is up: {left} connections are cut off"));
            return Some(ending.code);
        }
        engine.close_idle();
        None
    }
}

fn outcome(report: &Report) -> Outcome {
    Outcome { ok: report.verdict != Verdict::Refused, text: format!("{}\n", report.entry) }
}

async fn reading(
    reading: &mut Option<(Reading, Vec<Cause>)>,
) -> Option<(Result<Loaded, ReadError>, Duration)> {
    match reading {
        Some((read, _)) => read.await.ok(),
        None => std::future::pending().await,
    }
}

async fn touched(watcher: &mut Watcher, watch: bool) -> PathBuf {
    if watch { watcher.changed().await } else { std::future::pending().await }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

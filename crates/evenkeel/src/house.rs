//! The process as its control sockets see it: what runs, what is wanted, and who may change it.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use admin::ports::{
    Change, Changes, ControlSocket, House as Port, Later, NotRemovable, Report as Inside,
    ResolversRow, SessionRow, WatchRow,
};
use admin::stats::Row;
use admin::{Outcome, ProcessFacts};
use config::{Environment, Severity};
use control::apply::Attempt;
use control::intent::{Asked, Intent, Keep, Wanted, containers};
use control::ports::{DataPlane, ServerOrderKind};
use control::{Cause, Controller, Names, OrderError, Report, ServerOrder, Verdict};
use model::observed::{Freshness, Observation};
use model::{Address, Config, Name, Origin, Snapshot};
use proxy::LiveServer;
use tokio::sync::{mpsc, oneshot};

use crate::drain;
use crate::figures;
use crate::hooks::Hooks;
use crate::load::{Loaded, Loader, ReadError};
use crate::plane::Plane;
use crate::say::Voice;

/// How often `wait drained` looks.
const DRAIN_LOOK: Duration = Duration::from_millis(50);

/// How long a port that could not be opened is left alone.
const PORTS_AGAIN: Duration = Duration::from_secs(10);

/// What a control socket asks of the loop that owns time.
pub enum Request {
    /// Read the configuration now and say how it went.
    Reload(oneshot::Sender<Outcome>),
    /// Another process serves in our place.
    TakenOver(u32),
}

/// What was said and tried.
#[derive(Default)]
pub struct Remembered {
    /// Who spoke last on a control socket, and what was said.
    asked: RefCell<Option<(String, String)>>,
    /// By which rule they are chosen, as it was said last.
    modes: RefCell<Vec<(Name, &'static str)>>,
    /// What operators were told last.
    notices: RefCell<Vec<String>>,
    /// When ports that could not be opened are tried again.
    try_ports_at: Cell<Option<Instant>>,
    /// Containers that are left out because something about them is wrong.
    quarantined: Cell<usize>,
    /// How changes went.
    pub score: crate::score::Score,
}

/// Everything the control thread owns.
pub struct House {
    /// The data plane.
    pub plane: Plane,
    /// What runs and what is wanted.
    pub controller: RefCell<Controller>,
    /// How containers become configuration.
    pub containers: RefCell<containers::Options>,
    /// What was said and tried about them.
    pub remembered: Remembered,
    /// How configuration is read.
    pub loader: Loader,
    /// What a program must show that wants to change something; without it none may.
    pub api_token: Option<String>,
    /// Whose words are used.
    pub voice: Voice,
    /// When the process started.
    pub started: Instant,
    /// From there to serving.
    pub boot: Cell<Duration>,
    /// Worker threads.
    pub workers: u32,
    /// No longer accepting.
    pub stopping: Cell<bool>,
    /// Text of the start: warnings and notices.
    pub startup: RefCell<String>,
    /// Environment as the configuration left it.
    pub environment: RefCell<Environment>,
    /// Fingerprint of what was read last, and whether that runs.
    pub last_read: Cell<Option<(u64, bool)>>,
    /// What the DNS says of servers' names.
    pub names: RefCell<Names>,
    /// Figures of the name servers.
    pub books: discovery::dns::Books,
    /// Figures of the watched services.
    pub ledger: discovery::consul::Ledger,
    /// Control sockets that are served.
    pub sockets: RefCell<Vec<ControlSocket>>,
    /// Rates from one look at the figures to the next.
    pub usage: crate::process::Usage,
    /// To the loop.
    pub requests: mpsc::UnboundedSender<Request>,
}

/// Milliseconds since 1970.
pub fn wall_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

impl House {
    /// The running configuration.
    pub fn running(&self) -> Option<Arc<Snapshot>> {
        self.controller.borrow().running().cloned()
    }

    /// Reads the configuration on a thread of its own: names may take their time to resolve.
    pub fn read(
        &self,
        loader: Loader,
        anew: bool,
    ) -> oneshot::Receiver<(Result<Loaded, ReadError>, Duration)> {
        let (tell, told) = oneshot::channel();
        let running = self.running();
        let begun = Instant::now();
        let known = self.last_read.get();
        let work = move || {
            let mut loaded = loader.load(running.as_ref().map(|s| &*s.config), anew);
            if let Ok(loaded) = &mut loaded
                && loaded.is_right()
                && known != Some((loaded.fingerprint, true))
            {
                loaded.aborted = loader.hooks.run_before().err();
            }
            // Nobody waits any more when the process ends meanwhile.
            let _ = tell.send((loaded, begun.elapsed()));
        };
        if let Err(e) = std::thread::Builder::new().name("load".to_owned()).spawn(work) {
            self.voice.alert(format!("cannot read the configuration: no thread: {e}"));
        }
        told
    }

    /// What was read is brought to the data plane, or refused. `None` when it is what was read
    /// before and nobody insists.
    pub fn bring(
        &self,
        loaded: Result<Loaded, ReadError>,
        causes: Vec<Cause>,
        spent: Duration,
    ) -> Option<Report> {
        let attempt = Attempt { at_ms: wall_ms(), spent, causes };
        let mut loaded = match loaded {
            Ok(loaded) => loaded,
            Err(e) => {
                self.last_read.set(None);
                return Some(self.controller.borrow_mut().reject_files(
                    attempt,
                    e.to_string(),
                    true,
                ));
            }
        };
        let insisted = attempt.causes.iter().any(|c| !matches!(c, Cause::File(_)));
        let same = self.last_read.get() == Some((loaded.fingerprint, true));
        if same && !insisted {
            return None;
        }
        let right = loaded.is_right();
        let report = match loaded.config.take().filter(|_| right) {
            None if loaded.aborted.is_some() => {
                let reason = loaded.aborted.take().unwrap_or_default();
                self.controller.borrow_mut().reject_files(attempt, reason, false)
            }
            None => {
                let unresolved = !loaded.unresolved.is_empty();
                let reason = findings(&loaded);
                self.controller.borrow_mut().reject_files(attempt, reason, unresolved)
            }
            Some(config) if self.would_fall_silent(&config, insisted) => {
                let reason = "the files hold no listener any more (no 'bind' in them)".to_owned();
                self.controller.borrow_mut().reject_files(attempt, reason, false)
            }
            Some(config) => {
                if !loaded.diagnostics.is_empty() {
                    self.voice.raw(&self.render(&loaded));
                }
                let mut controller = self.controller.borrow_mut();
                controller.take_files(config, Arc::clone(&loaded.ast));
                let patches = controller.intent.patches().clone();
                let keep = self.loader.keep;
                let forgotten = controller.intent.settle(keep, &self.containers.borrow());
                drop(controller);
                let report = self.apply(attempt);
                if report.verdict == Verdict::Refused {
                    *self.controller.borrow_mut().intent.patches_mut() = patches;
                } else {
                    self.forget(keep, &forgotten);
                }
                report
            }
        };
        let runs = report.verdict != Verdict::Refused;
        self.last_read.set(Some((loaded.fingerprint, runs)));
        if runs {
            *self.environment.borrow_mut() = loaded.environment;
        }
        Some(report)
    }

    /// The files were read anew: says what of changes is forgotten, and takes orders back where
    /// none are to be kept.
    fn forget(&self, keep: Keep, forgotten: &[String]) {
        for line in forgotten {
            self.voice.notice(format!("forgotten, the files were read anew: {line}"));
        }
        if keep != Keep::None {
            return;
        }
        let Some(running) = self.running() else { return };
        let orders = self.controller.borrow_mut().intent.overrides_mut().clear();
        for (backend, server, what) in orders {
            self.voice.notice(format!(
                "taken back, the files were read anew: server {backend}/{server}: {what}"
            ));
            let model = running.config.backend(&backend);
            let model = model.and_then(|b| b.servers.iter().find(|s| s.name == server));
            let Some(model) = model else { continue };
            let state = match model.disabled {
                true => ServerOrderKind::Maintenance,
                false => ServerOrderKind::Ready,
            };
            let state = what.state.is_some().then_some(state);
            let weight = what.weight.map(|_| ServerOrderKind::Weight(model.weight));
            for what in state.into_iter().chain(weight) {
                let order = ServerOrder { backend: backend.clone(), server: server.clone(), what };
                // A server that is gone needs no order.
                let _ = self.plane.order(&order);
            }
        }
    }

    /// Remembers who changed something.
    pub fn note(&self, subject: String) {
        let asked = self.remembered.asked.borrow().clone();
        let (who, command) = asked.unwrap_or_else(|| ("the process".to_owned(), String::new()));
        let asked = Asked { at_ms: wall_ms(), who, command };
        self.controller.borrow_mut().intent.note(subject, asked);
    }

    /// Containers have a frontend without any file, so there an operator who insists may empty it.
    fn would_fall_silent(&self, config: &model::Config, insisted: bool) -> bool {
        let intent = &self.controller.borrow().intent;
        let contained = intent.observations().next().is_some();
        control::guard::falls_silent(intent.base(), config) && !(contained && insisted)
    }

    /// Takes what a provider sees, and brings the difference to the data plane.
    pub fn observe(&self, observation: Observation) -> Report {
        let cause = Cause::Provider(observation.provider.to_string());
        self.say_freshness(&observation);
        let at_ms = wall_ms();
        // The engine's answer to what was asked about the container counts, too.
        let heard = observation.heard_ms.map_or(0, |heard_ms| at_ms.saturating_sub(heard_ms));
        let spent = Duration::from_millis(heard);
        let attempt = Attempt { at_ms, spent, causes: vec![cause] };
        self.controller.borrow_mut().intent.observe(observation);
        let report = self.apply(attempt);
        if let Verdict::Applied(_) = report.verdict {
            self.remembered.score.converged(report.entry.took);
        }
        report
    }

    /// Says that a provider went away, and why, or that it is back; the same only once.
    fn say_freshness(&self, now: &Observation) {
        let provider = &now.provider;
        let controller = self.controller.borrow();
        let before = controller.intent.observations().find(|o| o.provider == *provider);
        let fault = |o: &Observation| match &o.freshness {
            Freshness::Blind(reason) if reason == crate::containers::NOT_ASKED => None,
            Freshness::Blind(reason) | Freshness::Stale { reason, .. } => Some(reason.clone()),
            Freshness::Fresh(_) | Freshness::Gone => None,
        };
        match (before.and_then(fault), fault(now), &now.freshness) {
            (Some(before), Some(reason), _) if before == reason => {}
            (_, Some(reason), Freshness::Stale { .. }) => self.voice.warning(format!(
                "{provider}: {reason}; the containers seen last go on, trying again"
            )),
            (_, Some(reason), _) => {
                self.voice.warning(format!("{provider}: {reason}; trying again"));
            }
            (Some(_), None, Freshness::Fresh(_)) => {
                self.voice.notice(format!("{provider}: it answers again"));
            }
            _ => {}
        }
    }

    /// What becomes of every container now.
    pub fn survey(&self) -> containers::Survey {
        self.controller.borrow().intent.survey(&self.containers.borrow())
    }

    /// Says by which rule containers are chosen, when that has changed.
    fn say_modes(&self, modes: Vec<(Name, &'static str)>) {
        let mut said = self.remembered.modes.borrow_mut();
        for (provider, mode) in modes.iter().filter(|m| !said.contains(m)) {
            self.voice.notice(format!("{provider}: {mode}"));
        }
        *said = modes;
    }

    /// Says what there is to say beside problems, each once as long as it holds.
    fn say_notices(&self, notices: Vec<String>) {
        let mut said = self.remembered.notices.borrow_mut();
        for notice in notices.iter().filter(|n| !said.contains(n)) {
            self.voice.warning(notice);
        }
        *said = notices;
    }

    /// Brings what is wanted now to the data plane.
    pub fn apply(&self, attempt: Attempt) -> Report {
        let shared = self.plane.engine.shared();
        let before = shared.live();
        let report = self.apply_or_leave_out(attempt);
        if let Verdict::Applied(_) = report.verdict {
            drain::limit(shared, &before);
            self.remembered.score.changed(&before);
        }
        report
    }

    /// A port that only containers ask for and that cannot be opened costs those containers alone.
    fn apply_or_leave_out(&self, attempt: Attempt) -> Report {
        let begun = Instant::now();
        let mut options = self.containers.borrow_mut();
        if self.remembered.try_ports_at.get().is_some_and(|at| begun >= at) {
            options.refused.clear();
            self.remembered.try_ports_at.set(None);
        }
        let names = self.names.borrow();
        let mut controller = self.controller.borrow_mut();
        let mut survey = joined(&controller.intent, &controller, &options, &names);
        self.remembered.quarantined.set(survey.quarantined);
        self.say_modes(std::mem::take(&mut survey.modes));
        self.say_notices(std::mem::take(&mut survey.notices));
        if survey.failed {
            let reasons: Vec<String> = survey.problems.iter().map(ToString::to_string).collect();
            return controller.reject(attempt, reasons.join("\n"), true);
        }
        let wanted_now = survey.wanted();
        let spent = || begun.elapsed();
        let report = controller.apply(&self.plane, wanted_now, attempt.clone(), &spent);
        if report.refused_ports.is_empty() {
            return report;
        }
        options.refused.extend(&report.refused_ports);
        self.remembered.try_ports_at.set(Some(begun + PORTS_AGAIN));
        let wanted_now = wanted(&controller, &options, &names);
        controller.apply(&self.plane, wanted_now, attempt, &spent)
    }

    /// The findings in the voice of this process.
    pub fn render(&self, loaded: &Loaded) -> String {
        render(self.voice, loaded)
    }

    /// Says how a change went.
    pub fn announce(&self, report: &Report) {
        for problem in &report.new_problems {
            self.voice.warning(problem);
        }
        self.voice.change(&report.entry);
        for setting in &report.at_start_only {
            self.voice.warning(format!("'{setting}' differs; it takes effect at the next start"));
        }
    }

    fn servers_named(&self, backend: Option<&str>, server: &str) -> Vec<Arc<LiveServer>> {
        let live = self.plane.engine.shared().live();
        let all = live.backends.values().filter(|b| backend.is_none_or(|n| n == &*b.model.name));
        all.flat_map(|b| b.servers.iter().filter(|s| &*s.model.name == server).cloned()).collect()
    }

    /// What still keeps a server from being drained; `None` when nothing does.
    fn occupied(&self, server: &Arc<LiveServer>) -> Option<String> {
        let (served, queued) = (server.state.served(), server.state.queued());
        let name = format!("{}/{}", server.backend, server.model.name);
        if served + queued > 0 {
            return Some(format!("{name} has {served} connections and {queued} in its queue"));
        }
        let live = self.plane.engine.shared().live();
        let present = live
            .backends
            .get(&server.backend)
            .is_some_and(|b| b.servers.iter().any(|s| Arc::ptr_eq(&s.state, &server.state)));
        let admin = server.state.admin();
        let out = admin.is_maint() || admin.is_drain() || server.state.weight() == 0;
        (present && !out).then(|| {
            format!("{name} still takes new requests: mark it 'disabled' or give it weight 0")
        })
    }
}

/// Everything wanted joined: files and containers, with the addresses that names stand for now.
pub fn wanted(controller: &Controller, containers: &containers::Options, names: &Names) -> Wanted {
    joined(&controller.intent, controller, containers, names).wanted()
}

fn joined(
    intent: &Intent,
    controller: &Controller,
    options: &containers::Options,
    names: &Names,
) -> containers::Survey {
    let mut survey = intent.configuration(options);
    let running = controller.running().map(|s| &*s.config);
    survey.notices.extend(names.place(&mut survey.config, running));
    control::numbers::of_proxies(&mut survey.config, intent.base(), running);
    if let Some(running) = running {
        control::numbers::keep(&mut survey.config, running);
    }
    survey
}

/// The findings of a configuration in somebody's voice.
pub fn render(voice: Voice, loaded: &Loaded) -> String {
    match voice {
        Voice::Native | Voice::Json => config::render::human(
            &loaded.diagnostics,
            &loaded.files,
            config::render::Style::default(),
        ),
        Voice::Haproxy { .. } => config::render::haproxy(
            &loaded.diagnostics,
            &loaded.files,
            std::process::id(),
            config::render::DEFAULT_LIMIT,
        ),
    }
}

/// Why a configuration is refused, one line for each reason: for the log, status and sockets.
pub fn findings(loaded: &Loaded) -> String {
    let mut lines: Vec<String> = loaded
        .diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Alert)
        .map(|d| {
            let place =
                d.span.map(|s| format!("{}:{}:{}: ", loaded.files.name(s.file), s.line, s.column));
            let hint = d.hint.as_ref().map(|h| format!(" ({h})"));
            format!("{}{}{}", place.unwrap_or_default(), d.reason, hint.unwrap_or_default())
        })
        .collect();
    lines.extend(loaded.unresolved.iter().map(unresolved_line));
    lines.join("\n")
}

/// What is said about a server without an address.
pub fn unresolved_line(u: &crate::resolve::Unresolved) -> String {
    let place = match &u.origin {
        Origin::File { file, line, .. } => format!("[{file}:{line}] : "),
        other => format!("{other}: "),
    };
    format!("{place}'server {}/{}' : could not resolve address '{}'", u.backend, u.server, u.host)
}

impl Port for House {
    fn process(&self) -> ProcessFacts {
        crate::process::facts(self)
    }

    fn rows(&self) -> Vec<Row> {
        let shared = self.plane.engine.shared();
        let now_ms = shared.now_ms(tokio::time::Instant::now());
        figures::rows(&shared.live(), shared.max_connections.load(Relaxed), now_ms)
    }

    fn config(&self) -> Option<Arc<Config>> {
        self.running().map(|snapshot| Arc::clone(&snapshot.config))
    }

    fn config_text(&self, secrets: bool) -> Option<String> {
        crate::live::text(self, secrets)
    }

    fn order(&self, order: &ServerOrder) -> Result<(), OrderError> {
        let mut controller = self.controller.borrow_mut();
        controller.order(&self.plane, order)?;
        if order.what == ServerOrderKind::Ready {
            // A server that a command added begins in maintenance; that is over for good.
            controller.intent.patches_mut().enable(&order.backend, &order.server);
        }
        drop(controller);
        self.note(format!("server {}/{}", order.backend, order.server));
        Ok(())
    }

    fn asks(&self, who: &str, command: &str) {
        *self.remembered.asked.borrow_mut() = Some((who.to_owned(), command.to_owned()));
    }

    fn change(&self, change: Change) -> Result<String, String> {
        crate::change::carry_out(self, change)
    }

    fn sessions(&self) -> Later<'_, Vec<SessionRow>> {
        Box::pin(crate::sessions::all(self.plane.engine.shared()))
    }

    fn end_session(&self, id: u64) -> Later<'_, bool> {
        Box::pin(crate::sessions::end(self.plane.engine.shared(), id))
    }

    fn clear_counters(&self, all: bool) {
        crate::clear::counters(&self.plane.engine.shared().live(), all);
        if all {
            self.books.clear();
        }
    }

    fn startup_logs(&self) -> String {
        let mut out = self.startup.borrow().clone();
        if let Some(error) = self.controller.borrow().error() {
            out.push_str(error);
            out.push('\n');
        }
        out
    }

    fn control_sockets(&self) -> Vec<ControlSocket> {
        self.sockets.borrow().clone()
    }

    fn report(&self, what: Inside) -> String {
        crate::process::report(self, what)
    }

    fn removable(&self, name: &str) -> Result<(), NotRemovable> {
        let keeps = |reason: &str, passes| NotRemovable { reason: reason.to_owned(), passes };
        let (backend, server) = name.split_once('/').unwrap_or((name, ""));
        let Some(server) = self.servers_named(Some(backend), server).pop() else {
            return Err(keeps("No such server.", false));
        };
        if !server.state.admin().is_maint() {
            return Err(keeps("Only servers in maintenance mode can be deleted.", false));
        }
        match self.occupied(&server) {
            Some(reason) => Err(keeps(&format!("{reason}."), true)),
            None => Ok(()),
        }
    }

    fn resolvers(&self) -> Vec<ResolversRow> {
        let Some(running) = self.running() else { return Vec::new() };
        let row = |resolvers: &Arc<model::Resolvers>| {
            let figures = self.books.section(resolvers);
            let named = resolvers.nameservers.iter().zip(figures);
            ResolversRow {
                name: resolvers.name.to_string(),
                servers: named.map(|(n, f)| (n.name.to_string(), f.all())).collect(),
            }
        };
        running.config.resolvers.iter().map(row).collect()
    }

    fn watches(&self) -> Vec<WatchRow> {
        self.watch_rows()
    }

    fn variable(&self, name: &str) -> Option<(&'static str, String)> {
        crate::process::variable(self, name)
    }

    fn environment(&self) -> Vec<(String, String)> {
        self.environment.borrow().iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
    }

    fn status(&self) -> String {
        status(self)
    }

    fn containers(&self, json: bool) -> Outcome {
        crate::seats::containers(self, json)
    }

    fn explain(&self, words: &[&str]) -> Outcome {
        crate::seats::explained(self, words)
    }

    fn changes(&self) -> Changes {
        let controller = self.controller.borrow();
        let history = controller.history();
        Changes {
            generation: controller.generation(),
            last_ms: history.last_applied_ms(),
            problems: controller.problems().len(),
            error: controller.error().map(str::to_owned),
            quarantined: self.remembered.quarantined.get(),
            providers: controller.intent.observations().map(age).collect(),
            convergence: self.remembered.score.convergence(),
            failed: self.remembered.score.failed(&self.plane.engine.shared().live()),
        }
    }

    fn change_log(&self, since: u64, count: usize) -> Vec<control::Entry> {
        let controller = self.controller.borrow();
        let newest = controller.history().iter().rev().take_while(|e| e.number > since);
        newest.take(count).cloned().collect()
    }

    fn reload(&self) -> Later<'_, Outcome> {
        let (reply, answer) = oneshot::channel();
        let asked = self.requests.send(Request::Reload(reply)).is_ok();
        Box::pin(async move {
            match answer.await {
                Ok(outcome) if asked => outcome,
                _ => Outcome { ok: false, text: "the process ends\n".to_owned() },
            }
        })
    }

    fn plan(&self, files: Vec<PathBuf>) -> Later<'_, Outcome> {
        let mut loader = self.loader.clone();
        loader.hooks = Hooks::default();
        if !files.is_empty() {
            loader.paths = files;
        }
        let read = self.read(loader, false);
        Box::pin(async move {
            let Ok((loaded, _)) = read.await else {
                return Outcome {
                    ok: false,
                    text: "the configuration cannot be read\n".to_owned(),
                };
            };
            match loaded {
                Err(e) => Outcome { ok: false, text: format!("{e}\n") },
                Ok(mut loaded) => match loaded.config.take() {
                    Some(config) if loaded.unresolved.is_empty() => {
                        Outcome { ok: true, text: self.plan_text(config, Arc::clone(&loaded.ast)) }
                    }
                    _ => Outcome { ok: false, text: findings(&loaded) + "\n" },
                },
            }
        })
    }

    fn wait_drained(
        &self,
        backend: Option<Name>,
        server: Name,
        timeout: Duration,
    ) -> Later<'_, Outcome> {
        // Held from the start: a server that is removed meanwhile still has its connections.
        let servers = self.servers_named(backend.as_deref(), &server);
        Box::pin(async move {
            if servers.is_empty() {
                return Outcome { ok: false, text: format!("there is no server '{server}'\n") };
            }
            let deadline = Instant::now() + timeout;
            loop {
                let occupied: Vec<_> = servers.iter().filter_map(|s| self.occupied(s)).collect();
                if occupied.is_empty() {
                    return Outcome { ok: true, text: format!("{server} is drained\n") };
                }
                if Instant::now() >= deadline {
                    return Outcome { ok: false, text: occupied.join("\n") + "\n" };
                }
                tokio::time::sleep(DRAIN_LOOK).await;
            }
        })
    }

    fn serving(&self) -> Later<'_, Outcome> {
        Box::pin(async {
            match self.not_serving().await {
                Some(why) => Outcome { ok: false, text: why + "\n" },
                None => Outcome { ok: true, text: "it serves\n".to_owned() },
            }
        })
    }

    fn listeners(&self) -> io::Result<Vec<(Address, Vec<OwnedFd>)>> {
        self.plane.engine.listeners()
    }

    fn taken_over(&self, pid: u32) {
        // The loop is gone only when the process ends anyway.
        let _ = self.requests.send(Request::TakenOver(pid));
    }
}

impl House {
    /// Why requests are not served now; `None` when they are.
    async fn not_serving(&self) -> Option<String> {
        if self.stopping.get() {
            return Some("it is stopping".to_owned());
        }
        let shared = self.plane.engine.shared();
        if shared.live().listeners.is_empty() {
            return Some("it listens nowhere".to_owned());
        }
        let there = crate::sessions::workers_there(shared).await;
        let silent = (self.workers as usize).saturating_sub(there);
        (silent > 0).then(|| format!("{silent} of {} workers do not answer", self.workers))
    }

    fn plan_text(&self, config: Config, files: Arc<config::Ast>) -> String {
        let controller = self.controller.borrow();
        let mut intent = controller.intent.clone();
        let keep = self.loader.keep;
        intent.set_base(config, files);
        let (options, names) = (self.containers.borrow(), self.names.borrow());
        intent.settle(keep, &options);
        let wanted = joined(&intent, &controller, &options, &names);
        let mut text = String::new();
        let drift = controller.intent.drift(keep);
        if !drift.is_empty() {
            text.push_str("Changed at run time, neither in the files nor in labels:\n");
            let now_ms = wall_ms();
            drift.iter().for_each(|d| text.push_str(&format!("  {}\n", d.line(now_ms))));
        }
        text.push_str(&controller.plan(&wanted.config).to_string());
        for problem in &wanted.problems {
            text.push_str(&format!("warning: {problem}\n"));
        }
        text
    }
}

/// A provider, and how long ago what it says was complete.
fn age(observation: &Observation) -> (Name, Option<Duration>) {
    let age = match &observation.freshness {
        Freshness::Fresh(_) => Some(Duration::ZERO),
        Freshness::Stale { since_ms, .. } => {
            Some(Duration::from_millis(wall_ms().saturating_sub(*since_ms)))
        }
        Freshness::Blind(_) | Freshness::Gone => None,
    };
    (observation.provider.clone(), age)
}

/// What runs, the last change, the last error.
fn status(house: &House) -> String {
    let controller = house.controller.borrow();
    let shared = house.plane.engine.shared();
    let up = house.started.elapsed().as_secs();
    let mut out = format!(
        "generation {} runs since start or last change; up {up} s, {} workers, {} connections, {} \
         requests\n",
        controller.generation(),
        house.workers,
        shared.connections.value(),
        shared.traffic.totals().requests
    );
    out.push_str(&format!(
        "config_last_reload_success={}\n",
        u8::from(controller.error().is_none())
    ));
    if let Some(error) = controller.error() {
        out.push_str("The wanted configuration does not run:\n");
        error.lines().for_each(|line| out.push_str(&format!("  {line}\n")));
    }
    for problem in controller.problems() {
        out.push_str(&format!("problem: {problem}\n"));
    }
    for notice in house.remembered.notices.borrow().iter() {
        out.push_str(&format!("note: {notice}\n"));
    }
    out.push_str(&house.stale_services());
    for drift in controller.intent.drift(house.loader.keep) {
        out.push_str(&format!("changed at run time: {}: {}\n", drift.subject, drift.what));
    }
    if let Some(last) = controller.history().last() {
        out.push_str(&format!("last change: {last}\n"));
    }
    out
}

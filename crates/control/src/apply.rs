//! Brings wanted configurations to the data plane and remembers how that went.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use config::Ast;
use model::{Address, Change, ChangeSubject, Config, Generation, Origin, Snapshot};

use crate::history::{Cause, Ending, Entry, History, STEPS_MAX};
use crate::intent::{Intent, Problem, State, Wanted};
use crate::plan::Plan;
use crate::ports::{DataPlane, Opened, OrderError, Refusal, ServerOrder, ServerOrderKind};
use crate::reconcile::Done;

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It runs.
    Applied(Opened),
    /// Nothing differed.
    Unchanged,
    /// It was refused; what ran before goes on.
    Refused,
}

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// How it ended.
    pub verdict: Verdict,
    /// What the reconciler should make of it.
    pub done: Done,
    /// The entry in the history.
    pub entry: Entry,
    /// Problems that are new since the attempt before.
    pub new_problems: Vec<Problem>,
    /// Settings that differ but wait for the next start.
    pub at_start_only: Vec<&'static str>,
    /// Ports that could not be opened and that nobody but containers and variables asked for.
    pub refused_ports: Vec<u16>,
}

/// One attempt: who asked for it and when.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Who asked.
    pub causes: Vec<Cause>,
    /// Wall clock, milliseconds since 1970.
    pub at_ms: u64,
    /// Time already spent on reading and parsing.
    pub spent: Duration,
}

/// Holds what runs, what is wanted and the last error until it is mended.
#[derive(Debug, Default)]
pub struct Controller {
    /// What is wanted, by who wants it.
    pub intent: Intent,
    running: Option<Arc<Snapshot>>,
    /// What the files said of which the running one was made.
    running_files: (Arc<Config>, Arc<Ast>),
    history: History,
    error: Option<String>,
    /// Why the files cannot be taken; what containers do meanwhile does not mend them.
    files_error: Option<String>,
    problems: Vec<Problem>,
}

impl Controller {
    /// The running snapshot; `None` before the first one.
    #[must_use]
    pub fn running(&self) -> Option<&Arc<Snapshot>> {
        self.running.as_ref()
    }

    /// What the files said when the running snapshot was made, and their text.
    #[must_use]
    pub fn running_files(&self) -> (&Config, &Ast) {
        (&self.running_files.0, &self.running_files.1)
    }

    /// The running generation; 0 before the first one.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.running.as_ref().map_or(0, |s| s.generation)
    }

    /// The last changes.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Why the wanted state does not run; `None` when it does. It stays until an attempt succeeds.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.files_error.as_deref().or(self.error.as_deref())
    }

    /// What the files say is wanted from now on.
    pub fn take_files(&mut self, config: Config, files: Arc<Ast>) {
        self.files_error = None;
        self.intent.set_base(config, files);
    }

    /// What was left out of the running configuration.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The steps from what runs to `wanted`.
    #[must_use]
    pub fn plan(&self, wanted: &Config) -> Plan {
        match &self.running {
            Some(running) => Plan::make(running.generation, &running.config, wanted),
            None => Plan::make(0, &Config::default(), wanted),
        }
    }

    /// The snapshot that the process starts with runs.
    pub fn started(
        &mut self,
        snapshot: Snapshot,
        attempt: Attempt,
        problems: Vec<Problem>,
    ) -> Entry {
        let plan = self.plan(&snapshot.config);
        let ending = applied(snapshot.generation, &plan);
        self.running = Some(Arc::new(snapshot));
        self.note_files();
        self.problems = problems;
        self.history.record(attempt.at_ms, attempt.causes, attempt.spent, ending)
    }

    /// Brings `wanted` to the data plane. `elapsed` is asked at the end for the time since the
    /// attempt began applying.
    pub fn apply(
        &mut self,
        plane: &dyn DataPlane,
        wanted: Wanted,
        attempt: Attempt,
        elapsed: &dyn Fn() -> Duration,
    ) -> Report {
        let plan = self.plan(&wanted.config);
        let new_problems = self.take_problems(wanted.problems);
        if plan.is_empty() && self.running.is_some() {
            self.error = None;
            self.note_files();
            let took = attempt.spent + elapsed();
            let entry = self.history.record(attempt.at_ms, attempt.causes, took, Ending::Unchanged);
            return Report {
                verdict: Verdict::Unchanged,
                done: Done::Settled,
                entry,
                new_problems,
                at_start_only: plan.at_start_only,
                refused_ports: Vec::new(),
            };
        }
        let mut refused_ports = Vec::new();
        let generation = self.generation() + 1;
        let snapshot = Snapshot { generation, config: Arc::new(wanted.config) };
        let (verdict, done, ending) = match plane.apply(&snapshot) {
            Ok(opened) => {
                self.error = None;
                self.intent.overrides_mut().retain_existing(&snapshot.config);
                self.running = Some(Arc::new(snapshot));
                self.note_files();
                self.order_again(plane, &plan);
                (Verdict::Applied(opened), Done::Settled, applied(generation, &plan))
            }
            Err(refusal) => {
                refused_ports = ports_of_containers(&refusal);
                let (done, ending) = self.refused(&refusal);
                (Verdict::Refused, done, ending)
            }
        };
        let took = attempt.spent + elapsed();
        let entry = self.history.record(attempt.at_ms, attempt.causes, took, ending);
        let at_start_only = plan.at_start_only;
        Report { verdict, done, entry, new_problems, at_start_only, refused_ports }
    }

    /// The files could not be taken: one does not parse, a name does not resolve. `may_pass` says
    /// whether that can mend itself.
    pub fn reject_files(&mut self, attempt: Attempt, reason: String, may_pass: bool) -> Report {
        self.files_error = Some(reason.clone());
        self.rejected(attempt, reason, may_pass)
    }

    /// The wanted state could not even be made. `may_pass` says whether that can mend itself.
    pub fn reject(&mut self, attempt: Attempt, reason: String, may_pass: bool) -> Report {
        self.error = Some(reason.clone());
        self.rejected(attempt, reason, may_pass)
    }

    fn rejected(&mut self, attempt: Attempt, reason: String, may_pass: bool) -> Report {
        let entry = self.history.record(
            attempt.at_ms,
            attempt.causes,
            attempt.spent,
            Ending::Refused { reason },
        );
        let done = if may_pass { Done::MayPass } else { Done::Refused };
        Report {
            verdict: Verdict::Refused,
            done,
            entry,
            new_problems: Vec::new(),
            at_start_only: Vec::new(),
            refused_ports: Vec::new(),
        }
    }

    /// Has the data plane carry out an order about a server and remembers it.
    ///
    /// # Errors
    /// As the data plane's.
    pub fn order(&mut self, plane: &dyn DataPlane, order: &ServerOrder) -> Result<(), OrderError> {
        plane.order(order)?;
        let server = self.running.as_ref().and_then(|running| {
            let backend = running.config.backend(&order.backend)?;
            backend.servers.iter().find(|s| s.name == order.server)
        });
        // One that a command added begins in maintenance by itself.
        let disabled = server.is_some_and(|s| s.disabled && !matches!(s.origin, Origin::Runtime));
        self.intent.overrides_mut().record(order, disabled);
        Ok(())
    }

    /// A server with another address begins afresh; what an operator ordered about it holds.
    fn order_again(&self, plane: &dyn DataPlane, plan: &Plan) {
        for step in &plan.steps {
            let Change::Modify(ChangeSubject::Server(backend, server), aspects) = &step.change
            else {
                continue;
            };
            let Some(what) = self.intent.overrides().of(backend, server) else { continue };
            if !aspects.contains(&"address") {
                continue;
            }
            let state = what.state.map(|state| match state {
                State::Drain => ServerOrderKind::Drain,
                State::Maintenance => ServerOrderKind::Maintenance,
                State::Ready => ServerOrderKind::Ready,
            });
            for what in state.into_iter().chain(what.weight) {
                let order = ServerOrder { backend: backend.clone(), server: server.clone(), what };
                // What could be ordered before can be ordered now.
                let _ = plane.order(&order);
            }
        }
    }

    fn note_files(&mut self) {
        self.running_files = (Arc::clone(self.intent.base()), Arc::clone(self.intent.files()));
    }

    fn refused(&mut self, refusal: &Refusal) -> (Done, Ending) {
        let reason = refusal.to_string();
        self.error = Some(reason.clone());
        let done = if refusal.may_pass() { Done::MayPass } else { Done::Refused };
        (done, Ending::Refused { reason })
    }

    fn take_problems(&mut self, problems: Vec<Problem>) -> Vec<Problem> {
        let name = |p: &Problem| (p.origin.to_string(), p.reason.clone());
        let known: HashSet<_> = self.problems.iter().map(name).collect();
        let new = problems.iter().filter(|p| !known.contains(&name(p))).cloned().collect();
        self.problems = problems;
        new
    }
}

/// Only when all that was refused is theirs: else leaving theirs out would not help.
fn ports_of_containers(refusal: &Refusal) -> Vec<u16> {
    let Refusal::Binds(list) = refusal else { return Vec::new() };
    let port = |b: &crate::ports::BindRefusal| match (&b.origin, &b.address) {
        (Origin::Label { .. } | Origin::Variable { .. }, Address::Inet(i)) => Some(i.port()),
        _ => None,
    };
    list.iter().map(port).collect::<Option<Vec<u16>>>().unwrap_or_default()
}

fn applied(generation: Generation, plan: &Plan) -> Ending {
    let mut steps = plan.lines();
    let more = steps.len().saturating_sub(STEPS_MAX);
    steps.truncate(STEPS_MAX);
    Ending::Applied { generation, steps, more }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::ports::{BindRefusal, ServerOrderKind};
    use crate::tests::{config, server};

    /// A data plane that can be told to refuse.
    #[derive(Default)]
    struct Plane {
        refuse: Cell<bool>,
        generations: RefCell<Vec<Generation>>,
    }

    impl DataPlane for Plane {
        fn apply(&self, snapshot: &Snapshot) -> Result<Opened, Refusal> {
            if self.refuse.get() {
                return Err(Refusal::Binds(vec![BindRefusal {
                    frontend: "f".into(),
                    address: snapshot.config.frontends[0].binds[0].address.clone(),
                    origin: model::Origin::BuiltIn,
                    reason: "Address already in use".to_owned(),
                }]));
            }
            self.generations.borrow_mut().push(snapshot.generation);
            Ok(Opened::default())
        }

        fn order(&self, order: &ServerOrder) -> Result<(), OrderError> {
            if &*order.server == "a" { Ok(()) } else { Err(OrderError::NoServer) }
        }
    }

    fn attempt() -> Attempt {
        Attempt { causes: vec![Cause::Signal("HUP")], at_ms: 1, spent: Duration::ZERO }
    }

    fn wanted(config: Config) -> Wanted {
        Wanted { config, problems: Vec::new() }
    }

    fn no_time() -> Duration {
        Duration::ZERO
    }

    #[test]
    fn generations_grow_only_with_what_runs() {
        let (plane, mut controller) = (Plane::default(), Controller::default());
        let one = config(&["127.0.0.1:1"], &[server("a", 1)]);
        let two = config(&["127.0.0.1:1"], &[server("a", 2)]);
        let report = controller.apply(&plane, wanted(one.clone()), attempt(), &no_time);
        assert!(matches!(report.verdict, Verdict::Applied(_)));
        let report = controller.apply(&plane, wanted(one.clone()), attempt(), &no_time);
        assert_eq!(report.verdict, Verdict::Unchanged);
        plane.refuse.set(true);
        let report = controller.apply(&plane, wanted(two.clone()), attempt(), &no_time);
        assert_eq!((report.verdict, report.done), (Verdict::Refused, Done::MayPass));
        assert!(controller.error().is_some_and(|e| e.contains("Address already in use")));
        assert_eq!(controller.running().map(|s| (*s.config).clone()), Some(one));
        plane.refuse.set(false);
        controller.apply(&plane, wanted(two), attempt(), &no_time);
        assert_eq!(controller.error(), None);
        assert_eq!(*plane.generations.borrow(), [1, 2]);
        assert_eq!((controller.history().applied(), controller.history().refused()), (2, 1));
    }

    #[test]
    fn ports_are_named_only_where_leaving_them_out_helps() {
        let bind = |origin, port: u16| BindRefusal {
            frontend: "f".into(),
            address: Address::Inet(std::net::SocketAddr::from(([0, 0, 0, 0], port))),
            origin,
            reason: "Address already in use".to_owned(),
        };
        let label = || Origin::Label { container: "c".into(), label: "VIRTUAL_HOST".into() };
        let theirs = Refusal::Binds(vec![bind(label(), 81), bind(label(), 82)]);
        assert_eq!(ports_of_containers(&theirs), [81, 82]);
        let mixed = Refusal::Binds(vec![bind(label(), 81), bind(Origin::BuiltIn, 80)]);
        assert!(ports_of_containers(&mixed).is_empty());
    }

    #[test]
    fn an_error_stays_until_something_is_applied_or_nothing_differs() {
        let (plane, mut controller) = (Plane::default(), Controller::default());
        let one = config(&["127.0.0.1:1"], &[server("a", 1)]);
        controller.apply(&plane, wanted(one.clone()), attempt(), &no_time);
        let report = controller.reject(attempt(), "a.cfg:3: bad".to_owned(), false);
        assert_eq!(report.done, Done::Refused);
        assert_eq!(controller.error(), Some("a.cfg:3: bad"));
        assert_eq!(controller.generation(), 1);
        controller.apply(&plane, wanted(one.clone()), attempt(), &no_time);
        assert_eq!(controller.error(), None);
    }

    #[test]
    fn what_is_wrong_with_the_files_stays_whatever_containers_do() {
        let (plane, mut controller) = (Plane::default(), Controller::default());
        let one = config(&["127.0.0.1:1"], &[server("a", 1)]);
        controller.take_files(one.clone(), Arc::default());
        controller.apply(&plane, wanted(one.clone()), attempt(), &no_time);
        controller.reject_files(attempt(), "a.cfg:3: bad".to_owned(), false);
        let more = config(&["127.0.0.1:1"], &[server("a", 1), server("b", 2)]);
        controller.apply(&plane, wanted(more), attempt(), &no_time);
        assert_eq!((controller.generation(), controller.error()), (2, Some("a.cfg:3: bad")));
        controller.take_files(one, Arc::default());
        assert_eq!(controller.error(), None);
    }

    #[test]
    fn a_problem_is_reported_once() {
        let (plane, mut controller) = (Plane::default(), Controller::default());
        let problem = Problem { origin: model::Origin::BuiltIn, reason: "bad port".to_owned() };
        let bad = Wanted {
            config: config(&["127.0.0.1:1"], &[server("a", 1)]),
            problems: vec![problem.clone()],
        };
        let first = controller.apply(&plane, bad.clone(), attempt(), &no_time);
        assert_eq!(first.new_problems, [problem]);
        let second = controller.apply(&plane, bad, attempt(), &no_time);
        assert!(second.new_problems.is_empty());
        assert_eq!(controller.problems().len(), 1);
    }

    #[test]
    fn only_orders_that_were_carried_out_are_remembered() {
        let (plane, mut controller) = (Plane::default(), Controller::default());
        let order = |server: &str| ServerOrder {
            backend: "b".into(),
            server: server.into(),
            what: ServerOrderKind::Drain,
        };
        assert_eq!(controller.order(&plane, &order("a")), Ok(()));
        assert_eq!(controller.order(&plane, &order("x")), Err(OrderError::NoServer));
        assert_eq!(controller.intent.overrides().iter().count(), 1);
    }
}

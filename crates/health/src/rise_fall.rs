//! From results to states: `rise`, `fall`, `disable-on-404`, `observe` (manual 5.2).

use std::time::Duration;

use model::{InitState, OnError, ServerCheck};

use crate::status::{CheckResult, CheckStatus, Outcome};

/// A change that a result brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Down now.
    Down,
    /// Up now.
    Up,
    /// Up, but nothing new for it (`http-check disable-on-404`).
    Stopping,
    /// Takes new sessions again.
    Running,
}

/// What observed traffic asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Observed {
    /// Nothing.
    Nothing,
    /// The next check comes early.
    CheckSoon,
    /// Too many errors: it counted as a failed check, with this change if any.
    Failed(Option<Change>),
}

/// The rise/fall counter of one server.
///
/// The counter goes from 0 to `rise + fall - 1`; from `rise` on the server is up. Unless
/// `init-state` says otherwise, a server starts up, one failure away from down, as in HAProxy.
#[derive(Clone, Debug)]
pub struct Health {
    rise: u32,
    fall: u32,
    counter: u32,
    is_stopping: bool,
    errors: u32,
    hurry: bool,
    last: Option<CheckResult>,
}

impl Health {
    /// A server seen for the first time.
    #[must_use]
    pub fn new(check: &ServerCheck) -> Self {
        let (rise, fall) = (check.rise.max(1), check.fall.max(1));
        let counter = initial(check);
        Self { rise, fall, counter, is_stopping: false, errors: 0, hurry: false, last: None }
    }

    /// Other `rise` and `fall` from now on; up stays up, down stays down.
    pub fn reconfigure(&mut self, check: &ServerCheck) {
        let (rise, fall) = (check.rise.max(1), check.fall.max(1));
        if (rise, fall) == (self.rise, self.fall) {
            return;
        }
        self.counter = if self.is_up() {
            (rise + (self.counter - self.rise)).min(rise + fall - 1)
        } else {
            self.counter.min(rise - 1)
        };
        (self.rise, self.fall) = (rise, fall);
    }

    /// Whether checks say up.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.counter >= self.rise
    }

    /// Whether it is up but asked for nothing new.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.is_stopping
    }

    /// The last finished check.
    #[must_use]
    pub fn last(&self) -> Option<&CheckResult> {
        self.last.as_ref()
    }

    /// Counter and goal as logs show them: "1/2" of `fall` while up, of `rise` while down.
    #[must_use]
    pub fn progress(&self) -> (u32, u32) {
        if self.is_up() {
            (self.counter - self.rise + 1, self.fall)
        } else {
            (self.counter, self.rise)
        }
    }

    /// Somebody else decided (runtime API, leaving maintenance): up and sound, or down.
    pub fn force(&mut self, up: bool) {
        self.counter = if up { self.rise + self.fall - 1 } else { 0 };
        self.is_stopping = false;
        self.errors = 0;
    }

    /// Leaving maintenance: as a server that is seen for the first time.
    pub fn restart(&mut self, check: &ServerCheck) {
        self.counter = initial(check);
        self.is_stopping = false;
        self.errors = 0;
        self.last = None;
    }

    /// What has failed so far says only that a server that begins does not listen yet: how it
    /// began counts again.
    pub fn begin_again(&mut self, check: &ServerCheck) {
        if !self.is_up() {
            self.counter = initial(check);
        }
    }

    /// Takes in a result. Returns the change, and whether `option log-health-checks` logs it:
    /// only what differs from the check before does.
    pub fn apply(&mut self, result: CheckResult) -> (Option<Change>, bool) {
        let before = (self.counter, self.last.as_ref().map(|r| (r.status, r.code)));
        let change = match result.status.outcome() {
            Outcome::Failed => self.fail(),
            Outcome::Passed => self.pass(false),
            Outcome::Conditional => self.pass(true),
        };
        let after = (self.counter, Some((result.status, result.code)));
        self.last = Some(result);
        self.hurry = false;
        (change, before != after)
    }

    fn pass(&mut self, conditional: bool) -> Option<Change> {
        self.errors = 0;
        if !self.is_up() {
            if conditional {
                return None;
            }
            self.counter += 1;
            if !self.is_up() {
                return None;
            }
            self.counter = self.rise + self.fall - 1;
            return Some(Change::Up);
        }
        self.counter = self.rise + self.fall - 1;
        let was = std::mem::replace(&mut self.is_stopping, conditional);
        match (was, conditional) {
            (false, true) => Some(Change::Stopping),
            (true, false) => Some(Change::Running),
            _ => None,
        }
    }

    fn fail(&mut self) -> Option<Change> {
        if self.counter > self.rise {
            self.counter -= 1;
            return None;
        }
        let was_up = self.is_up();
        self.counter = 0;
        self.is_stopping = false;
        was_up.then_some(Change::Down)
    }

    /// Traffic saw the server succeed or fail (`observe`).
    pub fn observe(&mut self, error: Option<&str>, check: &ServerCheck) -> Observed {
        if check.observe.is_none() || !self.is_up() {
            return Observed::Nothing;
        }
        let Some(error) = error else {
            self.errors = 0;
            return Observed::Nothing;
        };
        self.errors += 1;
        if self.errors < check.error_limit.max(1) {
            return Observed::Nothing;
        }
        self.errors = 0;
        match check.on_error {
            OnError::FastInter => {
                self.hurry = true;
                return Observed::CheckSoon;
            }
            OnError::FailCheck => {}
            OnError::SuddenDeath => {
                self.counter = self.counter.min(self.rise + 1);
                self.hurry = true;
            }
            OnError::MarkDown => self.counter = self.rise,
        }
        let count = check.error_limit.max(1);
        let info = format!("Detected {count} consecutive errors, last one was: {error}");
        let (change, _) = self.apply(CheckResult::with(CheckStatus::Hana, None, info));
        self.hurry = check.on_error != OnError::MarkDown;
        Observed::Failed(change)
    }

    /// Time between two checks in this state: `inter` while all is well, `downinter` while down,
    /// `fastinter` in between.
    #[must_use]
    pub fn interval(&self, check: &ServerCheck) -> Duration {
        if self.hurry {
            return check.fastinter.unwrap_or(check.inter);
        }
        if self.counter == self.rise + self.fall - 1 {
            check.inter
        } else if self.counter == 0 {
            check.downinter.unwrap_or(check.inter)
        } else {
            check.fastinter.unwrap_or(check.inter)
        }
    }
}

/// Where the counter of a new server stands.
fn initial(check: &ServerCheck) -> u32 {
    let (rise, fall) = (check.rise.max(1), check.fall.max(1));
    match check.init_state {
        InitState::FullyUp => rise + fall - 1,
        InitState::Up => rise,
        InitState::Down => rise - 1,
        InitState::FullyDown => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rise: u32, fall: u32) -> ServerCheck {
        ServerCheck {
            fastinter: Some(Duration::from_secs(1)),
            downinter: Some(Duration::from_secs(5)),
            rise,
            fall,
            ..ServerCheck::default()
        }
    }

    fn ok() -> CheckResult {
        CheckResult::new(CheckStatus::L4Ok)
    }
    fn bad() -> CheckResult {
        CheckResult::new(CheckStatus::L4Con)
    }

    #[test]
    fn failures_of_the_beginning_can_be_made_not_to_count() {
        let check = ServerCheck { init_state: InitState::Down, ..check(2, 3) };
        let mut health = Health::new(&check);
        health.apply(bad());
        assert_eq!(health.apply(ok()).0, None, "as in HAProxy: it takes `rise` then");
        let mut health = Health::new(&check);
        health.apply(bad());
        health.begin_again(&check);
        assert_eq!(health.apply(ok()).0, Some(Change::Up));
        health.begin_again(&check);
        assert!(health.is_up());
    }

    #[test]
    fn init_state_decides_how_far_a_new_server_is_from_the_other_state() {
        use InitState::{Down, FullyDown, FullyUp, Up};
        for (init_state, results, up) in [
            (FullyUp, &[bad(), bad()][..], true),
            (FullyUp, &[bad(), bad(), bad()], false),
            (Up, &[bad()], false),
            (Down, &[], false),
            (Down, &[ok()], true),
            (FullyDown, &[ok()], false),
            (FullyDown, &[ok(), ok()], true),
        ] {
            let mut h = Health::new(&ServerCheck { init_state, ..check(2, 3) });
            for result in results {
                let _ = h.apply(result.clone());
            }
            assert_eq!(h.is_up(), up, "{init_state:?} after {} results", results.len());
        }
    }

    #[test]
    fn the_first_failure_is_fatal_later_ones_are_counted() {
        let mut h = Health::new(&check(2, 3));
        assert_eq!(h.progress(), (1, 3));
        assert_eq!(h.apply(bad()), (Some(Change::Down), true));
        assert_eq!(h.progress(), (0, 2));
        assert_eq!(h.apply(bad()), (None, false), "nothing new to log");
        assert_eq!(h.apply(ok()), (None, true));
        assert_eq!(h.progress(), (1, 2));
        assert_eq!(h.apply(ok()).0, Some(Change::Up));
        assert_eq!(h.progress(), (3, 3));
        assert_eq!(h.apply(bad()).0, None);
        assert_eq!(h.apply(bad()).0, None);
        assert_eq!(h.progress(), (1, 3));
        assert_eq!(h.apply(ok()).0, None);
        assert_eq!(h.progress(), (3, 3), "one success and all is forgiven");
        let changes: Vec<_> = (0..3).map(|_| h.apply(bad()).0).collect();
        assert_eq!(changes, [None, None, Some(Change::Down)]);
        assert_eq!(h.apply(ok()).0, None);
        assert_eq!(h.apply(bad()).0, None);
        assert_eq!(h.progress(), (0, 2), "a failure on the way up starts over");
    }

    #[test]
    fn intervals_follow_the_state() {
        let c = check(2, 2);
        let mut h = Health::new(&c);
        assert_eq!(h.interval(&c), Duration::from_secs(1));
        h.apply(ok());
        assert_eq!(h.interval(&c), Duration::from_secs(2));
        h.apply(bad());
        assert_eq!(h.interval(&c), Duration::from_secs(1));
        h.apply(bad());
        assert_eq!(h.interval(&c), Duration::from_secs(5));
        let plain = ServerCheck { fastinter: None, downinter: None, ..c };
        assert_eq!(h.interval(&plain), Duration::from_secs(2));
    }

    #[test]
    fn conditional_success_stops_and_resumes() {
        let mut h = Health::new(&check(2, 2));
        let conditional = || CheckResult::with(CheckStatus::L7Okc, Some(404), "");
        assert_eq!(h.apply(conditional()).0, Some(Change::Stopping));
        assert_eq!(h.apply(conditional()), (None, false));
        assert!(h.is_up() && h.is_stopping());
        assert_eq!(h.apply(ok()).0, Some(Change::Running));
        h.force(false);
        assert_eq!(h.apply(conditional()).0, None, "does not bring a server up");
        assert!(!h.is_up());
    }

    #[test]
    fn observed_errors_act_as_told() {
        use model::Observe::Layer7;
        let with = |on_error| ServerCheck {
            observe: Some(Layer7),
            error_limit: 3,
            on_error,
            ..check(2, 3)
        };
        let after = |on_error| {
            let c = with(on_error);
            let mut h = Health::new(&c);
            h.force(true);
            assert_eq!(h.observe(Some("Wrong http response"), &c), Observed::Nothing);
            assert_eq!(h.observe(None, &c), Observed::Nothing, "a success starts over");
            h.observe(Some("Wrong http response"), &c);
            h.observe(Some("Wrong http response"), &c);
            let observed = h.observe(Some("Wrong http response"), &c);
            (observed, h.progress(), h.interval(&c).as_secs())
        };
        assert_eq!(after(OnError::FastInter), (Observed::CheckSoon, (3, 3), 1));
        assert_eq!(after(OnError::FailCheck), (Observed::Failed(None), (2, 3), 1));
        assert_eq!(after(OnError::SuddenDeath), (Observed::Failed(None), (1, 3), 1));
        assert_eq!(after(OnError::MarkDown), (Observed::Failed(Some(Change::Down)), (0, 2), 5));
    }

    #[test]
    fn other_limits_keep_the_state() {
        let mut h = Health::new(&check(2, 3));
        h.force(true);
        h.reconfigure(&check(5, 2));
        assert!(h.is_up());
        assert_eq!(h.progress(), (2, 2));
        h.force(false);
        h.apply(ok());
        h.reconfigure(&check(1, 1));
        assert!(!h.is_up());
    }
}

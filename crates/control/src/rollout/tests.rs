//! Every way that a rollout can go.

use super::*;

const SETTINGS: Settings = Settings {
    parallel: 1,
    ready_timeout: Duration::from_secs(60),
    drain_timeout: Duration::from_secs(30),
};

/// A service of which every wish comes true unless told otherwise, and what was done to it.
struct Town {
    rollout: Rollout,
    now: Duration,
    seen: Seen,
    made: usize,
    done: Vec<String>,
}

fn names(list: &[Name]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join("+")
}

impl Town {
    fn new(old: &[&str], settings: Settings) -> Self {
        let old: Vec<Name> = old.iter().map(|n| (*n).into()).collect();
        let rollout = Rollout::new(old, settings);
        Self { rollout, now: Duration::ZERO, seen: Seen::default(), made: 0, done: Vec::new() }
    }

    fn carried(&mut self, result: Result<(), &str>) {
        let told = Told::Carried(result.map_err(str::to_owned));
        self.rollout.told(self.now, told);
    }

    /// Takes one step, and tells that it went well; the step.
    fn step(&mut self, sight: Sight) -> Step {
        let step = self.rollout.step(self.now, &self.seen);
        match &step {
            Step::Start(old) => {
                let new: Vec<Name> = old.iter().map(|o| format!("{o}'").as_str().into()).collect();
                self.made += new.len();
                let all = new.iter().map(|n| (n.clone(), sight.clone()));
                self.seen.replicas.extend(all);
                self.done.push(format!("start {}", names(&new)));
                self.rollout.told(self.now, Told::Started(new, None));
            }
            Step::TakeOut(old) => {
                self.done.push(format!("out {}", names(old)));
                self.carried(Ok(()));
            }
            Step::End(old, left) => {
                self.done.push(format!("end {} ({left})", names(old)));
                self.carried(Ok(()));
            }
            Step::Undo { back, end } => {
                self.done.push(format!("back [{}] end [{}]", names(back), names(end)));
                self.carried(Ok(()));
            }
            Step::Look | Step::Done | Step::Failed(_) => {}
        }
        step
    }

    /// Steps until there is nothing to do but to look; the last step.
    fn go(&mut self, sight: Sight) -> Step {
        loop {
            let step = self.step(sight.clone());
            if matches!(step, Step::Look | Step::Done | Step::Failed(_)) {
                return step;
            }
        }
    }

    fn see(&mut self, id: &str, sight: Sight) {
        self.seen.replicas.insert(id.into(), sight);
    }
}

fn waits() -> Sight {
    Sight::Waits("its check has not passed".to_owned())
}

#[test]
fn one_after_the_other_each_ready_before_its_old_one_goes() {
    let mut town = Town::new(&["a", "b"], SETTINGS);
    assert_eq!(town.go(Sight::Serves), Step::Done);
    let expected =
        ["start a'", "out a", "end a (0)", "start b'", "out b", "end b (0)"].map(str::to_owned);
    assert_eq!(town.done, expected);
    assert_eq!(town.rollout.replaced(), 2);
}

#[test]
fn several_together() {
    for (parallel, batches) in [
        (0, &["start a'", "start b'", "start c'"][..]),
        (2, &["start a'+b'", "start c'"]),
        (9, &["start a'+b'+c'"]),
    ] {
        let mut town = Town::new(&["a", "b", "c"], Settings { parallel, ..SETTINGS });
        assert_eq!(town.go(Sight::Serves), Step::Done);
        let starts: Vec<&String> = town.done.iter().filter(|d| d.starts_with("start")).collect();
        assert_eq!(starts, batches, "{parallel}");
    }
}

#[test]
fn nothing_old_goes_before_all_new_ones_of_its_batch_are_ready() {
    let mut town = Town::new(&["a", "b"], Settings { parallel: 2, ..SETTINGS });
    assert_eq!(town.go(waits()), Step::Look);
    town.see("a'", Sight::Serves);
    assert_eq!(town.go(waits()), Step::Look);
    assert_eq!(town.done, ["start a'+b'"]);
    town.see("b'", Sight::Serves);
    assert_eq!(town.go(waits()), Step::Done);
    assert_eq!(town.done[1..], ["out a+b", "end a+b (0)"]);
}

#[test]
fn a_new_one_that_is_never_ready_is_taken_away_and_the_old_one_stays() {
    let mut town = Town::new(&["a", "b"], SETTINGS);
    assert_eq!(town.go(waits()), Step::Look);
    town.now = SETTINGS.ready_timeout - Duration::from_millis(1);
    assert_eq!(town.go(waits()), Step::Look);
    town.now = SETTINGS.ready_timeout;
    let Step::Failed(reason) = town.go(waits()) else { panic!("it goes on") };
    assert_eq!(reason, "a new replica is not ready after 60 s: its check has not passed");
    assert_eq!(town.done, ["start a'", "back [] end [a']"]);
    assert_eq!(town.rollout.replaced(), 0);
}

#[test]
fn one_that_the_balancer_never_sees_is_not_ready_either() {
    let mut town = Town::new(&["a"], SETTINGS);
    town.go(waits());
    town.seen.replicas.clear();
    town.now = SETTINGS.ready_timeout;
    let Step::Failed(reason) = town.go(waits()) else { panic!("it goes on") };
    assert!(reason.ends_with("the balancer has not seen it yet"), "{reason}");
}

#[test]
fn a_new_one_that_ends_is_not_waited_for() {
    let mut town = Town::new(&["a"], SETTINGS);
    town.go(waits());
    town.see("a'", Sight::Lost("it ended".to_owned()));
    let failed = Step::Failed("a new replica failed: it ended".to_owned());
    assert_eq!(town.go(waits()), failed);
    assert_eq!(town.done, ["start a'", "back [] end [a']"]);
    assert_eq!(town.go(waits()), failed, "and it stays so");
}

#[test]
fn a_new_one_that_fails_under_load_gives_the_old_one_its_requests_back() {
    for sight in [waits(), Sight::Lost("it ended".to_owned())] {
        let mut town = Town::new(&["a"], SETTINGS);
        town.seen.in_flight.insert("a".into(), 3);
        assert_eq!(town.go(Sight::Serves), Step::Look);
        town.see("a'", sight);
        assert!(matches!(town.go(waits()), Step::Failed(_)));
        assert_eq!(town.done[1..], ["out a", "back [a] end [a']"]);
    }
    let mut town = Town::new(&["a"], SETTINGS);
    town.seen.in_flight.insert("a".into(), 3);
    town.go(Sight::Serves);
    town.seen.replicas.clear();
    assert_eq!(town.go(waits()), Step::Failed("a new replica is gone".to_owned()));
}

#[test]
fn requests_in_flight_have_their_time_and_no_more() {
    let mut town = Town::new(&["a"], SETTINGS);
    town.seen.in_flight.insert("a".into(), 2);
    assert_eq!(town.go(Sight::Serves), Step::Look);
    town.seen.in_flight.insert("a".into(), 1);
    town.now = SETTINGS.drain_timeout - Duration::from_millis(1);
    assert_eq!(town.go(Sight::Serves), Step::Look);
    town.now = SETTINGS.drain_timeout;
    assert_eq!(town.go(Sight::Serves), Step::Done);
    assert_eq!(town.done[1..], ["out a", "end a (1)"]);
}

#[test]
fn what_cannot_be_started_is_undone() {
    let mut town = Town::new(&["a", "b"], Settings { parallel: 2, ..SETTINGS });
    assert!(matches!(town.rollout.step(town.now, &town.seen), Step::Start(_)));
    let told = Told::Started(vec!["a'".into()], Some("no such image".to_owned()));
    town.rollout.told(town.now, told);
    assert_eq!(town.go(waits()), Step::Failed("no such image".to_owned()));
    assert_eq!(town.done, ["back [] end [a']"]);
}

#[test]
fn what_cannot_be_taken_out_is_put_back() {
    let mut town = Town::new(&["a"], SETTINGS);
    town.step(Sight::Serves);
    assert_eq!(town.rollout.step(town.now, &town.seen), Step::TakeOut(vec!["a".into()]));
    town.carried(Err("nobody answers"));
    assert_eq!(town.go(waits()), Step::Failed("nobody answers".to_owned()));
    assert_eq!(town.done, ["start a'", "back [a] end [a']"]);
}

#[test]
fn an_old_one_that_does_not_end_ends_the_rollout() {
    let mut town = Town::new(&["a", "b"], SETTINGS);
    town.step(Sight::Serves);
    town.step(Sight::Serves);
    assert!(matches!(town.rollout.step(town.now, &town.seen), Step::End(..)));
    town.carried(Err("the engine is away"));
    assert_eq!(town.go(waits()), Step::Failed("the engine is away".to_owned()));
    assert_eq!(town.done, ["start a'", "out a"], "the new one stays: it has the requests");
}

#[test]
fn what_cannot_be_undone_is_said() {
    let mut town = Town::new(&["a"], SETTINGS);
    town.go(waits());
    town.now = SETTINGS.ready_timeout;
    assert!(matches!(town.rollout.step(town.now, &town.seen), Step::Undo { .. }));
    town.carried(Err("the engine is away"));
    let Step::Failed(reason) = town.go(waits()) else { panic!("it goes on") };
    assert!(reason.ends_with("has not passed; and then: the engine is away"), "{reason}");
}

#[test]
fn an_interruption_undoes_what_is_under_way() {
    let mut town = Town::new(&["a"], SETTINGS);
    town.rollout.interrupt("interrupted");
    assert_eq!(town.go(waits()), Step::Failed("interrupted".to_owned()));
    assert_eq!(town.done, [""; 0]);
    let mut town = Town::new(&["a"], SETTINGS);
    town.go(waits());
    town.rollout.interrupt("interrupted");
    assert_eq!(town.go(waits()), Step::Failed("interrupted".to_owned()));
    assert_eq!(town.done, ["start a'", "back [] end [a']"]);
    let mut town = Town::new(&["a"], SETTINGS);
    town.seen.in_flight.insert("a".into(), 1);
    town.go(Sight::Serves);
    town.rollout.interrupt("interrupted");
    assert_eq!(town.go(waits()), Step::Failed("interrupted".to_owned()));
    assert_eq!(town.done[1..], ["out a", "back [a] end [a']"]);
    town.rollout.interrupt("again");
    assert_eq!(town.go(waits()), Step::Failed("interrupted".to_owned()));
}

#[test]
fn nobody_is_nothing_to_do() {
    let mut town = Town::new(&[], SETTINGS);
    assert_eq!(town.go(waits()), Step::Done);
    assert_eq!(town.rollout.replaced(), 0);
}

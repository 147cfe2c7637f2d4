//! When a service is asked for next and what an answer means: pure, moments are arguments.
//!
//! Three things are never believed at once: an answer of a Consul without a leader or behind it, a
//! service that lost all its instances from one answer to the next, and a state that began anew.

use std::collections::HashSet;
use std::time::Duration;

use model::consul::{Instance, ServiceQuery};

use crate::backoff::Backoff;

/// Between two questions about one service, once the burst is used up.
const INTERVAL: Duration = Duration::from_millis(100);
/// Questions that may follow each other without a pause.
const BURST: u32 = 2;
/// Waits after failures: the first and the longest, each up to half longer by chance.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_LONGEST: Duration = Duration::from_secs(10);
/// Shortest wait that a question asks for; none at all would mean minutes to Consul.
const WAIT_MIN: Duration = Duration::from_secs(1);

/// How old an answer may be, in Consul's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// `stale`: any server answers.
    Stale,
    /// The leader answers.
    Default,
    /// `consistent`: a leader answers that has just proved to be one.
    Consistent,
}

/// What to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    /// When, since the origin.
    pub at: Duration,
    /// Answer when the index is greater than this; 0 = at once.
    pub index: u64,
    /// Answer after this time at the latest.
    pub wait: Duration,
    /// How old the answer may be.
    pub mode: Mode,
}

/// A good answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// `X-Consul-Index`.
    pub index: u64,
    /// `X-Consul-KnownLeader`.
    pub known_leader: bool,
    /// `X-Consul-LastContact`: how far behind its leader the server may be.
    pub last_contact: Duration,
    /// By node and id.
    pub instances: Vec<Instance>,
}

/// An instance that a Consul with a new state does not know.
#[derive(Debug)]
struct Held {
    instance: Instance,
    until: Duration,
}

/// Everything that is known about the answers to one query.
#[derive(Debug)]
pub(super) struct Pace {
    /// The answers are names of services.
    catalog: bool,
    wait: Duration,
    keep: Duration,
    stale: Option<Duration>,
    /// For the next question.
    index: u64,
    /// Of the last good answer.
    seen: u64,
    /// When the allowance of questions is whole again.
    free_at: Duration,
    retry_at: Duration,
    backoff: Backoff,
    failed: bool,
    /// The last answer was behind: the leader is asked.
    doubtful: bool,
    /// An answer without instances is to be confirmed.
    confirming: bool,
    known: bool,
    live: Vec<Instance>,
    held: Vec<Held>,
}

impl Pace {
    /// Nothing is known.
    pub(super) fn new(query: &ServiceQuery) -> Self {
        Self {
            catalog: query.service.is_empty(),
            wait: query.wait,
            keep: query.keep,
            stale: query.stale,
            index: 0,
            seen: 0,
            free_at: Duration::ZERO,
            retry_at: Duration::ZERO,
            backoff: Backoff::between(RETRY_FIRST, RETRY_LONGEST),
            failed: false,
            doubtful: false,
            confirming: false,
            known: false,
            live: Vec::new(),
            held: Vec::new(),
        }
    }

    /// The next question.
    pub(super) fn next(&mut self, now: Duration) -> Question {
        let allowed = self.free_at.saturating_sub(INTERVAL * (BURST - 1));
        let at = now.max(allowed).max(self.retry_at);
        self.free_at = self.free_at.max(at) + INTERVAL;
        let soonest = self.held.iter().map(|h| h.until.saturating_sub(at)).min();
        let wait = soonest.map_or(self.wait, |left| left.min(self.wait)).max(WAIT_MIN);
        let mode = match self.stale {
            _ if self.confirming => Mode::Consistent,
            Some(_) if !self.doubtful => Mode::Stale,
            _ => Mode::Default,
        };
        Question { at, index: self.index, wait, mode }
    }

    /// Takes an answer; a reason when it cannot be trusted. Then it has added what was missing and
    /// removed nothing.
    pub(super) fn heard(
        &mut self,
        now: Duration,
        random: u64,
        answer: Answer,
    ) -> Result<(), String> {
        let bound = self.stale.unwrap_or(Duration::MAX);
        if !answer.known_leader || answer.last_contact > bound {
            let reason = match answer.known_leader {
                false => "it knows no leader".to_owned(),
                true => format!("it is {} ms behind its leader", answer.last_contact.as_millis()),
            };
            self.add(answer.instances);
            self.failed(now, random);
            self.doubtful = true;
            return Err(reason);
        }
        let index = answer.index.max(1);
        let back = index < self.seen;
        let emptied = answer.instances.is_empty() && !self.live.is_empty();
        let was_away = std::mem::take(&mut self.failed);
        // The index of a new state may have caught up meanwhile. A name that is kept too long costs
        // a watch, and that watch says what became of the instances.
        let anew = back || (was_away && (emptied || self.catalog));
        self.seen = index;
        self.doubtful = false;
        self.backoff.reset();
        if emptied && !anew && !self.confirming {
            self.confirming = true;
            self.index = 0;
            return Ok(());
        }
        self.confirming = false;
        // After a step back the next question is not to wait for an index of the old state.
        self.index = if back { 0 } else { index };
        let keys: HashSet<_> = answer.instances.iter().map(key).collect();
        let places: HashSet<_> = answer.instances.iter().map(|i| (i.ip, i.port)).collect();
        let catalog = self.catalog;
        if anew {
            let until = now.saturating_add(self.keep);
            let before = self.live.drain(..).map(|instance| Held { instance, until });
            self.held.extend(before);
        }
        self.held.retain(|h| {
            let place = (h.instance.ip, h.instance.port);
            h.until > now
                && !keys.contains(&key(&h.instance))
                && (catalog || !places.contains(&place))
        });
        drop(keys);
        self.live = answer.instances;
        self.known = true;
        Ok(())
    }

    /// No answer, or a bad one: what is known stays, and the next answer is to come at once. A new
    /// state may have a smaller index, for which an old one would wait in vain.
    pub(super) fn failed(&mut self, now: Duration, random: u64) {
        self.failed = true;
        self.index = 0;
        self.retry_at = now.saturating_add(self.backoff.next(random));
    }

    /// Forgets what was kept long enough.
    pub(super) fn expire(&mut self, now: Duration) {
        self.held.retain(|h| h.until > now);
    }

    /// Whether there has been an answer that counts.
    pub(super) fn is_known(&self) -> bool {
        self.known
    }

    /// How many instances serve on that Consul does not have any more.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// The instances that count.
    pub(super) fn instances(&self) -> Vec<Instance> {
        self.live.iter().chain(self.held.iter().map(|h| &h.instance)).cloned().collect()
    }

    fn add(&mut self, instances: Vec<Instance>) {
        for instance in instances {
            let same = |i: &Instance| key(i) == key(&instance);
            if !self.live.iter().any(same) && !self.held.iter().any(|h| same(&h.instance)) {
                self.known = true;
                self.live.push(instance);
            }
        }
    }
}

/// What Consul keeps apart.
fn key(instance: &Instance) -> (model::Name, model::Name) {
    (instance.node.clone(), instance.id.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    fn instance(id: &str) -> Instance {
        let last = id.bytes().next().unwrap_or_default();
        Instance {
            node: "n".into(),
            id: id.into(),
            ip: [10, 0, 0, last].into(),
            port: 80,
            weight: 1,
            tags: Vec::new(),
            meta: std::collections::BTreeMap::new(),
        }
    }

    fn answer(index: u64, ids: &str) -> Answer {
        let instances = ids.chars().map(|c| instance(&c.to_string())).collect();
        Answer { index, known_leader: true, last_contact: Duration::ZERO, instances }
    }

    fn pace() -> Pace {
        Pace::new(&ServiceQuery::new("web".into()))
    }

    fn ids(pace: &Pace) -> String {
        let mut ids: Vec<String> = pace.instances().iter().map(|i| i.id.to_string()).collect();
        ids.sort();
        ids.concat()
    }

    fn hear(pace: &mut Pace, now: Duration, index: u64, instances: &str) -> String {
        let said = pace.heard(now, 0, answer(index, instances));
        assert_eq!(said, Ok(()));
        ids(pace)
    }

    #[test]
    fn n1_n2_each_question_waits_for_the_index_that_was_seen() {
        let mut p = pace();
        assert_eq!(p.next(S).index, 0);
        for (index, next) in [(7, 7), (7, 7), (9, 9)] {
            hear(&mut p, S, index, "a");
            let question = p.next(S);
            assert_eq!((question.index, question.wait), (next, 60 * S));
        }
        // An index of 0 would never wait.
        let mut p = pace();
        hear(&mut p, S, 0, "a");
        assert_eq!(p.next(S).index, 1);
    }

    #[test]
    fn n3_a_burst_is_answered_at_once_and_the_rest_at_intervals() {
        let mut p = pace();
        let at: Vec<u128> = (0..5).map(|_| p.next(S).at.as_millis()).collect();
        assert_eq!(at, [1000, 1000, 1100, 1200, 1300]);
        // After a quiet time, at once again.
        assert_eq!(p.next(9 * S).at, 9 * S);
        assert_eq!(p.next(9 * S).at, 9 * S);
    }

    #[test]
    fn n2_c5_an_index_that_goes_back_is_taken_and_asked_for_anew() {
        let mut p = pace();
        hear(&mut p, S, 900, "abc");
        // What the new state has counts, what it has not serves on for a while.
        assert_eq!(hear(&mut p, 2 * S, 40, "ad"), "abcd");
        assert_eq!((p.held(), p.next(2 * S).index), (2, 0));
        assert_eq!(hear(&mut p, 2 * S, 40, "ad"), "abcd");
        assert_eq!(p.next(3 * S).index, 40);
        // Who registers again is no longer held.
        assert_eq!(hear(&mut p, 4 * S, 41, "abd"), "abcd");
        assert_eq!(p.held(), 1);
        // An ordinary removal counts at once.
        assert_eq!(hear(&mut p, 5 * S, 42, "bd"), "bcd");
        let end = 2 * S + Duration::from_secs(300);
        assert_eq!(p.next(end - 5 * S).wait, 5 * S);
        p.expire(end);
        assert_eq!(ids(&p), "bd");
    }

    #[test]
    fn n6_c2_c12_failures_keep_what_is_known_and_wait_longer_each_time() {
        let mut p = pace();
        hear(&mut p, S, 5, "ab");
        let mut now = 2 * S;
        let mut waits = Vec::new();
        for _ in 0..8 {
            p.failed(now, 0);
            let question = p.next(now);
            assert_eq!(question.index, 0, "a new state may have a smaller index");
            waits.push((question.at - now).as_millis());
            now = question.at;
        }
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 8000, 10000, 10000]);
        assert_eq!(ids(&p), "ab");
        // Back with the same state: removals count at once.
        assert_eq!(hear(&mut p, now, 6, "a"), "a");
        assert_eq!(p.next(now + S).at, now + S);
    }

    #[test]
    fn n7_no_instance_at_all_is_asked_for_again_before_it_counts() {
        let mut p = pace();
        hear(&mut p, S, 5, "ab");
        assert_eq!(hear(&mut p, 2 * S, 6, ""), "ab");
        let question = p.next(2 * S);
        assert_eq!((question.index, question.mode), (0, Mode::Consistent));
        assert_eq!(hear(&mut p, 2 * S, 6, ""), "");
        assert_eq!(p.next(9 * S).mode, Mode::Default);
        // The second answer may as well say otherwise.
        hear(&mut p, 9 * S, 7, "ab");
        assert_eq!(hear(&mut p, 9 * S, 8, ""), "ab");
        assert_eq!(hear(&mut p, 9 * S, 8, "b"), "b");
    }

    #[test]
    fn d12_a_consul_that_comes_back_empty_does_not_empty_the_backend() {
        // Its index may be greater by then.
        for index in [3, 50] {
            let mut p = pace();
            hear(&mut p, S, 20, "ab");
            p.failed(2 * S, 0);
            assert_eq!(hear(&mut p, 3 * S, index, ""), "ab");
            assert_eq!(p.held(), 2);
            assert_eq!(hear(&mut p, 4 * S, index + 1, "b"), "ab");
            p.expire(3 * S + Duration::from_secs(300));
            assert_eq!(ids(&p), "b");
        }
    }

    #[test]
    fn n5_c4_an_answer_without_a_leader_or_behind_it_adds_and_removes_nothing() {
        let mut query = ServiceQuery::new("web".into());
        query.stale = Some(2 * S);
        let mut p = Pace::new(&query);
        assert_eq!(p.next(S).mode, Mode::Stale);
        hear(&mut p, S, 5, "ab");
        let lost = Answer { known_leader: false, ..answer(5, "c") };
        assert_eq!(p.heard(2 * S, 0, lost), Err("it knows no leader".to_owned()));
        assert_eq!(ids(&p), "abc");
        let question = p.next(2 * S);
        assert_eq!((question.index, question.mode), (0, Mode::Default));
        let behind = Answer { last_contact: 3 * S, ..answer(5, "") };
        let reason = Err("it is 3000 ms behind its leader".to_owned());
        assert_eq!(p.heard(3 * S, 0, behind), reason);
        assert_eq!(ids(&p), "abc");
        assert_eq!(hear(&mut p, 4 * S, 6, "a"), "a");
        assert_eq!(p.next(4 * S).mode, Mode::Stale);
    }

    #[test]
    fn d12_names_of_services_are_kept_for_a_while_whatever_the_index() {
        let mut p = Pace::new(&ServiceQuery::new("".into()));
        hear(&mut p, S, 20, "ab");
        assert_eq!(hear(&mut p, S, 21, "abc"), "abc");
        assert_eq!(hear(&mut p, S, 22, "bc"), "bc");
        p.failed(2 * S, 0);
        assert_eq!(hear(&mut p, 3 * S, 50, "b"), "bc");
        p.expire(3 * S + Duration::from_secs(300));
        assert_eq!(ids(&p), "b");
    }

    #[test]
    fn a_service_that_has_no_instance_yet_is_known_to_have_none() {
        let mut p = pace();
        assert!(!p.is_known());
        assert_eq!(hear(&mut p, S, 5, ""), "");
        assert!(p.is_known());
        assert_eq!(p.next(S).index, 5);
    }

    #[test]
    fn a_held_instance_gives_way_to_another_at_its_place() {
        let mut p = pace();
        hear(&mut p, S, 900, "a");
        let mut other = answer(3, "a");
        other.instances[0].id = "z".into();
        assert_eq!(p.heard(2 * S, 0, other), Ok(()));
        assert_eq!((ids(&p).as_str(), p.held()), ("z", 0));
    }
}

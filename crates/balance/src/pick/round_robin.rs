//! `balance roundrobin`: smooth weighted round robin whose weights may change at any time.
//!
//! A cycle is as long as the sum of the weights. Servers that have not served in this cycle wait
//! in `fresh`, heaviest first. A server that served gets its next position, `total / weight`
//! further on, and waits in `due`; a position beyond the cycle puts it into `done`, the fresh
//! list of the next cycle. Each pick takes a due server whose position has come, else a fresh
//! one, else the nearest due one. With equal weights this is a, b, c, a, b, c.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// State of the algorithm; indices are the fleet's.
#[derive(Clone, Debug, Default)]
pub(crate) struct RoundRobin {
    servers: Vec<Entry>,
    total: u64,
    position: u64,
    served: u64,
    fresh: BinaryHeap<Fresh>,
    due: BinaryHeap<Due>,
    done: Vec<Due>,
    skipped: Vec<Turn>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    weight: u32,
    /// Number of the pick that served it last: who waited longest goes first among equals.
    last: u64,
}

#[derive(Clone, Copy, Debug)]
enum Turn {
    Fresh(Fresh),
    Due(Due),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fresh {
    weight: u32,
    last: u64,
    index: usize,
}

/// A position is `whole + rest / weight`; `turn` is the number of the pick that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Due {
    whole: u64,
    rest: u32,
    weight: u32,
    turn: u64,
    index: usize,
}

impl Ord for Fresh {
    /// The greatest is taken first: heavier, then longer ago, then lower index.
    fn cmp(&self, o: &Self) -> Ordering {
        self.weight.cmp(&o.weight).then(o.last.cmp(&self.last)).then(o.index.cmp(&self.index))
    }
}

impl PartialOrd for Fresh {
    fn partial_cmp(&self, o: &Self) -> Option<Ordering> {
        Some(self.cmp(o))
    }
}

impl Ord for Due {
    /// The greatest is taken first: nearer in whole turns, then less to go to the next one, then
    /// longer in the list, as HAProxy's sequences show.
    fn cmp(&self, o: &Self) -> Ordering {
        let to_go = |d: &Self| i64::from(d.rest) - i64::from(d.weight);
        o.whole
            .cmp(&self.whole)
            .then(to_go(o).cmp(&to_go(self)))
            .then(o.turn.cmp(&self.turn))
            .then(o.index.cmp(&self.index))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, o: &Self) -> Option<Ordering> {
        Some(self.cmp(o))
    }
}

impl RoundRobin {
    /// Adopts a new set of weights (0 = not in the set), one per server of the fleet.
    /// `origin` tells for each which index it had before, so that everybody keeps their turn, and
    /// `at_once` whether it is next where it has never served.
    pub(crate) fn reweigh(
        &mut self,
        weights: &[u32],
        origin: impl Fn(usize) -> Option<usize>,
        at_once: impl Fn(usize) -> bool,
    ) {
        let old = std::mem::take(&mut self.servers);
        let old_total = self.total.max(1);
        let mut due_at: Vec<Option<u64>> = vec![None; old.len()];
        for d in self.due.drain().chain(self.done.drain(..)) {
            due_at[d.index] = Some(d.whole.saturating_sub(self.position));
        }
        for f in self.fresh.drain() {
            due_at[f.index] = Some(0);
        }
        // Whoever had their share of the cycle comes where they would have without its end.
        self.total = weights.iter().map(|w| u64::from(*w)).sum();
        self.position = 0;
        self.servers = Vec::with_capacity(weights.len());
        self.fresh.reserve(weights.len());
        self.due.reserve(weights.len());
        self.done.reserve(weights.len());
        self.skipped = Vec::with_capacity(weights.len());
        for (index, &weight) in weights.iter().enumerate() {
            let from = origin(index).filter(|&o| o < old.len());
            let last = from.map_or(0, |o| old[o].last);
            self.servers.push(Entry { weight, last });
            if weight == 0 {
                continue;
            }
            if self.served == 0 {
                self.fresh.push(Fresh { weight, last, index });
                continue;
            }
            let whole = match from.and_then(|o| due_at[o]) {
                Some(ahead) => ahead * self.total / old_total,
                None if last == 0 && at_once(index) => 0,
                // A newcomer goes behind those who have been waiting.
                None => self.total / u64::from(weight),
            };
            self.queue(Due { whole, rest: 0, weight, turn: last, index });
        }
    }

    fn queue(&mut self, due: Due) {
        if due.whole >= self.total {
            self.done.push(due);
        } else {
            self.due.push(due);
        }
    }

    fn start_cycle(&mut self) {
        self.position = 0;
        for Due { index, weight, .. } in self.due.drain().chain(self.done.drain(..)) {
            let last = self.servers[index].last;
            self.fresh.push(Fresh { weight, last, index });
        }
        for turn in &mut self.skipped {
            let Entry { weight, last } = self.servers[turn.index()];
            *turn = Turn::Fresh(Fresh { weight, last, index: turn.index() });
        }
    }

    /// The next server that `accepts`; the ones passed over keep their turn.
    pub(crate) fn pick(&mut self, mut accepts: impl FnMut(usize) -> bool) -> Option<usize> {
        let chosen = loop {
            let exhausted = self.fresh.is_empty() && self.due.is_empty();
            if exhausted && self.done.is_empty() {
                break None;
            }
            if exhausted || self.position >= self.total {
                self.start_cycle();
            }
            let Some(turn) = self.next_turn() else { break None };
            if accepts(turn.index()) {
                break Some(turn);
            }
            self.skipped.push(turn);
        };
        while let Some(turn) = self.skipped.pop() {
            match turn {
                Turn::Fresh(f) => self.fresh.push(f),
                Turn::Due(d) => self.due.push(d),
            }
        }
        let turn = chosen?;
        self.serve(turn);
        Some(turn.index())
    }

    fn next_turn(&mut self) -> Option<Turn> {
        if let Some(d) = self.due.peek()
            && d.whole <= self.position
        {
            return self.due.pop().map(Turn::Due);
        }
        if let Some(f) = self.fresh.pop() {
            return Some(Turn::Fresh(f));
        }
        self.due.pop().map(Turn::Due)
    }

    fn serve(&mut self, turn: Turn) {
        let index = turn.index();
        self.served += 1;
        self.servers[index].last = self.served;
        let weight = self.servers[index].weight.max(1);
        let (whole, rest) = match turn {
            Turn::Fresh(_) => (self.position, 0),
            Turn::Due(d) => (d.whole, d.rest),
        };
        let sum = u64::from(rest) + self.total % u64::from(weight);
        let whole = whole + self.total / u64::from(weight) + sum / u64::from(weight);
        let rest = (sum % u64::from(weight)) as u32;
        self.queue(Due { whole, rest, weight, turn: self.served, index });
        self.position += 1;
    }
}

impl Turn {
    fn index(&self) -> usize {
        match self {
            Self::Fresh(f) => f.index,
            Self::Due(d) => d.index,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RoundRobin;

    fn sequence(rr: &mut RoundRobin, n: usize) -> String {
        (0..n).map(|_| rr.pick(|_| true).map_or('-', |i| (b'a' + i as u8) as char)).collect()
    }

    fn weighted(weights: &[u32]) -> RoundRobin {
        let mut rr = RoundRobin::default();
        let scaled: Vec<u32> = weights.iter().map(|w| w * crate::state::WEIGHT_SCALE).collect();
        rr.reweigh(&scaled, |_| None, |_| false);
        rr
    }

    #[test]
    fn equal_weights_are_a_strict_cycle() {
        assert_eq!(sequence(&mut weighted(&[1; 5]), 14), "abcdeabcdeabcd");
    }

    /// Recorded from HAProxy 3.2.
    #[test]
    fn unequal_weights_give_haproxy_sequences() {
        for (weights, expected) in [
            (&[1, 2, 3][..], "cbcacbcbcacbcbca"),
            (&[5, 1, 1], "aaabaacaaabaacaaab"),
            (&[3, 2, 1], "abacababacababac"),
            (&[4, 3, 2, 1], "abacbadabcabacbadabcabac"),
            (&[7, 3], "aaabaabaabaaabaabaabaaab"),
            (&[2, 2, 3], "cacbacbcacbacbcacb"),
            (&[1, 0, 2], "ccaccaccac"),
            (&[7, 3, 1], "aabaabaacabaabaabaacabaabaabaa"),
            (&[1, 3, 7], "ccbccbccacbccbccbccacbccbccbcc"),
            (&[5, 4, 3], "abacbabacabcabacbabacabcabacbaba"),
            (&[5, 5, 2, 2], "ababcabdabacbadbabcabdabacbadbabcabd"),
            (&[13, 7, 5, 3], "abacabadacbaabcadabacbaabcadabacabadacbaabcadabacbaabcadabac"),
        ] {
            assert_eq!(sequence(&mut weighted(weights), expected.len()), expected, "{weights:?}");
        }
    }

    #[test]
    fn a_new_set_goes_on_where_the_old_one_was() {
        let mut rr = weighted(&[1; 5]);
        assert_eq!(sequence(&mut rr, 7), "abcdeab");
        // c leaves, a new one comes at the end.
        let from = [Some(0), Some(1), Some(3), Some(4), None];
        rr.reweigh(&[16; 5], |i| from[i], |_| false);
        let next = sequence(&mut rr, 10);
        assert_eq!(next, "cdabecdabe", "the old d, e, a, b, then the new one");
    }

    #[test]
    fn whoever_is_wanted_at_once_is_next_the_first_time_alone() {
        let mut rr = weighted(&[1; 4]);
        assert_eq!(sequence(&mut rr, 6), "abcdab");
        let come = |rr: &mut RoundRobin, weights: &[u32]| {
            rr.reweigh(weights, |i| (i < 5).then_some(i), |i| i >= 4);
        };
        rr.reweigh(&[16; 5], |i| (i < 4).then_some(i), |i| i == 4);
        assert_eq!(sequence(&mut rr, 7), "ecdabec");
        come(&mut rr, &[16, 16, 16, 16, 0]);
        assert_eq!(sequence(&mut rr, 2), "da");
        come(&mut rr, &[16; 5]);
        assert_eq!(sequence(&mut rr, 6), "bcdaeb", "one that comes back waits for its turn");
    }

    #[test]
    fn a_server_that_is_passed_over_keeps_its_turn() {
        let mut rr = weighted(&[1; 3]);
        assert_eq!(rr.pick(|i| i != 0), Some(1));
        assert_eq!(rr.pick(|_| true), Some(0));
        assert_eq!(rr.pick(|_| false), None);
        assert_eq!(rr.pick(|_| true), Some(2));
    }
}

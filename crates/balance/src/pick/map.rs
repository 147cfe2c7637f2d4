//! The static array behind `balance static-rr` and `hash-type map-based`.

/// Most slots of a map; larger sums of weights are scaled down.
pub(crate) const MAX_SLOTS: u64 = 1 << 20;

/// An array in which each server has as many slots as its share of the weight.
#[derive(Clone, Debug, Default)]
pub(crate) struct Map {
    slots: Vec<u32>,
    /// Where the round robin over the slots goes on.
    next: usize,
}

impl Map {
    /// Builds the map for weights by server index; 0 = not in the map.
    ///
    /// Slots are dealt one at a time: everybody earns their weight, and the server that is owed
    /// the most whole turns, the first among equals, pays for one with the total.
    pub(crate) fn rebuild(&mut self, weights: &[u32]) {
        let divisor = weights.iter().fold(0, |a, &b| gcd(a, b)).max(1);
        let sum: u64 = weights.iter().map(|w| u64::from(w / divisor)).sum();
        let shrink = sum.div_ceil(MAX_SLOTS).max(1);
        let mut parts: Vec<(u32, i64, i64)> = weights
            .iter()
            .enumerate()
            .filter(|(_, w)| **w > 0)
            .map(|(i, w)| (i as u32, (u64::from(w / divisor) / shrink).max(1) as i64, 0))
            .collect();
        let total: i64 = parts.iter().map(|p| p.1).sum();
        self.slots.clear();
        if let [(first, ..), rest @ ..] = parts.as_slice()
            && rest.iter().all(|p| p.1 == parts[0].1)
        {
            self.slots.push(*first);
            self.slots.extend(rest.iter().map(|p| p.0));
        } else {
            for _ in 0..total {
                let mut best: Option<(i64, usize)> = None;
                for (n, (_, weight, owed)) in parts.iter_mut().enumerate() {
                    *owed += *weight;
                    let turns = owed.div_euclid(total);
                    if best.is_none_or(|(most, _)| turns > most) {
                        best = Some((turns, n));
                    }
                }
                let Some((_, n)) = best else { break };
                parts[n].2 -= total;
                self.slots.push(parts[n].0);
            }
        }
        self.next = if self.slots.is_empty() { 0 } else { self.next % self.slots.len() };
    }

    /// The next server in turn that `accepts`.
    pub(crate) fn next(&mut self, accepts: impl FnMut(usize) -> bool) -> Option<usize> {
        let (at, server) = self.from(self.next, accepts)?;
        self.next = (at + 1) % self.slots.len();
        Some(server)
    }

    /// The server of a hash; when it is not accepted, the next one in the map that is.
    pub(crate) fn of(&self, hash: u32, accepts: impl FnMut(usize) -> bool) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        self.from(hash as usize % self.slots.len(), accepts).map(|(_, server)| server)
    }

    fn from(&self, start: usize, mut accepts: impl FnMut(usize) -> bool) -> Option<(usize, usize)> {
        let (head, tail) = self.slots.split_at_checked(start)?;
        let places = (start..).zip(tail).chain((0..).zip(head));
        places.map(|(at, s)| (at, *s as usize)).find(|(_, s)| accepts(*s))
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters(weights: &[u32], n: usize) -> String {
        let mut map = Map::default();
        map.rebuild(weights);
        (0..n).filter_map(|_| map.next(|_| true)).map(|i| (b'a' + i as u8) as char).collect()
    }

    /// Recorded from HAProxy 3.2 with `balance static-rr`.
    #[test]
    fn sequences_are_haproxys() {
        for (weights, expected) in [
            (&[1, 1, 1, 1, 1][..], "abcdeabcdeabcd"),
            (&[1, 2, 3], "acbcbcacbcbcacbc"),
            (&[5, 1, 1], "aaabaacaaabaacaaab"),
            (&[3, 2, 1], "aababcaababcaaba"),
            (&[10, 20, 30], "acbcbcacbcbcacbcbcacbcbcacbcbcacbcbcacbc"),
            (&[4, 3, 2, 1], "ababcabacdababcabacdabab"),
            (&[100, 50, 25], "aababacaababacaababacaababacaababacaabab"),
            (&[1, 0, 2], "accaccacca"),
            (&[7, 3], "aaabaabaabaaabaabaabaaab"),
            (&[2, 2, 3], "abcacbcabcacbcabca"),
        ] {
            assert_eq!(letters(weights, expected.len()), expected, "{weights:?}");
        }
    }

    #[test]
    fn hashes_go_by_slot() {
        let mut map = Map::default();
        assert_eq!(map.of(3, |_| true), None);
        map.rebuild(&[1, 2, 3]);
        let keys: Vec<_> = (0..6).filter_map(|h| map.of(h, |_| true)).collect();
        assert_eq!(keys, [0, 2, 1, 2, 1, 2]);
        assert_eq!(map.of(u32::MAX, |_| true), Some(2));
        assert_eq!(map.of(0, |i| i != 0), Some(2), "the one after it stands in");
    }

    #[test]
    fn huge_weights_stay_within_the_bound() {
        let mut map = Map::default();
        let weights: Vec<u32> = (0..2000).map(|i| 4096 + i % 2).collect();
        map.rebuild(&weights);
        assert!(map.slots.len() as u64 <= MAX_SLOTS);
    }
}

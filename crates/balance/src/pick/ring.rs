//! The ring behind `hash-type consistent`: few keys move when servers come and go.

use crate::pick::hash::avalanche;

/// Places on the ring that one server id can have: weight 256 in sixteenths.
const NODES_PER_ID: u32 = 4096;

/// Nodes sorted by position; a key belongs to the node nearest to its hash.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ring {
    nodes: Vec<(u32, u32)>,
}

impl Ring {
    /// Builds the ring from (index, id, weight in sixteenths), one node per sixteenth. The
    /// positions depend on ids only, so that several balancers agree (manual 4.2 `hash-type`).
    pub(crate) fn rebuild(&mut self, servers: impl Iterator<Item = (usize, u32, u32)>) {
        self.nodes.clear();
        for (index, id, weight) in servers {
            let base = id.wrapping_mul(NODES_PER_ID);
            let nodes = 0..weight.min(NODES_PER_ID);
            self.nodes.extend(nodes.map(|n| (avalanche(base.wrapping_add(n)), index as u32)));
        }
        self.nodes.sort_unstable();
    }

    /// The server nearest to `hash` that `accepts`, walking up from there.
    pub(crate) fn of(&self, hash: u32, mut accepts: impl FnMut(usize) -> bool) -> Option<usize> {
        let count = self.nodes.len();
        let above = self.nodes.partition_point(|n| n.0 < hash) % count.max(1);
        let below = (above + count).checked_sub(1)? % count;
        let next = self.nodes.get(above)?.0.wrapping_sub(hash);
        let previous = hash.wrapping_sub(self.nodes.get(below)?.0);
        let start = if next < previous { above } else { below };
        let mut refused = None;
        for (_, server) in self.nodes[start..].iter().chain(&self.nodes[..start]) {
            if refused == Some(*server) {
                continue;
            }
            if accepts(*server as usize) {
                return Some(*server as usize);
            }
            refused = Some(*server);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(weights: &[u32]) -> Ring {
        let mut ring = Ring::default();
        let servers = weights.iter().enumerate().filter(|(_, w)| **w > 0);
        ring.rebuild(servers.map(|(i, w)| (i, i as u32 + 1, w * 16)));
        ring
    }

    /// Where HAProxy 3.2 changes from one server to the other with `hash-type consistent none`.
    #[test]
    fn borders_are_haproxys() {
        let ring = ring(&[1, 1]);
        for (last, before, after) in [
            (454_777_333, 1, 0),
            (808_493_019, 0, 1),
            (867_543_952, 1, 0),
            (2_168_517_325, 1, 0),
            (3_974_725_655, 1, 0),
            (4_020_750_708, 0, 1),
        ] {
            assert_eq!(ring.of(last, |_| true), Some(before), "{last}");
            assert_eq!(ring.of(last + 1, |_| true), Some(after), "{last}");
        }
        assert_eq!(ring.of(0, |_| true), Some(1));
        assert_eq!(ring.of(u32::MAX, |_| true), Some(1));
    }

    #[test]
    fn an_empty_ring_has_nobody() {
        assert_eq!(Ring::default().of(7, |_| true), None);
    }

    #[test]
    fn a_server_that_leaves_moves_only_its_own_keys() {
        let all = ring(&[1; 8]);
        let without = ring(&[1, 1, 1, 0, 1, 1, 1, 1]);
        for key in (0..100_000u32).map(|k| k.wrapping_mul(2_654_435_761)) {
            let before = all.of(key, |_| true);
            if before != Some(3) {
                assert_eq!(without.of(key, |_| true), before);
            }
        }
    }
}

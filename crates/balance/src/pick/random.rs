//! `balance random(draws)`: the least loaded of a few servers drawn at random by weight.

/// Running sums of the weights of the servers that take part.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lottery {
    /// (sum of weights up to and including this server, index).
    tickets: Vec<(u64, usize)>,
}

/// Most draws; more would only find the same servers again.
const MAX_DRAWS: u32 = 64;

impl Lottery {
    /// Sells tickets by weight; 0 = none.
    pub(crate) fn rebuild(&mut self, weights: &[u32]) {
        self.tickets.clear();
        let mut sum = 0;
        for (index, weight) in weights.iter().enumerate().filter(|(_, w)| **w > 0) {
            sum += u64::from(*weight);
            self.tickets.push((sum, index));
        }
    }

    /// Draws `draws` times and takes the server with the least load for its weight; `load` is
    /// `None` for a server that cannot take one more. When only such were drawn, the next one
    /// that can is taken.
    pub(crate) fn pick(
        &self,
        draws: u32,
        random: u64,
        load: impl Fn(usize) -> Option<(u32, u32)>,
    ) -> Option<usize> {
        let total = self.tickets.last()?.0;
        let mut bits = random;
        let mut best: Option<(u64, u64, usize)> = None;
        let mut place = 0;
        for _ in 0..draws.clamp(1, MAX_DRAWS) {
            bits = scramble(bits);
            let winner = ((u128::from(bits) * u128::from(total)) >> 64) as u64;
            place = self.tickets.partition_point(|t| t.0 <= winner);
            let Some(&(_, index)) = self.tickets.get(place) else { continue };
            let Some((connections, weight)) = load(index) else { continue };
            let (connections, weight) = (u64::from(connections), u64::from(weight.max(1)));
            if best.is_none_or(|(c, w, _)| connections * w < c * weight) {
                best = Some((connections, weight, index));
            }
        }
        if let Some((_, _, index)) = best {
            return Some(index);
        }
        let (head, tail) = self.tickets.split_at_checked(place)?;
        tail.iter().chain(head).map(|t| t.1).find(|&i| load(i).is_some())
    }
}

/// Stretches one random number into several (the step of splitmix64, public domain).
fn scramble(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_follow_the_weights() {
        let mut lottery = Lottery::default();
        lottery.rebuild(&[16, 0, 48]);
        let mut hits = [0u32; 3];
        for n in 0..40_000u64 {
            hits[lottery.pick(1, n, |_| Some((0, 1))).unwrap()] += 1;
        }
        assert_eq!(hits[1], 0);
        assert!((9_000..11_000).contains(&hits[0]), "{hits:?}");
    }

    #[test]
    fn two_draws_avoid_the_busier_and_the_full() {
        let mut lottery = Lottery::default();
        lottery.rebuild(&[16; 4]);
        let mut hits = [0u32; 4];
        for n in 0..10_000u64 {
            let load = |i| Some((if i == 0 { 50 } else { 1 }, 16));
            hits[lottery.pick(2, n, load).unwrap()] += 1;
        }
        assert!(hits[0] < hits[1] / 2, "{hits:?}");
        for n in 0..1000u64 {
            assert_ne!(lottery.pick(2, n, |i| (i != 3).then_some((0, 16))), Some(3));
        }
        assert_eq!(lottery.pick(2, 7, |i| (i == 3).then_some((0, 16))), Some(3));
        assert_eq!(lottery.pick(2, 7, |_| None), None);
    }
}

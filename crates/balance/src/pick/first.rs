//! `balance first`: the first server with a free connection slot.

/// Picks among `usable`, which is in the order of server ids.
pub(crate) fn pick(usable: &[usize], accepts: impl Fn(usize) -> bool) -> Option<usize> {
    usable.iter().copied().find(|&i| accepts(i))
}

//! `balance leastconn`: the server with the fewest connections relative to its weight.

/// Picks among `usable` (indices of the fleet). `load` gives connections and weight, or `None`
/// when the server cannot take one more. Equal servers share evenly: the search starts at a
/// random place and the first of the best wins.
pub(crate) fn pick(
    usable: &[usize],
    random: u64,
    load: impl Fn(usize) -> Option<(u32, u32)>,
) -> Option<usize> {
    if usable.is_empty() {
        return None;
    }
    let start = (random % usable.len() as u64) as usize;
    let mut best: Option<(u64, u64, usize)> = None;
    let (head, tail) = usable.split_at(start);
    for &index in tail.iter().chain(head) {
        let Some((connections, weight)) = load(index) else { continue };
        let (connections, weight) = (u64::from(connections), u64::from(weight.max(1)));
        if best.is_none_or(|(c, w, _)| connections * w < c * weight) {
            best = Some((connections, weight, index));
        }
    }
    best.map(|(_, _, index)| index)
}

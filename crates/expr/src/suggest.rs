//! "Did you mean": the nearest known name to a wrong one.

/// Longest name looked at; a suggestion for more would be noise.
const MAX_LEN: usize = 48;
/// From this length on, the start of a name counts as one edit.
const MIN_PREFIX: usize = 4;

/// The name nearest to `word`, if one is near enough to have been meant.
///
/// One edit is allowed per three letters, with swapped neighbours counted as one.
pub fn did_you_mean<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.is_empty() || word.len() > MAX_LEN {
        return None;
    }
    let limit = word.len().div_ceil(3).min(4);
    let wanted = letters(word);
    let mut best: Option<(usize, &str)> = None;
    let mut last = "";
    for name in names {
        // Families of keywords come with the same first word many times.
        if std::mem::replace(&mut last, name) == name {
            continue;
        }
        if word.len() >= MIN_PREFIX && starts_with(name, word) {
            best = best.filter(|(least, _)| *least <= 1).or(Some((1, name)));
            continue;
        }
        if name.len().abs_diff(word.len()) > limit || name.len() > MAX_LEN {
            continue;
        }
        // An edit brings in one letter at most.
        if (wanted & !letters(name)).count_ones() as usize > limit {
            continue;
        }
        let distance = distance(word.as_bytes(), name.as_bytes());
        if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, name));
        }
    }
    best.map(|(_, name)| name)
}

fn starts_with(name: &str, word: &str) -> bool {
    name.as_bytes().get(..word.len()).is_some_and(|n| n.eq_ignore_ascii_case(word.as_bytes()))
}

/// One bit for each byte value that occurs, modulo 64, whatever the case.
fn letters(name: &str) -> u64 {
    name.bytes().fold(0, |bits, byte| bits | 1 << (byte.to_ascii_lowercase() % 64))
}

/// Edits (insert, delete, replace, swap neighbours) that lead from one to the other; letter case
/// costs nothing.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let width = b.len() + 1;
    let mut before: Vec<usize> = vec![0; width];
    let mut previous: Vec<usize> = (0..width).collect();
    let mut current = vec![0; width];
    for (i, x) in a.iter().enumerate() {
        current[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replace = previous[j] + usize::from(!x.eq_ignore_ascii_case(y));
            let mut least = replace.min(previous[j + 1] + 1).min(current[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(before[j - 1] + 1);
            }
            current[j + 1] = least;
        }
        std::mem::swap(&mut before, &mut previous);
        std::mem::swap(&mut previous, &mut current);
    }
    previous[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let names = || ["frontend", "backend", "balance", "bind", "maxconn"].into_iter();
        assert_eq!(did_you_mean("fontend", names()), Some("frontend"));
        assert_eq!(did_you_mean("maxcon", names()), Some("maxconn"));
        assert_eq!(did_you_mean("Blaance", names()), Some("balance"));
        assert_eq!(did_you_mean("bnid", names()), Some("bind"));
        assert_eq!(did_you_mean("fron", names()), Some("frontend"));
        assert_eq!(did_you_mean("timeout", names()), None);
        assert_eq!(did_you_mean("", names()), None);
    }

    #[test]
    fn swapped_neighbours_are_one_edit() {
        assert_eq!(distance(b"acb", b"abc"), 1);
        assert_eq!(distance(b"", b"abc"), 3);
        assert_eq!(distance(b"kitten", b"sitting"), 3);
    }
}

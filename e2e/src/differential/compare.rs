//! The lines in which two transcripts differ, and whether the case allows them.

use super::case::Allowed;

/// Lines of unchanged context around a difference in a report.
const CONTEXT: usize = 2;

/// One line of a comparison.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Left(&'a str),
    Right(&'a str),
}

impl Line<'_> {
    fn differs(&self) -> Option<&str> {
        match self {
            Self::Same(_) => None,
            Self::Left(text) | Self::Right(text) => Some(text),
        }
    }
}

/// Fails on differences that nothing allows, and on permissions that nothing needs any more.
pub fn with_allowed(left: &[String], right: &[String], allowed: &[Allowed]) -> Result<(), String> {
    let lines = align(left, right);
    let mut used = vec![false; allowed.len()];
    let mut unlisted = false;
    for text in lines.iter().filter_map(Line::differs) {
        match allowed.iter().position(|entry| entry.lines.is_match(text)) {
            Some(at) => used[at] = true,
            None => unlisted = true,
        }
    }
    if unlisted {
        return Err(format!("differences (- reference, + under test):\n{}", report(&lines)));
    }
    let unneeded: Vec<_> =
        allowed.iter().zip(&used).filter(|(_, used)| !**used).map(|(e, _)| &*e.id).collect();
    if unneeded.is_empty() {
        Ok(())
    } else {
        Err(format!("allowed, but they no longer differ: {}", unneeded.join(", ")))
    }
}

/// The longest common subsequence, as a list of lines of both sides.
fn align<'a>(left: &'a [String], right: &'a [String]) -> Vec<Line<'a>> {
    let width = right.len() + 1;
    let mut lengths = vec![0_u32; (left.len() + 1) * width];
    for l in (0..left.len()).rev() {
        for r in (0..right.len()).rev() {
            lengths[l * width + r] = if left[l] == right[r] {
                lengths[(l + 1) * width + r + 1] + 1
            } else {
                lengths[(l + 1) * width + r].max(lengths[l * width + r + 1])
            };
        }
    }
    let (mut l, mut r, mut out) = (0, 0, Vec::new());
    while l < left.len() || r < right.len() {
        if l < left.len() && r < right.len() && left[l] == right[r] {
            out.push(Line::Same(&left[l]));
            (l, r) = (l + 1, r + 1);
        } else if r == right.len()
            || l < left.len() && lengths[(l + 1) * width + r] >= lengths[l * width + r + 1]
        {
            out.push(Line::Left(&left[l]));
            l += 1;
        } else {
            out.push(Line::Right(&right[r]));
            r += 1;
        }
    }
    out
}

fn report(lines: &[Line<'_>]) -> String {
    let differs = |at: usize| lines.get(at).is_some_and(|line| line.differs().is_some());
    let mut out = String::new();
    for (at, line) in lines.iter().enumerate() {
        let near = (at.saturating_sub(CONTEXT)..=at + CONTEXT).any(differs);
        match line {
            Line::Same(text) if near => out.push_str(&format!("    {text}\n")),
            Line::Same(_) => {}
            Line::Left(text) => out.push_str(&format!("  - {text}\n")),
            Line::Right(text) => out.push_str(&format!("  + {text}\n")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::Regex;

    fn lines(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn only_listed_differences_pass_and_stale_entries_fail() {
        let allow = |text: &str| Allowed { id: "D1".into(), lines: Regex::new(text).unwrap() };
        let (left, right) = (lines("a b c"), lines("a x c"));
        assert!(with_allowed(&left, &right, &[]).unwrap_err().contains("- b"));
        assert!(with_allowed(&left, &right, &[allow("^[bx]$")]).is_ok());
        assert!(with_allowed(&left, &right, &[allow("^b$")]).is_err());
        assert!(with_allowed(&left, &left, &[allow("b")]).unwrap_err().contains("D1"));
    }
}

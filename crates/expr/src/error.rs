//! What is wrong with an expression, where exactly, and what was probably meant.
use std::fmt;

/// An error in one or several words of configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Which of the words handed over, from 0. Always 0 where one text was handed over.
    pub word: usize,
    /// Byte offset inside that word.
    pub offset: usize,
    /// What is wrong, one sentence without a final dot.
    pub message: String,
    /// What was probably meant: the bare word.
    pub suggestion: Option<String>,
}

impl ParseError {
    /// An error at an offset of the first word.
    pub fn at(offset: usize, message: impl Into<String>) -> Self {
        Self { word: 0, offset, message: message.into(), suggestion: None }
    }

    /// Names what was probably meant.
    #[must_use]
    pub fn meant(mut self, suggestion: Option<&str>) -> Self {
        self.suggestion = suggestion.map(str::to_owned);
        self
    }

    /// Moves the error to another word.
    #[must_use]
    pub fn in_word(mut self, word: usize) -> Self {
        self.word = word;
        self
    }

    /// Moves the error to the right inside its word.
    #[must_use]
    pub fn shifted(mut self, by: usize) -> Self {
        self.offset += by;
        self
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.suggestion {
            Some(word) => write!(f, "; did you mean '{word}'?"),
            None => Ok(()),
        }
    }
}
impl std::error::Error for ParseError {}

/// The longest word that is compared for suggestions.
const LONGEST: usize = 64;

/// The candidate nearest to `word`, if one is near enough to be a slip of the pen.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    if word.len() > LONGEST {
        return None;
    }
    let limit = (word.len() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (distance(word.as_bytes(), candidate.as_bytes()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edit distance with swaps of neighbours counted once; letter case costs nothing.
fn distance(a: &[u8], b: &[u8]) -> usize {
    if a.len().abs_diff(b.len()) > 3 {
        return usize::MAX;
    }
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let of = |row: &[usize], at: usize| row.get(at).copied().unwrap_or(usize::MAX / 2);
            let differs = usize::from(!x.eq_ignore_ascii_case(y));
            let mut best = (of(&last, j) + differs).min(of(&last, j + 1) + 1).min(of(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(of(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_leaves_strangers_alone() {
        let known = ["path_beg", "path_end", "path", "hdr", "src"];
        assert_eq!(nearest("path_bge", known), Some("path_beg"));
        assert_eq!(nearest("pth", known), Some("path"));
        assert_eq!(nearest("elephant", known), None);
    }
}

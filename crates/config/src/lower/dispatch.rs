//! From a line to the function that lowers it: the longest name of the table that it starts with.

use super::args::{Args, Prefix};
use super::table::Table;
use crate::ast::Line;

/// Most words of a name.
const MAX_WORDS: usize = 3;

/// What lowers a line of a section, with its arguments behind the keyword.
pub(crate) fn find<'a, F: Copy>(table: &Table<F>, line: Line<'a>) -> Option<(F, Args<'a>)> {
    let prefix = match line.keyword() {
        "no" if line.len() > 1 => Prefix::No,
        "default" if line.len() > 1 => Prefix::Default,
        _ => Prefix::Plain,
    };
    let shift = usize::from(prefix != Prefix::Plain);
    for words in (1..=MAX_WORDS).rev() {
        let name: Vec<&str> = line.words().skip(shift).take(words).map(|w| w.value()).collect();
        let name = name.join(" ");
        let name = name.split('(').next().unwrap_or("");
        if let Some(lower) = table.find(name) {
            return Some((lower, Args::new(line, shift + words, prefix)));
        }
    }
    None
}

//! From a line to the function that lowers it, by the name that the keyword table gives it.

use super::args::Args;
use super::table::Table;
use crate::ast::Line;

/// What lowers a line of a section, with its arguments behind the keyword.
///
/// The tree was checked against the keyword table before: what is `None` here has been reported.
pub(crate) fn find<'a, F: Copy>(table: &Table<F>, line: Line<'a>) -> Option<(F, Args<'a>)> {
    let (prefix, line) = line.split_prefix();
    let (keyword, words) = line.entry()?;
    Some((table.find(keyword.name)?, Args::new(line, words, prefix)))
}

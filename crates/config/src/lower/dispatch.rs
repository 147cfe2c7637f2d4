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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{bind, global, server_options};
    use crate::keyword::{self, Context, Status};
    use crate::section::SectionKind;

    /// What the table calls supported must be lowered; what is lowered must at least load.
    fn compare(contexts: &[Context], lowered: impl Iterator<Item = &'static str>, ignored: bool) {
        let of = |fits: fn(Status) -> bool| -> BTreeSet<&str> {
            let here = |k: &&keyword::Keyword| contexts.contains(&k.context) && fits(k.status);
            keyword::all().filter(here).map(|k| k.name).collect()
        };
        let supported = of(|status| status == Status::Supported);
        let loads = of(|status| !matches!(status, Status::Refused { .. }));
        let lowered: BTreeSet<&str> = lowered.collect();
        let missing: Vec<_> = supported.difference(&lowered).collect();
        assert!(missing.is_empty(), "supported but not lowered: {missing:?}");
        let known = if ignored { &loads } else { &supported };
        let silent: Vec<_> = lowered.difference(known).collect();
        assert!(silent.is_empty(), "lowered in vain: {silent:?}");
    }

    #[test]
    fn global_keywords_agree_with_the_table() {
        compare(&[Context::Section(SectionKind::Global)], global::KEYWORDS.names(), false);
    }

    #[test]
    fn options_of_lines_agree_with_the_table() {
        compare(&[Context::Bind], bind::OPTIONS.names(), true);
        compare(&[Context::Server], server_options::OPTIONS.names(), true);
    }
}

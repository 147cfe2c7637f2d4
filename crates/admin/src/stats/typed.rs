//! Statistics with the type of every value, one value a line (manual of management 9.2).

use std::fmt::Write;

use super::info::Fact;
use super::{COLUMNS, Cell, Filter, Row, modules};

/// Every value of every row that the filter takes; with `describe` what each is.
#[must_use]
pub fn rows(rows: &[Row], filter: &Filter, describe: bool) -> String {
    let mut out = String::with_capacity(2048 * rows.len());
    for row in rows.iter().filter_map(|r| filter.shown(r)) {
        let row = &*row;
        let letter = row.kind.map_or('S', super::Kind::letter);
        let own = COLUMNS.iter().map(|c| (c.name, c.tags_of(row.kind), (c.cell)(row), c.help));
        let modules = modules::cells(row).map(|(name, tags, cell)| (name, tags, cell, ""));
        for (position, (name, tags, cell, help)) in own.chain(modules).enumerate() {
            if cell == Cell::Empty {
                continue;
            }
            // Writing to a String does not fail.
            let _ = write!(
                out,
                "{letter}.{}.{}.{position}.{name}.1:{}:{}:{}",
                row.proxy_id,
                row.server_id,
                tags.0,
                cell.kind(),
                one_line(&cell)
            );
            finish(&mut out, describe, help);
        }
    }
    out
}

/// Every figure of the process.
#[must_use]
pub fn facts(facts: &[Fact], describe: bool) -> String {
    let mut out = String::new();
    for fact in facts.iter().filter(|f| f.cell != Cell::Empty) {
        let (tags, kind) = (fact.tags.0, fact.cell.kind());
        let _ =
            write!(out, "{}.{}.1:{tags}:{kind}:{}", fact.position, fact.name, one_line(&fact.cell));
        finish(&mut out, describe, fact.help);
    }
    out
}

fn finish(out: &mut String, describe: bool, help: &str) {
    if describe {
        let _ = write!(out, ":\"{help}\"");
    }
    out.push('\n');
}

/// A value that contains a line end would look like two.
fn one_line(cell: &Cell) -> String {
    cell.to_string().replace(['\n', '\r'], " ")
}

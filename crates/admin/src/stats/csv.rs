//! Statistics as HAProxy's CSV (manual of management 9.1).

use std::fmt::Write;

use super::{COLUMNS, Cell, Filter, Row, modules};

/// The header and a line for each row that the filter takes.
#[must_use]
pub fn print(rows: &[Row], filter: &Filter) -> String {
    let mut out = String::with_capacity(640 * (rows.len() + 6));
    out.push_str("# ");
    for column in COLUMNS {
        out.push_str(column.name);
        out.push(',');
    }
    out.push_str("-,");
    for (name, ..) in modules::cells(&Row::default()) {
        out.push_str(name);
        out.push(',');
    }
    out.push('\n');
    for row in rows.iter().filter_map(|r| filter.shown(r)) {
        let row = &*row;
        for column in COLUMNS {
            push(&mut out, &(column.cell)(row));
        }
        out.push_str("-,");
        for (_, _, cell) in modules::cells(row) {
            push(&mut out, &cell);
        }
        out.push('\n');
    }
    out
}

fn push(out: &mut String, cell: &Cell) {
    match cell {
        Cell::Text(text) => push_text(out, text),
        other => {
            // Writing to a String does not fail.
            let _ = write!(out, "{other}");
        }
    }
    out.push(',');
}

/// RFC 4180: quoted only where a comma, quote or line end would be taken for structure.
fn push_text(out: &mut String, text: &str) {
    if !text.contains([',', '"', '\n', '\r']) {
        out.push_str(text);
        return;
    }
    out.push('"');
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::Kind;
    use crate::stats::tests::facts;

    fn rows() -> Vec<Row> {
        let row = |service: &str, kind, server| Row {
            proxy: "b".to_owned(),
            service: service.to_owned(),
            kind: Some(kind),
            proxy_id: 3,
            status: "UP".to_owned(),
            server,
            ..Row::default()
        };
        vec![
            row("FRONTEND", Kind::Frontend, None),
            row("s,1", Kind::Server, Some(facts())),
            row("BACKEND", Kind::Backend, None),
        ]
    }

    #[test]
    fn every_line_has_all_columns() {
        let text = print(&rows(), &Filter::default());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[0].starts_with("# pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,"));
        let commas = |line: &str| line.matches(',').count();
        assert_eq!(commas(lines[1]), commas(lines[0]));
        assert!(lines[2].starts_with("b,\"s,1\","), "{}", lines[2]);
    }

    #[test]
    fn known_columns_are_where_haproxy_has_them() {
        let at = |name: &str| COLUMNS.iter().position(|c| c.name == name);
        for (name, place) in [
            ("status", 17),
            ("type", 32),
            ("hrsp_2xx", 40),
            ("addr", 73),
            ("mode", 75),
            ("eint", 94),
            ("proto", 112),
        ] {
            assert_eq!(at(name), Some(place), "{name}");
        }
        assert_eq!(COLUMNS.len() + modules::cells(&Row::default()).count(), 206);
    }

    #[test]
    fn filters_take_kinds_by_bit() {
        let only = |kinds| print(&rows(), &Filter { kinds, ..Filter::default() }).lines().count();
        assert_eq!((only(1), only(2), only(4), only(6)), (2, 2, 2, 3));
        assert_eq!(
            print(&rows(), &Filter { proxy_id: Some(9), ..Filter::default() }).lines().count(),
            1
        );
    }
}

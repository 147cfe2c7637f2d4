//! Statistics as HAProxy's CSV (manual of management 9.1).

use std::fmt::Write;

use super::{COLUMNS, Cell, Kind, Row};

/// Which rows are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Proxy id; `None` = all.
    pub proxy_id: Option<u32>,
    /// Bits: 1 frontends, 2 backends, 4 servers; 0 = all.
    pub kinds: u32,
    /// Server id; `None` = all.
    pub server_id: Option<u32>,
    /// `no-maint`: no servers in maintenance.
    pub no_maint: bool,
    /// `up`: only servers that are up.
    pub up: bool,
}

impl Filter {
    /// Whether a row is wanted.
    #[must_use]
    pub fn takes(&self, row: &Row) -> bool {
        let kind_bit = match row.kind {
            Some(Kind::Frontend) => 1,
            Some(Kind::Backend) => 2,
            Some(Kind::Server) | None => 4,
        };
        let maint = row.server.as_ref().is_some_and(|s| s.admin.is_maint());
        self.proxy_id.is_none_or(|id| id == row.proxy_id)
            && (self.kinds == 0 || self.kinds & kind_bit != 0)
            && self.server_id.is_none_or(|id| row.server.is_none() || id == row.server_id)
            && !(self.no_maint && maint)
            && !(self.up && row.server.is_some() && row.status.starts_with("DOWN")
                || self.up && maint)
    }
}

/// The header and a line for each row that the filter takes.
#[must_use]
pub fn print(rows: &[Row], filter: &Filter) -> String {
    let mut out = String::with_capacity(256 * (rows.len() + 6));
    out.push_str("# ");
    for column in COLUMNS {
        out.push_str(column.name);
        out.push(',');
    }
    out.push('\n');
    for row in rows.iter().filter(|r| filter.takes(r)) {
        for column in COLUMNS {
            match (column.cell)(row) {
                Cell::Empty => {}
                Cell::Never => out.push_str("-1"),
                Cell::Number(n) => {
                    let _ = write!(out, "{n}");
                }
                Cell::Text(text) => push_text(&mut out, &text),
            }
            out.push(',');
        }
        out.push('\n');
    }
    out
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
        assert_eq!(lines[1].matches(',').count(), COLUMNS.len());
        assert!(lines[2].starts_with("b,\"s,1\","), "{}", lines[2]);
    }

    #[test]
    fn known_columns_are_where_haproxy_has_them() {
        let at = |name: &str| COLUMNS.iter().position(|c| c.name == name);
        assert_eq!(at("status"), Some(17));
        assert_eq!(at("type"), Some(32));
        assert_eq!(at("hrsp_2xx"), Some(40));
        assert_eq!(at("addr"), Some(73));
        assert_eq!(at("mode"), Some(75));
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

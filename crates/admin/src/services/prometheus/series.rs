//! One column of the statistics as Prometheus reads it: a line for each proxy or server.
//!
//! A scrape of ten thousand servers is two thirds of a million lines, so whatever is the same for
//! all lines of a column is found out once.

use std::fmt::Write;

use super::{number, server_state};
use crate::stats::{Cell, Column, Kind, Row};

/// Outcomes of checks, each a state of its own.
const CHECK_STATES: [&str; 16] = [
    "HANA", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6OK", "L6TOUT", "L6RSP", "L7TOUT", "L7RSP",
    "L7OK", "L7OKC", "L7STS", "PROCERR", "PROCTOUT", "PROCOK",
];

/// A column in one scope.
pub struct Series<'a> {
    column: &'a Column,
    kind: Kind,
    /// `NAME{`.
    start: String,
    /// What stands behind the labels of the row: `} `, or one label more.
    end: String,
    /// Only for proxies that speak HTTP.
    http: bool,
    always: bool,
    stateful: bool,
    milliseconds: bool,
}

impl<'a> Series<'a> {
    /// The column under the name of its metric.
    pub fn new(column: &'a Column, kind: Kind, metric: &str) -> Self {
        Self {
            column,
            kind,
            start: format!("{metric}{{"),
            end: match column.name.strip_prefix("hrsp_") {
                Some(code) => format!(",code=\"{code}\"}} "),
                None => "} ".to_owned(),
            },
            http: metric.contains("_http_"),
            always: always(column.name, kind),
            stateful: is_stateful(column.name, kind),
            milliseconds: is_milliseconds(metric),
        }
    }

    /// As HAProxy: where the first has no value, nobody knows that it is a counter.
    pub fn is_nameless(&self, rows: &[&Row]) -> bool {
        let empty = |row: &&Row| (self.column.cell)(row) == Cell::Empty;
        self.always && rows.first().is_some_and(empty)
    }

    /// Writes the lines of all rows that have a value; false when none has.
    pub fn print(&self, out: &mut String, rows: &[(&Row, &str)]) -> bool {
        let before = out.len();
        for (row, labels) in rows {
            if self.http && row.mode != Some(model::Mode::Http) {
                continue;
            }
            if self.stateful {
                self.print_states(out, row, labels);
                continue;
            }
            let cell = match (self.column.cell)(row) {
                Cell::Empty if self.always => Cell::Empty,
                Cell::Empty if is_checked(self.column.name, row) => Cell::U32(0),
                Cell::Empty => continue,
                cell => cell,
            };
            for part in [&self.start, *labels, &self.end] {
                out.push_str(part);
            }
            self.print_value(out, &cell);
            out.push('\n');
        }
        out.len() > before
    }

    fn print_value(&self, out: &mut String, cell: &Cell) {
        match cell {
            // Most are small, and formatting costs more than the rest of the line.
            Cell::U32(n @ 0..10) if !self.milliseconds => out.push(char::from(b'0' + *n as u8)),
            Cell::U64(n @ 0..10) if !self.milliseconds => out.push(char::from(b'0' + *n as u8)),
            _ => match cell.number() {
                // Writing to a String does not fail.
                Some(n) if self.milliseconds => _ = write!(out, "{:.6}", n / 1000.0),
                _ => out.push_str(&number(cell)),
            },
        }
    }

    fn print_states(&self, out: &mut String, row: &Row, labels: &str) {
        for (state, n) in states(self.column.name, self.kind, row) {
            let _ = writeln!(out, "{}{labels},state=\"{state}\"}} {n}", self.start);
        }
    }
}

/// Whether a server has a line although the value does not apply to it.
fn always(column: &str, kind: Kind) -> bool {
    kind == Kind::Server
        && matches!(
            column,
            "slim" | "chkfail" | "chkdown" | "downtime" | "qlimit" | "throttle" | "src_ilim"
        )
}

/// A check without a code has 0 for it.
fn is_checked(column: &str, row: &Row) -> bool {
    let check = row.server.as_ref().and_then(|s| match column {
        "check_code" => s.check.as_ref(),
        "agent_code" => s.agent.as_ref(),
        _ => None,
    });
    check.is_some_and(|c| !c.status.is_empty())
}

/// Times are in milliseconds in the tables and in seconds for Prometheus.
fn is_milliseconds(metric: &str) -> bool {
    metric.ends_with("_time_average_seconds")
        || metric.ends_with("_time_seconds")
        || metric.ends_with("_duration_seconds")
}

/// Whether the value is a state, so that each state has a line.
fn is_stateful(column: &str, kind: Kind) -> bool {
    match kind {
        Kind::Server => matches!(column, "status" | "check_status" | "agent_status"),
        Kind::Backend => {
            let counted = ["agg_server_status", "agg_server_check_status", "agg_check_status"];
            column == "status" || counted.contains(&column)
        }
        Kind::Frontend | Kind::Listener => column == "status",
    }
}

/// The lines of a column whose value is a state: one for each, with 1 for the one that holds.
fn states(column: &str, kind: Kind, row: &Row) -> Vec<(&'static str, u32)> {
    const SERVER: [&str; 5] = ["DOWN", "UP", "MAINT", "DRAIN", "NOLB"];
    let one = |states: &[&'static str], holds: &str| {
        states.iter().map(|s| (*s, u32::from(*s == holds))).collect::<Vec<_>>()
    };
    match (column, kind) {
        ("status", Kind::Frontend) => {
            one(&["DOWN", "UP"], if row.status == "OPEN" { "UP" } else { "DOWN" })
        }
        ("status", Kind::Listener) => one(&["WAITING", "OPEN", "FULL"], &row.status),
        ("status", Kind::Backend) => one(&["DOWN", "UP"], &row.status),
        ("status", Kind::Server) => one(&SERVER, server_state(row)),
        ("check_status", Kind::Server) => {
            let check = row.server.as_ref().and_then(|s| s.check.as_ref());
            match check.filter(|c| !c.status.is_empty()) {
                Some(check) => one(&CHECK_STATES, &check.status),
                None => Vec::new(),
            }
        }
        ("agent_status", Kind::Server) => {
            let check = row.server.as_ref().and_then(|s| s.agent.as_ref());
            check.map_or_else(Vec::new, |check| one(&CHECK_STATES, &check.status))
        }
        ("agg_server_status" | "agg_server_check_status", Kind::Backend) => {
            counted(&SERVER, &row.servers_by_state)
        }
        ("agg_check_status", Kind::Backend) => counted(&CHECK_STATES, &row.servers_by_check),
        _ => Vec::new(),
    }
}

fn counted(states: &[&'static str], counts: &[(String, u32)]) -> Vec<(&'static str, u32)> {
    let count = |state: &str| counts.iter().find(|(s, _)| s == state).map_or(0, |(_, n)| *n);
    states.iter().map(|s| (*s, count(s))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::COLUMNS;

    fn printed(name: &str, metric: &str, row: &Row) -> String {
        let column = COLUMNS.iter().find(|c| c.name == name).expect("a column");
        let kind = row.kind.expect("a kind");
        let mut out = String::new();
        Series::new(column, kind, metric).print(&mut out, &[(row, "proxy=\"\"")]);
        out
    }

    #[test]
    fn times_are_seconds() {
        let times = crate::stats::Times { average: [1500, 0, 0, 0], longest: [0; 4] };
        let row = Row { kind: Some(Kind::Backend), times: Some(times), ..Row::default() };
        let metric = "haproxy_backend_queue_time_average_seconds";
        assert_eq!(printed("qtime", metric, &row), format!("{metric}{{proxy=\"\"}} 1.500000\n"));
    }

    #[test]
    fn small_and_large_counts_are_written_alike() {
        for n in [0, 9, 10, u64::MAX] {
            let row = Row { kind: Some(Kind::Backend), bytes_in: n, ..Row::default() };
            assert_eq!(printed("bin", "m", &row), format!("m{{proxy=\"\"}} {n}\n"));
        }
    }
}

//! Figures of the services that are watched in Consul.

use std::fmt::Write;

use super::{Asked, head, kind_of, label_value};
use crate::ports::WatchRow;

/// A figure; `None` = there is none yet.
type Figure = fn(&WatchRow) -> Option<f64>;

const FIGURES: [(&str, &str, Figure); 6] = [
    ("stale", "1 while the last question had no good answer", |row| {
        Some(f64::from(u8::from(row.failures_in_a_row > 0)))
    }),
    ("age_seconds", "Time since the last good answer", |row| {
        row.age_ms.map(|ms| ms as f64 / 1000.0)
    }),
    ("instances", "Instances that count", |row| Some(row.instances as f64)),
    ("index", "Index of the last good answer", |row| Some(row.index as f64)),
    ("questions_total", "Questions asked", |row| Some(row.questions as f64)),
    ("failures_total", "Questions without a good answer", |row| Some(row.failures as f64)),
];

/// All of them.
pub fn print(out: &mut String, asked: &Asked, rows: &[WatchRow]) {
    for (name, help, figure) in FIGURES {
        let metric = format!("evenkeel_consul_{name}");
        if rows.is_empty() || !asked.metric(&metric) {
            continue;
        }
        head(out, &metric, kind_of(&metric), help);
        for row in rows {
            if let Some(value) = figure(row) {
                let service = label_value(&row.service);
                let _ = writeln!(out, "{metric}{{service=\"{service}\"}} {value}");
            }
        }
    }
}

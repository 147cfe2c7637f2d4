//! Figures that HAProxy's exporter does not have: how changes go, what providers say.

use std::fmt::Write;

use control::Histogram;

use super::{Asked, head, label_value, labels};
use crate::ports::{Changes, House, ProcessFacts};
use crate::stats::Row;

/// All of them.
pub fn print(
    out: &mut String,
    asked: &Asked,
    house: &dyn House,
    process: &ProcessFacts,
    rows: &[Row],
) {
    let changes = house.changes();
    single(out, asked, process, &changes);
    providers(out, asked, &changes);
    let metric = "evenkeel_convergence_seconds";
    let help = "From an event to the configuration that follows from it";
    histogram(out, asked, metric, help, &changes.convergence);
    let metric = "evenkeel_change_failed_requests";
    let help = "Requests that failed between one change and the next";
    histogram(out, asked, metric, help, &changes.failed.1);
    containers(out, asked, rows);
}

fn single(out: &mut String, asked: &Asked, process: &ProcessFacts, changes: &Changes) {
    let last = changes.last_ms as f64 / 1000.0;
    let ok = f64::from(u8::from(process.config_ok));
    for (name, kind, help, value) in [
        ("generation", "gauge", "Number of the running configuration", process.generation as f64),
        ("last_change_timestamp_seconds", "gauge", "When it came to run", last),
        ("changes_applied_total", "counter", "Changes applied", process.reloads_applied as f64),
        ("changes_refused_total", "counter", "Changes refused", process.reloads_refused as f64),
        ("config_last_reload_success", "gauge", "1 when the wanted configuration runs", ok),
        ("problems", "gauge", "What had to be left out of it", changes.problems as f64),
        (
            "quarantined_containers",
            "gauge",
            "Containers left out because something about them is wrong",
            changes.quarantined as f64,
        ),
        (
            "failed_requests_since_change",
            "gauge",
            "Requests that failed since the last change came to run",
            changes.failed.0 as f64,
        ),
    ] {
        let metric = format!("evenkeel_{name}");
        if asked.metric(&metric) {
            head(out, &metric, kind, help);
            let _ = writeln!(out, "{metric} {value}");
        }
    }
}

fn providers(out: &mut String, asked: &Asked, changes: &Changes) {
    let metric = "evenkeel_provider_age_seconds";
    if !asked.metric(metric) || changes.providers.is_empty() {
        return;
    }
    head(out, metric, "gauge", "Since when what a provider says is not complete any more");
    for (provider, age) in &changes.providers {
        let provider = label_value(provider);
        // Of what was never seen nobody knows the age.
        let age = age.map_or("NaN".to_owned(), |age| age.as_secs_f64().to_string());
        let _ = writeln!(out, "{metric}{{provider=\"{provider}\"}} {age}");
    }
}

fn histogram(out: &mut String, asked: &Asked, metric: &str, help: &str, values: &Histogram) {
    if !asked.metric(metric) {
        return;
    }
    head(out, metric, "histogram", help);
    for (bound, count) in values.cumulative() {
        let _ = writeln!(out, "{metric}_bucket{{le=\"{bound}\"}} {count}");
    }
    let (count, sum) = (values.count(), values.sum());
    let _ = writeln!(out, "{metric}_bucket{{le=\"+Inf\"}} {count}");
    let _ = writeln!(out, "{metric}_sum {sum}\n{metric}_count {count}");
}

fn containers(out: &mut String, asked: &Asked, rows: &[Row]) {
    let metric = "evenkeel_server_info";
    if !asked.metric(metric) {
        return;
    }
    let containers = rows.iter().filter_map(|r| Some((r, r.server.as_ref()?.container.as_ref()?)));
    let mut lines = String::new();
    for (row, (provider, id)) in containers {
        let (provider, id) = (label_value(provider), label_value(id));
        let labels = format!("{},provider=\"{provider}\",container=\"{id}\"", labels(row));
        let _ = writeln!(lines, "{metric}{{{labels}}} 1");
    }
    if !lines.is_empty() {
        head(out, metric, "gauge", "Which container a server is");
        out.push_str(&lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_adds_up() {
        let mut values = Histogram::new(&[0.5, 1.0]);
        values.observe(0.25);
        values.observe(3.0);
        let mut out = String::new();
        histogram(&mut out, &Asked::default(), "m", "h", &values);
        assert_eq!(
            out,
            "# HELP m h\n# TYPE m histogram\nm_bucket{le=\"0.5\"} 1\nm_bucket{le=\"1\"} 1\n\
             m_bucket{le=\"+Inf\"} 2\nm_sum 3.25\nm_count 2\n"
        );
    }
}

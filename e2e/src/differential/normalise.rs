//! What is not compared as it stands: dates, durations, port numbers, folders, connection counts,
//! and the bytes of an HTTP answer in its log line.
//!
//! HAProxy counts the bytes of its own representation of a head there, which is some bytes more or
//! less than what is on the wire; Evenkeel counts what it sends. In mode tcp both count the same.
//!
//! Built-in error pages are compared by status and fields, without their words and without the
//! order of the fields.
//!
//! This is the whole list. Field names are compared without case (HAProxy writes them in lower
//! case), log lines without their order, and everything else byte by byte.

use super::case::Case;
use regex::{Captures, Regex};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern is valid")
}

static SYSLOG: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(<\d+>)(?:1 )?[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d (?:\S+ )?(\S+?)\[\d+\]: ")
});
static RFC5424: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(<\d+>1) \S+ (\S+) (\S+) \d+ (\S+ \S+) "));
static DATE: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?:\.\d{3})?\]"));
static SLASHED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:^| )(\+?-?\d+(?:/\+?-?\d+){2,4})(?: |$)"));
static CHECK_TIME: LazyLock<Regex> = LazyLock::new(|| pattern(r"check duration: \d+ms"));
static SESSIONS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d+ sessions active"));
static PROCESS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\] +\(\d+\) : "));
static HTTP_BYTES: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(/\+?(?:T|-1) (?:\d{3}|-1) \+?)[1-9]\d* "));
static BADREQ_BYTES: LazyLock<Regex> = LazyLock::new(|| pattern(" (400|408|414|431) 0 "));
static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b\d{4,5}\b"));
static NOTICE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[> ])Proxy \S+ stopped \("));

/// Replaces the port numbers and the folder of one side by their names.
pub fn places(text: &str, ports: &BTreeMap<u16, String>, dir: &Path) -> String {
    let text = text.replace(&dir.display().to_string(), "<dir>");
    let name = |found: &Captures<'_>| {
        let known = found[0].parse().ok().and_then(|port: u16| ports.get(&port));
        known.cloned().unwrap_or_else(|| found[0].to_owned())
    };
    NUMBER.replace_all(&text, name).into_owned()
}

/// What a program says on standard error about servers, without its process number.
pub fn notice(case: &Case, line: &str) -> Option<String> {
    let line = log_line(case, line)?;
    let about = PROCESS.is_match(&line) && (line.contains("Server ") || line.contains("backend '"));
    let line = PROCESS.replace(&line, "] (PID) : ");
    about.then(|| format!("says {line}"))
}

/// A log message as it is compared; none for lines that are not.
pub fn log_line(case: &Case, line: &str) -> Option<String> {
    let line = SYSLOG.replace(line, "$1$2 ");
    let line = RFC5424.replace(&line, "$1 $2 $3 $4 ");
    if NOTICE.is_match(&line) || line.contains(crate::backend::PROBE_MARK) {
        return None;
    }
    let line = DATE.replace_all(&line, "[DATE]");
    let line = CHECK_TIME.replace_all(&line, "check duration: T");
    let line = SESSIONS.replace_all(&line, "S sessions active");
    let line = slashed(&line, case.compare_counts);
    let line = HTTP_BYTES.replace(&line, "${1}B ");
    Some(BADREQ_BYTES.replace(&line, " $1 B ").into_owned())
}

/// Timers become T; of the counts that follow only the retries stay.
fn slashed(line: &str, counts: bool) -> String {
    let mut out = String::new();
    let (mut rest, mut seen) = (line, 0);
    while let Some(found) = SLASHED.captures(rest).and_then(|c| c.get(1)) {
        if rest[..found.start()].contains('"') {
            break;
        }
        out.push_str(&rest[..found.start()]);
        let fields: Vec<&str> = found.as_str().split('/').collect();
        let kept: Vec<String> = fields
            .iter()
            .enumerate()
            .map(|(at, field)| match seen {
                0 if field.starts_with('-') => (*field).to_owned(),
                0 => "T".to_owned(),
                1 if !counts && at < 4 => "C".to_owned(),
                _ => (*field).to_owned(),
            })
            .collect();
        out.push_str(&kept.join("/"));
        rest = &rest[found.end()..];
        seen += 1;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_line_keeps_what_does_not_depend_on_time() {
        let line = "<134>Nov 24 15:04:05 haproxy[7]: 127.0.0.1:4000 [24/Nov/2026:15:04:05.123] fe \
                    be/a 0/0/-1/1/+2 200 69 - - ---- 1/1/0/0/3 0/0 \"GET /1/2/3 HTTP/1.1\"";
        let seen = log_line(&Case::default(), line).unwrap();
        assert_eq!(
            seen,
            "<134>haproxy 127.0.0.1:4000 [DATE] fe be/a T/T/-1/T/T 200 B - - ---- C/C/C/C/3 0/0 \
             \"GET /1/2/3 HTTP/1.1\""
        );
    }
}

//! What the process says on standard error: in its own voice, in HAProxy's, or as JSON.

use std::fmt::Display;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::sync::OnceLock;

use config::Severity;
use config::render::haproxy_prefix;
use control::{Ending, Entry};
use serde_json::{Value, json};

/// Whose voice and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// `evenkeel: error: ...`.
    Native,
    /// `[ALERT]    (pid) : ...`.
    Haproxy {
        /// `-q`: nothing at all.
        quiet: bool,
    },
    /// An object in each line.
    Json,
}

impl Voice {
    /// Says something; a text of several lines stays together.
    pub fn say(self, severity: Severity, text: impl Display) {
        let text = text.to_string();
        let line = match self {
            Self::Haproxy { quiet: true } => return,
            Self::Haproxy { .. } => {
                format!("{}{}\n", haproxy_prefix(severity, std::process::id()), indented(&text))
            }
            Self::Native => {
                let label = match severity {
                    Severity::Alert => "error: ",
                    Severity::Warning => "warning: ",
                    Severity::Notice | Severity::Diag => "",
                };
                format!("evenkeel: {label}{}\n", indented(&text))
            }
            Self::Json => object(severity, json!({ "message": text.trim_end() })),
        };
        self.write(severity, &line);
    }

    /// Something that ends the process or refuses a change.
    pub fn alert(self, text: impl Display) {
        self.say(Severity::Alert, text);
    }

    /// Something that should be looked at.
    pub fn warning(self, text: impl Display) {
        self.say(Severity::Warning, text);
    }

    /// Something worth knowing.
    pub fn notice(self, text: impl Display) {
        self.say(Severity::Notice, text);
    }

    /// A change: what differs, who asked, how long it took.
    pub fn change(self, entry: &Entry) {
        let severity = match entry.ending {
            Ending::Refused { .. } => Severity::Alert,
            Ending::Applied { .. } | Ending::Unchanged => Severity::Notice,
        };
        if self == Self::Json {
            self.write(severity, &object(severity, change(entry)));
        } else {
            self.say(severity, entry);
        }
    }

    /// Text that is laid out already, such as the findings of a configuration.
    pub fn raw(self, text: &str) {
        match self {
            Self::Haproxy { quiet: true } => {}
            Self::Json => self.warning(text),
            _ => self.write(Severity::Warning, text),
        }
    }

    fn write(self, severity: Severity, text: &str) {
        let marked;
        let text = match (self, *JOURNAL.get_or_init(journal)) {
            // A HAProxy says the same wherever it runs.
            (Self::Haproxy { .. }, _) | (_, false) => text,
            (_, true) => {
                marked = with_priority(severity, text);
                &marked
            }
        };
        // A closed standard error is no reason to stop balancing.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}

/// Whether standard error goes to systemd's journal (`JOURNAL_STREAM`, systemd.exec(5)).
static JOURNAL: OnceLock<bool> = OnceLock::new();

fn journal() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let Ok(file) = std::fs::metadata("/proc/self/fd/2") else { return false };
    stream == format!("{}:{}", file.dev(), file.ino())
}

/// The text with the priority that the journal is to give each of its lines (sd-daemon(3)).
fn with_priority(severity: Severity, text: &str) -> String {
    let priority = match severity {
        Severity::Alert => "<3>",
        Severity::Warning => "<4>",
        Severity::Notice => "<6>",
        Severity::Diag => "<7>",
    };
    text.split_inclusive('\n').flat_map(|line| [priority, line]).collect()
}

/// A line of the log: these members, when it was and how grave it is.
fn object(severity: Severity, mut members: Value) -> String {
    let level = match severity {
        Severity::Alert => "error",
        Severity::Warning => "warning",
        Severity::Notice => "info",
        Severity::Diag => "debug",
    };
    members["level"] = level.into();
    members["time"] = jiff::Timestamp::now().to_string().into();
    members["pid"] = std::process::id().into();
    format!("{members}\n")
}

fn change(entry: &Entry) -> Value {
    let causes: Vec<String> = entry.causes.iter().map(ToString::to_string).collect();
    let mut members = json!({
        "event": "change",
        "number": entry.number,
        "causes": causes,
        "took_ms": (entry.took.as_secs_f64() * 1e6).round() / 1e3,
    });
    match &entry.ending {
        Ending::Unchanged => members["ending"] = "unchanged".into(),
        Ending::Refused { reason } => {
            members["ending"] = "refused".into();
            members["reason"] = reason.as_str().into();
        }
        Ending::Applied { generation, steps, more } => {
            members["ending"] = "applied".into();
            members["generation"] = (*generation).into();
            members["steps"] = steps.as_slice().into();
            members["more"] = (*more).into();
        }
    }
    members
}

/// Further lines set apart, and nothing that a terminal would take for an order.
fn indented(text: &str) -> String {
    let plain = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { '?' } else { c };
    text.trim_end().chars().map(plain).collect::<String>().replace('\n', "\n   | ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use control::Cause;

    use super::*;

    #[test]
    fn further_lines_are_set_apart() {
        assert_eq!(indented("one\ntwo\n"), "one\n   | two");
        assert_eq!(indented("a\u{1b}[31m\rb\n"), "a?[31m?b");
    }

    #[test]
    fn the_journal_is_told_how_grave_each_line_is() {
        assert_eq!(with_priority(Severity::Warning, "a\n   | b\n"), "<4>a\n<4>   | b\n");
    }

    #[test]
    fn a_change_is_one_line_of_json_whatever_is_in_it() {
        let steps = vec!["+ server \"b\"\n\u{1b}".to_owned()];
        let entry = Entry {
            number: 3,
            at_ms: 0,
            causes: vec![Cause::Signal("HUP")],
            took: Duration::from_micros(1250),
            ending: Ending::Applied { generation: 2, steps: steps.clone(), more: 1 },
        };
        let line = object(Severity::Notice, change(&entry));
        assert_eq!(line.matches('\n').count(), 1, "{line}");
        let value: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(value["causes"][0], "signal HUP");
        assert_eq!((&value["took_ms"], &value["generation"]), (&json!(1.25), &json!(2)));
        assert_eq!((&value["level"], &value["steps"]), (&json!("info"), &json!(steps)));
    }
}

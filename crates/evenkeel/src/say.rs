//! What the process says on standard error: in its own voice, or in HAProxy's.

use std::fmt::Display;
use std::io::Write;

use config::Severity;
use config::render::haproxy_prefix;

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
        };
        // A closed standard error is no reason to stop balancing.
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
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

    /// Text that is laid out already, such as the findings of a configuration.
    pub fn raw(self, text: &str) {
        if self != (Self::Haproxy { quiet: true }) {
            let _ = std::io::stderr().lock().write_all(text.as_bytes());
        }
    }
}

/// Further lines set apart, and nothing that a terminal would take for an order.
fn indented(text: &str) -> String {
    let plain = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { '?' } else { c };
    text.trim_end().chars().map(plain).collect::<String>().replace('\n', "\n   | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn further_lines_are_set_apart() {
        assert_eq!(indented("one\ntwo\n"), "one\n   | two");
        assert_eq!(indented("a\u{1b}[31m\rb\n"), "a?[31m?b");
    }
}

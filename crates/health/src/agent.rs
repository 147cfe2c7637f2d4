//! What an agent says about its server (manual 5.2 `agent-check`).

use crate::status::{CheckResult, CheckStatus};

/// State of the administrator that an agent asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// End of maintenance and drain.
    Ready,
    /// Only sticky clients.
    Drain,
    /// Nothing new.
    Maintenance,
}

/// An agent's answer; what it does not mention stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// Weight in percent of the configured one.
    pub weight_percent: Option<u16>,
    /// State of the administrator.
    pub wish: Option<Wish>,
    /// Up (true) or down, with the word that said so.
    pub up: Option<(bool, String)>,
}

/// Longest line that is read from an agent, bytes.
pub const MAX_LINE: usize = 1024;

/// Reads the first line of an answer; `None` while it is not complete. Words that are not known
/// are skipped, what follows a `#` describes the state before it.
#[must_use]
pub fn parse(input: &[u8], ended: bool) -> Option<Advice> {
    let end = input.iter().position(|b| matches!(b, b'\r' | b'\n'));
    let line = match end {
        Some(end) => input.get(..end)?,
        None if ended || input.len() >= MAX_LINE => input,
        None => return None,
    };
    let text = String::from_utf8_lossy(line);
    let (words, description) = match text.split_once('#') {
        Some((words, description)) => (words, Some(description.trim())),
        None => (&*text, None),
    };
    let mut advice = Advice::default();
    for word in words.split([' ', '\t', ',']).filter(|word| !word.is_empty()) {
        let lower = word.to_ascii_lowercase();
        match &*lower {
            "ready" => advice.wish = Some(Wish::Ready),
            "drain" => advice.wish = Some(Wish::Drain),
            "maint" => advice.wish = Some(Wish::Maintenance),
            "up" => advice.up = Some((true, lower)),
            "down" | "stopped" | "fail" | "failed" => {
                let shown = match description {
                    Some(description) => format!("{lower} ({description})"),
                    None => lower,
                };
                advice.up = Some((false, shown));
            }
            other => {
                if let Some(percent) = other.strip_suffix('%').and_then(|p| p.parse().ok()) {
                    advice.weight_percent = Some(percent);
                }
            }
        }
    }
    Some(advice)
}

/// What an agent said, as logs show it.
#[must_use]
pub fn result(up: bool, word: &str) -> CheckResult {
    let status = if up { CheckStatus::L7Ok } else { CheckStatus::L7Sts };
    CheckResult::with(status, Some(0), format!("via agent : {word}"))
}

/// An answer that says nothing about up or down.
#[must_use]
pub fn no_change() -> CheckResult {
    CheckResult::new(CheckStatus::Checked)
}

/// Nobody answered, or not in time.
#[must_use]
pub fn unreachable(in_time: bool, why: impl Into<String>) -> CheckResult {
    let status = if in_time { CheckStatus::L4Con } else { CheckStatus::L4Tout };
    CheckResult::with(status, None, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Advice {
        parse(line.as_bytes(), true).expect("complete")
    }

    #[test]
    fn words_of_all_kinds_stand_in_one_line() {
        let all = said("ready, up\t50%\r\nmore");
        assert_eq!(all.wish, Some(Wish::Ready));
        assert_eq!(all.up, Some((true, "up".into())));
        assert_eq!(all.weight_percent, Some(50));
        assert_eq!(said("DOWN #no disk").up, Some((false, "down (no disk)".into())));
        assert_eq!(said("drain").wish, Some(Wish::Drain));
        assert_eq!(said("maint").wish, Some(Wish::Maintenance));
    }

    #[test]
    fn what_is_not_known_changes_nothing() {
        for line in ["", "bogus", "x%", "upper", "50", "# up"] {
            assert_eq!(said(line), Advice::default(), "{line}");
        }
        assert_eq!(parse(b"up", false), None, "the line is not complete");
    }
}

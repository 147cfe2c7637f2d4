//! The last changes on the statistics page: when, who asked, what differed, how it went.

use std::fmt::Write;

use control::{Ending, Entry};

use super::span;
use crate::services::escape::html;

/// Steps of a change that are seen without unfolding it.
const STEPS_SHOWN: usize = 3;

/// The section; `more` is the address of all changes, where these are not all.
pub fn section(out: &mut String, entries: &[Entry], now_ms: u64, more: Option<&str>) {
    out.push_str("<section class=\"card\" id=\"changes\" aria-labelledby=\"changes-head\">\n");
    out.push_str("<header><h2 id=\"changes-head\">Last changes</h2></header>\n");
    if entries.is_empty() {
        out.push_str("<p class=\"soft\">None since the start.</p>\n</section>\n");
        return;
    }
    out.push_str("<ol class=\"changes\">\n");
    for entry in entries {
        item(out, entry, now_ms);
    }
    out.push_str("</ol>\n");
    if let Some(address) = more {
        let _ = writeln!(out, "<p><a href=\"{}\">All changes</a></p>", html(address));
    }
    out.push_str("</section>\n");
}

fn item(out: &mut String, entry: &Entry, now_ms: u64) {
    let (class, word) = match &entry.ending {
        Ending::Applied { .. } => ("up", "applied"),
        Ending::Unchanged => ("", "nothing to change"),
        Ending::Refused { .. } => ("down", "refused"),
    };
    let causes: Vec<String> = entry.causes.iter().map(ToString::to_string).collect();
    let _ = write!(
        out,
        "<li><p><span class=\"state {class}\">{word}</span> <b>{}</b> <span class=\"soft\">{} ago, \
         took {:.1} ms, change {}",
        html(&causes.join(", ")),
        span(now_ms.saturating_sub(entry.at_ms) / 1000),
        entry.took.as_secs_f64() * 1000.0,
        entry.number
    );
    if let Ending::Applied { generation, .. } = &entry.ending {
        let _ = write!(out, ", generation {generation}");
    }
    out.push_str("</span></p>");
    match &entry.ending {
        Ending::Unchanged => {}
        Ending::Refused { reason } => {
            let _ = write!(out, "<pre>{}</pre>", html(reason));
        }
        Ending::Applied { steps, more, .. } => {
            let (seen, folded) = steps.split_at(steps.len().min(STEPS_SHOWN));
            let _ = write!(out, "<pre>{}</pre>", html(&seen.join("\n")));
            let rest = folded.len() + more;
            if rest > 0 {
                let forgotten =
                    if *more > 0 { format!("\nand {more} more") } else { String::new() };
                let _ = write!(
                    out,
                    "<details id=\"c{}\"><summary>{rest} more</summary><pre>{}{forgotten}</pre>\
                     </details>",
                    entry.number,
                    html(&folded.join("\n"))
                );
            }
        }
    }
    out.push_str("</li>\n");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use control::Cause;

    use super::*;

    fn entry(ending: Ending) -> Entry {
        let causes = vec![Cause::Command("<b>".to_owned())];
        Entry { number: 7, at_ms: 1_000, causes, took: Duration::from_micros(1500), ending }
    }

    #[test]
    fn many_steps_are_folded_and_everything_is_text() {
        let steps = (1..6).map(|n| format!("<{n}>")).collect();
        let mut out = String::new();
        let applied = entry(Ending::Applied { generation: 3, steps, more: 4 });
        section(&mut out, &[applied], 66_000, Some("/s;changes"));
        assert!(out.contains("<b>command &lt;b&gt;</b>"), "{out}");
        assert!(out.contains("1 min 5 s ago, took 1.5 ms, change 7, generation 3"), "{out}");
        assert!(out.contains("<pre>&lt;1&gt;\n&lt;2&gt;\n&lt;3&gt;</pre>"), "{out}");
        assert!(out.contains("<summary>6 more</summary><pre>&lt;4&gt;\n&lt;5&gt;\nand 4 more<"));
    }
}

//! Diagnostics as text: one form for people, one as HAProxy writes it.
use std::fmt::Write;

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::source::{Files, Span};

/// Most findings that are printed unless the caller says otherwise.
pub const DEFAULT_LIMIT: usize = 50;
/// Longest part of a line that is shown, in characters.
const MAX_SHOWN: usize = 160;

/// How to print for people.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// With colours for a terminal.
    pub colour: bool,
    /// Most findings that are printed; the rest is counted.
    pub limit: usize,
}

impl Default for Style {
    fn default() -> Self {
        Self { colour: false, limit: DEFAULT_LIMIT }
    }
}

/// All findings, with the line, a caret, the reason and what to do.
pub fn human(diagnostics: &Diagnostics, files: &Files, style: Style) -> String {
    let mut out = String::new();
    for diagnostic in diagnostics.iter().take(style.limit) {
        human_one(&mut out, diagnostic, files, style);
        out.push('\n');
    }
    let printed = diagnostics.iter().count().min(style.limit);
    let total: usize = SEVERITIES.iter().map(|severity| diagnostics.count(*severity)).sum();
    if total > printed {
        let _ = writeln!(out, "... and {} more", total - printed);
    }
    out
}

const SEVERITIES: [Severity; 4] =
    [Severity::Alert, Severity::Warning, Severity::Notice, Severity::Diag];

/// One finding for people, ending in a newline.
pub fn human_one(out: &mut String, diagnostic: &Diagnostic, files: &Files, style: Style) {
    let (label, code) = match diagnostic.severity {
        Severity::Alert => ("error", "1;31"),
        Severity::Warning => ("warning", "1;33"),
        Severity::Notice => ("notice", "1;36"),
        Severity::Diag => ("diag", "1;35"),
    };
    let paint = |code: &str, text: &str| paint(style.colour, code, text);
    let _ = writeln!(out, "{}: {}", paint(code, label), paint("1", &shown(&diagnostic.reason)));
    let related = diagnostic.related.iter().map(|(span, what)| (*span, what.as_str(), "36"));
    let main = diagnostic.span.map(|span| (span, "", code));
    let widest = main
        .iter()
        .map(|(span, ..)| span.line)
        .chain(diagnostic.related.iter().map(|(span, _)| span.line));
    let width = widest.max().map_or(0, |line| line.to_string().len());
    for (span, what, code) in main.into_iter().chain(related) {
        let name = files.name(span.file);
        let arrow = paint("34", "-->");
        let _ = writeln!(out, "{:width$}{arrow} {name}:{}:{}", "", span.line, span.column);
        excerpt(out, span, what, files, width, &|text| paint(code, text));
    }
    if let Some(hint) = &diagnostic.hint {
        let _ = writeln!(out, "{:width$} {} {}", "", paint("32", "= hint:"), shown(hint));
    }
}

fn paint(colour: bool, code: &str, text: &str) -> String {
    if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

fn excerpt(
    out: &mut String,
    span: Span,
    what: &str,
    files: &Files,
    width: usize,
    paint: &dyn Fn(&str) -> String,
) {
    let line = files.file(span.file).map_or("", |file| file.line(span.line));
    let (shown, at, len) = window(line, span);
    let _ = writeln!(out, "{:width$} |", "");
    let _ = writeln!(out, "{:>width$} | {shown}", span.line);
    let mark = paint(&"^".repeat(len.max(1)));
    let _ = writeln!(out, "{:width$} | {:at$}{mark}{}{what}", "", "", pad(what));
}

fn pad(what: &str) -> &'static str {
    if what.is_empty() { "" } else { " " }
}

/// The part of the line to show, the column of the mark in it and its length, in characters.
fn window(line: &str, span: Span) -> (String, usize, usize) {
    let start = floor(line, span.column as usize - 1);
    let end = floor(line, start + span.len as usize);
    let at = shown(&line[..start]).chars().count();
    let len = shown(&line[start..end]).chars().count();
    let whole = shown(line);
    let count = whole.chars().count();
    if count <= MAX_SHOWN {
        return (whole, at, len);
    }
    let from = at.saturating_sub(MAX_SHOWN / 3);
    let part: String = whole.chars().skip(from).take(MAX_SHOWN).collect();
    let left = if from > 0 { "..." } else { "" };
    let right = if from + MAX_SHOWN < count { "..." } else { "" };
    let len = len.min(MAX_SHOWN - (at - from));
    (format!("{left}{part}{right}"), at - from + left.len(), len)
}

fn floor(line: &str, offset: usize) -> usize {
    let mut offset = offset.min(line.len());
    while !line.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// Tabs as four blanks, other control characters as a replacement, so that nothing in a file
/// can move the cursor of the terminal.
fn shown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str("    "),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// All findings as HAProxy writes them to its standard error, closing lines included.
pub fn haproxy(diagnostics: &Diagnostics, files: &Files, pid: u32, limit: usize) -> String {
    let mut out = String::new();
    let mut failed = Vec::new();
    for diagnostic in diagnostics {
        if diagnostic.severity == Severity::Alert
            && let Some(span) = diagnostic.span
            && !failed.contains(&span.file)
        {
            failed.push(span.file);
        }
    }
    for diagnostic in diagnostics.iter().take(limit) {
        let prefix = haproxy_prefix(diagnostic.severity, pid);
        let place = match diagnostic.span {
            Some(span) => format!("parsing [{}:{}] : ", files.name(span.file), span.line),
            None => String::new(),
        };
        let reason = shown(&diagnostic.reason);
        let hint = diagnostic.hint.as_ref().map_or(String::new(), |hint| format!("; {hint}"));
        let stop = if hint.ends_with('?') { "" } else { "." };
        let _ = writeln!(out, "{prefix}config : {place}{reason}{hint}{stop}");
    }
    for file in failed {
        let prefix = haproxy_prefix(Severity::Alert, pid);
        let name = files.name(file);
        let _ = writeln!(out, "{prefix}config : Error(s) found in configuration file : {name}");
    }
    if diagnostics.has_alerts() {
        let prefix = haproxy_prefix(Severity::Alert, pid);
        let _ = writeln!(out, "{prefix}config : Fatal errors found in configuration.");
    }
    out
}

/// How a line of HAProxy's standard error starts: `[ALERT]    (1234) : `.
pub fn haproxy_prefix(severity: Severity, pid: u32) -> String {
    let tag = format!("[{}]", severity.tag());
    format!("{tag:<11}({pid}) : ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceFile;

    fn one_finding() -> (Files, Diagnostics) {
        let mut files = Files::default();
        let text = b"global\n\tmaxcon 10\n";
        let file = files.add(SourceFile::new("a.cfg", text)).expect("one file fits");
        let span = Span { file, line: 2, column: 2, len: 6 };
        let mut diagnostics = Diagnostics::default();
        let finding = Diagnostic::new(Severity::Alert, span, "unknown keyword 'maxcon'");
        diagnostics.push(finding.hint("did you mean 'maxconn'?"));
        diagnostics.warning(None, "something\nelse");
        (files, diagnostics)
    }

    #[test]
    fn people_see_the_line_and_a_caret() {
        let (files, diagnostics) = one_finding();
        let said = human(&diagnostics, &files, Style::default());
        let expected = "error: unknown keyword 'maxcon'\n --> a.cfg:2:2\n  |\n2 |     maxcon 10\n  \
                        |     \
                        ^^^^^^\n  = hint: did you mean 'maxconn'?\n\n\
                        warning: something\u{fffd}else\n\n";
        assert_eq!(said, expected);
    }

    #[test]
    fn haproxy_mode_writes_what_haproxy_writes() {
        let (files, diagnostics) = one_finding();
        let said = haproxy(&diagnostics, &files, 42, DEFAULT_LIMIT);
        let expected = "\
            [ALERT]    (42) : config : parsing [a.cfg:2] : unknown keyword 'maxcon'; did you mean \
            'maxconn'?\n\
            [WARNING]  (42) : config : something\u{fffd}else.\n\
            [ALERT]    (42) : config : Error(s) found in configuration file : a.cfg\n\
            [ALERT]    (42) : config : Fatal errors found in configuration.\n";
        assert_eq!(said, expected);
    }

    #[test]
    fn what_is_not_printed_is_counted() {
        let (files, diagnostics) = one_finding();
        let said = human(&diagnostics, &files, Style { colour: false, limit: 1 });
        assert!(said.ends_with("... and 1 more\n"), "{said}");
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let mut files = Files::default();
        let text = format!("{}here{}\n", "x".repeat(400), "y".repeat(400));
        let file = files.add(SourceFile::new("a.cfg", text.as_bytes())).expect("one file fits");
        let span = Span { file, line: 1, column: 401, len: 4 };
        let mut diagnostics = Diagnostics::default();
        diagnostics.alert(span, "look");
        let said = human(&diagnostics, &files, Style::default());
        let lines: Vec<&str> = said.lines().collect();
        let (shown, mark) = (lines[3], lines[4]);
        assert!(shown.len() < 200 && mark.ends_with("^^^^"));
        assert_eq!(shown.find("here"), mark.find('^'));
    }
}

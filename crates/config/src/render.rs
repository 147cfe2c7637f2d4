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
    let _ = writeln!(out, "{}: {}", paint(code, label), paint("1", &diagnostic.reason));
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
        let _ = writeln!(out, "{:width$} {} {hint}", "", paint("32", "= hint:"));
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
        let _ = writeln!(out, "{prefix}config : {place}{reason}{hint}.");
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

//! Configuration text of which every word remembers who asked for it.

use config::SectionKind;
use config::text::lex;

use super::said::Said;

/// Lines being written.
#[derive(Debug, Default)]
pub struct Text {
    text: String,
    said: Vec<Said>,
    /// For each line: from which byte on which speaker's words stand.
    marks: Vec<Vec<(usize, usize)>>,
    start: usize,
}

impl Text {
    /// A line of ours.
    pub fn ours(&mut self, line: &str) {
        self.begin("");
        self.words(line);
        self.end();
    }

    /// A line that somebody asked for.
    pub fn theirs(&mut self, said: &Said) {
        self.begin("    ");
        self.said(said);
        self.end();
    }

    /// Begins a line.
    pub fn begin(&mut self, indent: &str) {
        self.start = self.text.len();
        self.marks.push(Vec::new());
        self.text.push_str(indent);
    }

    /// Words of ours.
    pub fn words(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Words of somebody.
    pub fn said(&mut self, said: &Said) {
        let at = self.text.len() - self.start;
        if let Some(marks) = self.marks.last_mut() {
            marks.push((at, self.said.len()));
        }
        self.said.push(said.clone());
        self.text.push_str(&said.text);
    }

    /// Ends a line.
    pub fn end(&mut self) {
        self.text.push('\n');
    }

    /// The text so far.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whoever speaks at a place; where nobody does, the first who speaks after it in its section.
    pub fn speaker_near(&self, line: u32, column: u32) -> Option<&Said> {
        let at = self.speaker(line, column);
        at.or_else(|| {
            let after = self.text.lines().zip(&self.marks).skip(line as usize);
            let inside = after.take_while(|(text, _)| text.starts_with(' '));
            let first = inside.flat_map(|(_, marks)| marks).next();
            first.map(|(_, said)| &self.said[*said])
        })
    }

    /// Who asked for what stands at a line and column, both from 1.
    pub fn speaker(&self, line: u32, column: u32) -> Option<&Said> {
        let marks = self.marks.get((line as usize).checked_sub(1)?)?;
        let at = column as usize;
        let before = marks.iter().rev().find(|(from, _)| *from < at);
        before.or(marks.first()).map(|(_, said)| &self.said[*said])
    }
}

/// A text without variables.
struct NoVariables;

impl lex::Variables for NoVariables {
    fn variable(&self, _: &str) -> Option<std::borrow::Cow<'_, str>> {
        None
    }
}

/// Why a line that somebody asked for cannot stand inside a section.
pub fn line_fault(line: &str) -> Option<String> {
    if line.ends_with('\\') {
        return Some("a line may not end in a backslash".to_owned());
    }
    let mut words = Vec::new();
    if let Err(e) = lex::split(line, &NoVariables, &mut words) {
        return Some(format!("{} in '{}'", e.kind.reason(), super::route::shown(line)));
    }
    let first = words.first()?;
    let (start, len) = (first.start as usize, first.len as usize);
    let raw = line.get(start..start + len).unwrap_or_default();
    let word = first.expanded.as_ref().map_or(raw, |e| &e.text);
    if raw.starts_with('.') {
        return Some(format!("'{}' is for files alone", super::route::shown(raw)));
    }
    SectionKind::from_keyword(word)
        .map(|_| format!("'{word}' would begin a section: only lines of this one are taken"))
}

/// The problem of a line, if it has one.
pub fn check(said: &Said) -> Result<(), super::Problem> {
    match line_fault(&said.text) {
        None => Ok(()),
        Some(reason) => Err(said.problem(reason)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::containers::said::By;

    fn said(label: &str, text: &str) -> Said {
        Said { by: By::Balancer, label: label.into(), text: text.to_owned() }
    }

    #[test]
    fn every_word_knows_its_speaker() {
        let mut text = Text::default();
        text.ours("backend b");
        text.begin("    ");
        text.words("server a 10.0.0.1:80 ");
        text.said(&said("HEALTH_CHECK", "check inter x"));
        text.words(" ");
        text.said(&said("EXTRA", "maxconn y"));
        text.end();
        let at = |line: usize, word: &str| {
            let full = text.as_str().lines().nth(line - 1).expect("a line");
            let column = full.find(word).expect("a word") + 1;
            text.speaker(line as u32, column as u32).map(|s| s.label.to_string())
        };
        assert_eq!(at(1, "backend"), None);
        let near = text.speaker_near(1, 1).map(|s| s.label.to_string());
        assert_eq!(near.as_deref(), Some("HEALTH_CHECK"), "the first of the section");
        assert_eq!(at(2, "inter").as_deref(), Some("HEALTH_CHECK"));
        assert_eq!(at(2, "maxconn").as_deref(), Some("EXTRA"));
        assert_eq!(at(2, "server").as_deref(), Some("HEALTH_CHECK"), "the first who spoke");
    }

    #[test]
    fn no_line_leaves_its_section() {
        for bad in ["frontend x", "'global'", "b\"ackend\" y", ".if 1", "x\\", "'x"] {
            assert!(line_fault(bad).is_some(), "{bad}");
        }
        assert_eq!(line_fault("option httpclose"), None);
        assert_eq!(line_fault(""), None);
    }
}

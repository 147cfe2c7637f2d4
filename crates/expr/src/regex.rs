//! Regular expressions as configurations use them: on bytes, bounded in size and effort.
use std::fmt;
use std::sync::Arc;

use regex::bytes::{Captures, RegexBuilder};

/// Most memory one compiled expression may take, bytes.
const SIZE_LIMIT: usize = 4 << 20;
/// Most substitutions in one text.
const MAX_SUBSTITUTIONS: usize = 65_536;

/// A compiled regular expression. Equal if pattern and case rule are.
#[derive(Clone)]
pub struct Regex(Arc<Inner>);

struct Inner {
    pattern: Box<str>,
    ignore_case: bool,
    engine: regex::bytes::Regex,
}

impl Regex {
    /// Compiles a pattern.
    pub fn parse(pattern: &str, ignore_case: bool) -> Result<Self, String> {
        let engine = RegexBuilder::new(pattern)
            .unicode(false)
            .case_insensitive(ignore_case)
            .size_limit(SIZE_LIMIT)
            .build()
            .map_err(|error| {
                format!("regex '{pattern}' is invalid: {}", last_line(&error.to_string()))
            })?;
        Ok(Self(Arc::new(Inner { pattern: pattern.into(), ignore_case, engine })))
    }

    /// Whether it matches anywhere in the text.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.0.engine.is_match(text)
    }

    /// The pattern.
    pub fn pattern(&self) -> &str {
        &self.0.pattern
    }

    /// What a template becomes when the text matches: `\0` is the match, `\1` to `\9` are its
    /// groups, `\\` is a backslash. This is how `replace-header` and its kin build new values.
    pub fn expand(&self, text: &[u8], template: &[u8]) -> Option<Vec<u8>> {
        let groups = self.0.engine.captures(text)?;
        let mut out = Vec::new();
        fill(template, &groups, &mut out);
        Some(out)
    }

    /// The text with its first match (or every match) replaced by the filled template; `None` if
    /// nothing matches.
    pub fn replace(&self, text: &[u8], template: &[u8], every: bool) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut done = 0;
        let limit = if every { MAX_SUBSTITUTIONS } else { 1 };
        for groups in self.0.engine.captures_iter(text).take(limit) {
            let Some(whole) = groups.get(0) else { break };
            out.extend_from_slice(text.get(done..whole.start()).unwrap_or_default());
            fill(template, &groups, &mut out);
            done = whole.end();
        }
        if done == 0 && out.is_empty() && !self.is_match(text) {
            return None;
        }
        out.extend_from_slice(text.get(done..).unwrap_or_default());
        Some(out)
    }
}

/// Fills a template with the groups of a match.
fn fill(template: &[u8], groups: &Captures<'_>, out: &mut Vec<u8>) {
    let mut bytes = template.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(digit @ b'0'..=b'9') => {
                if let Some(group) = groups.get(usize::from(digit - b'0')) {
                    out.extend_from_slice(group.as_bytes());
                }
            }
            Some(other) => out.push(other),
            None => out.push(b'\\'),
        }
    }
}

fn last_line(text: &str) -> String {
    let line = text.lines().last().unwrap_or(text).trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

impl PartialEq for Regex {
    fn eq(&self, other: &Self) -> bool {
        self.0.pattern == other.0.pattern && self.0.ignore_case == other.0.ignore_case
    }
}
impl Eq for Regex {}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Regex({})", self.0.pattern)
    }
}

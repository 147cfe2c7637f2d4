//! Regular expressions as configurations use them: on bytes, bounded in size and effort.
use std::fmt;
use std::sync::Arc;

use regex::bytes::RegexBuilder;

use crate::pcre::translate;

/// Most memory one compiled expression may take, bytes.
const SIZE_LIMIT: usize = 4 << 20;
/// Most steps back in one match with look-around or back references.
const BACKTRACK_LIMIT: usize = 100_000;
/// Most substitutions in one text.
const MAX_SUBSTITUTIONS: usize = 65_536;
/// Groups a template can name: `\0` to `\9`.
const GROUPS: usize = 10;

/// A compiled regular expression. Equal if pattern and case rule are.
#[derive(Clone)]
pub struct Regex(Arc<Inner>);

struct Inner {
    pattern: Box<str>,
    ignore_case: bool,
    engine: Engine,
}

enum Engine {
    /// In linear time.
    Linear(regex::bytes::Regex),
    /// With look-around and back references.
    Backtracking(Box<fancy_regex::Regex>),
}

/// Where the groups of a match are: byte offsets, or `None` for groups that did not take part.
type Spans = [Option<(usize, usize)>; GROUPS];

impl Regex {
    /// Compiles a pattern in PCRE's notation.
    pub fn parse(pattern: &str, ignore_case: bool) -> Result<Self, String> {
        let translated = translate(pattern);
        let linear = RegexBuilder::new(&translated)
            .unicode(false)
            .case_insensitive(ignore_case)
            .size_limit(SIZE_LIMIT)
            .build();
        let engine = match linear {
            Ok(engine) => Engine::Linear(engine),
            Err(error) => {
                let engine = fancy_regex::RegexBuilder::new(&translated)
                    .case_insensitive(ignore_case)
                    .bytes_mode(fancy_regex::BytesMode::Ascii)
                    .backtrack_limit(BACKTRACK_LIMIT)
                    .delegate_size_limit(SIZE_LIMIT)
                    .build()
                    .map_err(|_| {
                        let why = last_line(&error.to_string());
                        format!("regex '{pattern}' is invalid: {why}")
                    })?;
                Engine::Backtracking(Box::new(engine))
            }
        };
        Ok(Self(Arc::new(Inner { pattern: pattern.into(), ignore_case, engine })))
    }

    /// Whether it matches anywhere in the text. A match that takes too many steps is none.
    pub fn is_match(&self, text: &[u8]) -> bool {
        match &self.0.engine {
            Engine::Linear(engine) => engine.is_match(text),
            Engine::Backtracking(engine) => engine.is_match(text).unwrap_or(false),
        }
    }

    /// The pattern.
    pub fn pattern(&self) -> &str {
        &self.0.pattern
    }

    /// What a template becomes when the text matches: `\0` is the match, `\1` to `\9` are its
    /// groups, `\\` is a backslash. This is how `replace-header` and its kin build new values.
    pub fn expand(&self, text: &[u8], template: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.matches(text, 1, &mut |text, spans| fill(template, text, spans, &mut out))?;
        Some(out)
    }

    /// The text with its first match (or every match) replaced by the filled template; `None` if
    /// nothing matches.
    pub fn replace(&self, text: &[u8], template: &[u8], every: bool) -> Option<Vec<u8>> {
        let limit = if every { MAX_SUBSTITUTIONS } else { 1 };
        let mut out = Vec::new();
        let mut done = 0;
        self.matches(text, limit, &mut |text, spans| {
            let (start, end) = spans.first().copied().flatten().unwrap_or_default();
            out.extend_from_slice(text.get(done..start).unwrap_or_default());
            fill(template, text, spans, &mut out);
            done = end;
        })?;
        out.extend_from_slice(text.get(done..).unwrap_or_default());
        Some(out)
    }

    /// Hands over the groups of each match in order; `None` if there is no match.
    fn matches(&self, text: &[u8], limit: usize, f: &mut dyn FnMut(&[u8], &Spans)) -> Option<()> {
        let mut found = None;
        match &self.0.engine {
            Engine::Linear(engine) => {
                for groups in engine.captures_iter(text).take(limit) {
                    let span = |nth| groups.get(nth).map(|group| (group.start(), group.end()));
                    f(text, &std::array::from_fn(span));
                    found = Some(());
                }
            }
            Engine::Backtracking(engine) => {
                for groups in engine.captures_iter(text).take(limit) {
                    let groups = groups.ok()?;
                    let span = |nth| groups.get(nth).map(|group| (group.start(), group.end()));
                    f(text, &std::array::from_fn(span));
                    found = Some(());
                }
            }
        }
        found
    }
}

/// Fills a template with the groups of a match.
fn fill(template: &[u8], text: &[u8], spans: &Spans, out: &mut Vec<u8>) {
    let mut bytes = template.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(digit @ b'0'..=b'9') => {
                let span = spans.get(usize::from(digit - b'0')).copied().flatten();
                let group = span.and_then(|(start, end)| text.get(start..end));
                out.extend_from_slice(group.unwrap_or_default());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_around_where_it_must() {
        let regex = Regex::parse("^/(?!api/)", false).unwrap();
        assert!(regex.is_match(b"/web") && !regex.is_match(b"/api/x"));
        assert!(regex.is_match(b"/\xff"));
        let twice = Regex::parse(r"(\w)\1", true).unwrap();
        assert_eq!(twice.replace(b"xaab", br"<\1>", false).unwrap(), b"x<a>b");
        assert!(Regex::parse("(", false).is_err());
    }

    #[test]
    fn fills_templates() {
        let regex = Regex::parse("^/a/(.*)$", false).unwrap();
        assert_eq!(regex.expand(b"/a/b", br"/x/\1\\").unwrap(), br"/x/b\");
        assert_eq!(regex.expand(b"/b", br"\1"), None);
        assert_eq!(regex.replace(b"/a/b", br"", true).unwrap(), b"");
    }

    #[test]
    fn gives_up_on_explosive_patterns() {
        let regex = Regex::parse(r"^(a+)+(?=\1b)$", false).unwrap();
        assert!(!regex.is_match(&[b'a'; 64]));
    }
}

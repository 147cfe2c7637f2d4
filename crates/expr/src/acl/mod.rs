//! ACLs: a criterion, how it is matched, and the patterns (manual 7.1).
mod condition;
mod keywords;
mod nets;
pub(crate) mod numbers;
mod parse;
mod patterns;
mod predefined;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::context::ParseContext;
use crate::error::ParseError;
use crate::patterns::PatternUse;
use crate::place::Place;
use crate::program::{Expr, Reference};
use crate::sample::{Fetch, Sample};
use crate::subject::Subject;

pub use condition::Condition;
pub use keywords::{AclKeyword, acl_keywords};
pub(crate) use nets::Net;
pub use patterns::Match;
pub(crate) use patterns::{from_hex, one_matches, trim, with_text};
pub use predefined::predefined_acls;

/// The answer of an ACL or condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// More data may decide it.
    NotYet,
}

impl Verdict {
    /// True becomes false and false true.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::NotYet => Self::NotYet,
        }
    }

    /// Whether it holds now.
    pub fn is_true(self) -> bool {
        self == Self::True
    }
}

impl From<bool> for Verdict {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// One test: one `acl` line, or one pair of braces.
#[derive(Clone)]
pub struct Acl(Arc<Test>);

struct Test {
    criterion: Expr,
    /// Those of files, then those of the line.
    patterns: Vec<PatternUse>,
    source: Box<str>,
}

impl Acl {
    /// Reads criterion, flags, operators and values. The words are those after the ACL's name.
    /// A criterion that can never be there where the ACL is used is not an error here: see
    /// [`Condition::useless_at`].
    pub fn parse(words: &[&str], context: &ParseContext<'_>) -> Result<Self, ParseError> {
        let (criterion, patterns) = parse::acl(words, &context.at(Place::ANYWHERE))?;
        Ok(Self(Arc::new(Test { criterion, patterns, source: words.join(" ").into() })))
    }

    /// Runs the test. A criterion that is missing does not match.
    pub fn eval(&self, subject: &dyn Subject) -> Verdict {
        let patterns = &self.0.patterns;
        let mut matched = false;
        let answer = self.0.criterion.each(subject, &mut |sample: Sample<'_>| {
            matched = patterns.iter().any(|list| list.matches(&sample));
            matched
        });
        match answer {
            _ if matched => Verdict::True,
            Fetch::NotYet => Verdict::NotYet,
            _ if self.0.criterion.may_change(subject) => Verdict::NotYet,
            Fetch::Is(()) | Fetch::Missing => Verdict::False,
        }
    }

    /// What it tests.
    pub fn criterion(&self) -> &Expr {
        &self.0.criterion
    }

    /// The text it was made from.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// What it names that must exist once all of the configuration is read.
    pub fn references(&self) -> &[Reference] {
        self.0.criterion.references()
    }
}

impl PartialEq for Acl {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (&self.0, &other.0);
        Arc::ptr_eq(a, b)
            || (a.source == b.source && a.criterion == b.criterion && a.patterns == b.patterns)
    }
}
impl Eq for Acl {}

impl fmt::Debug for Acl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Acl({})", self.0.source)
    }
}

/// The named ACLs of a section. Several of one name are tried in order until one holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acls(BTreeMap<Arc<str>, Arc<Vec<Acl>>>);

impl Acls {
    /// None, with a lifetime that suits contexts without ACLs.
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Reads an `acl` line: the words after `acl`, the name first.
    pub fn add_line(
        &mut self,
        words: &[&str],
        context: &ParseContext<'_>,
    ) -> Result<(), ParseError> {
        let Some((name, rest)) = words.split_first() else {
            return Err(ParseError::at(0, "'acl' needs a name and a criterion"));
        };
        check_name(name)?;
        let acl = Acl::parse(rest, context).map_err(|e| {
            let word = e.word + 1;
            e.in_word(word)
        })?;
        self.add(name, acl);
        Ok(())
    }

    /// Adds a test to a name.
    pub fn add(&mut self, name: &str, acl: Acl) {
        match self.0.get_mut(name) {
            Some(tests) => Arc::make_mut(tests).push(acl),
            None => drop(self.0.insert(name.into(), Arc::new(vec![acl]))),
        }
    }

    /// The tests of a name.
    pub fn named(&self, name: &str) -> Option<&[Acl]> {
        self.0.get(name).map(|tests| tests.as_slice())
    }

    /// The names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|name| &**name)
    }

    pub(crate) fn shared(&self, name: &str) -> Option<Arc<Vec<Acl>>> {
        self.0.get(name).cloned()
    }
}

/// The words with one blank between them; words that hold blanks or quotes are quoted.
fn canonical(words: &[&str]) -> Box<str> {
    let mut text = String::new();
    for (nth, word) in words.iter().enumerate() {
        if nth > 0 {
            text.push(' ');
        }
        if word.is_empty() || word.contains([' ', '\t', '"', '\\']) {
            text.push('"');
            text.push_str(&word.replace('\\', "\\\\").replace('"', "\\\""));
            text.push('"');
        } else {
            text.push_str(word);
        }
    }
    text.into()
}

fn check_name(name: &str) -> Result<(), ParseError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if let Some((at, bad)) = name.char_indices().find(|(_, c)| !allowed(*c)) {
        let message = format!("character '{bad}' is not permitted in the name of an ACL");
        return Err(ParseError::at(at, message));
    }
    if name.eq_ignore_ascii_case("or") {
        let message = "an ACL may not be called 'or', which is the operator of conditions";
        return Err(ParseError::at(0, message));
    }
    Ok(())
}

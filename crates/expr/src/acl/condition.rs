//! Conditions: ACLs joined by and, or, not, after `if` or `unless` (manual 7.2).
use std::fmt;
use std::sync::Arc;

use super::{Acl, Acls, Verdict, canonical, predefined};
use crate::context::ParseContext;
use crate::error::ParseError;
use crate::place::Place;
use crate::program::Reference;
use crate::subject::Subject;
use crate::suggest::did_you_mean;

/// Most terms in one condition.
const MAX_TERMS: usize = 4_096;

/// When a rule applies.
#[derive(Clone, PartialEq, Eq)]
pub struct Condition(Arc<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    unless: bool,
    /// Any of these lists must hold in all its terms.
    suites: Vec<Vec<Term>>,
    source: Box<str>,
}

#[derive(Clone, PartialEq, Eq)]
struct Term {
    negated: bool,
    /// `None` for braces.
    name: Option<Arc<str>>,
    /// Tried in order until one holds.
    tests: Arc<Vec<Acl>>,
}

impl Condition {
    /// Reads `if ...` or `unless ...`.
    pub fn parse(words: &[&str], context: &ParseContext<'_>) -> Result<Self, ParseError> {
        let unless = match words.first() {
            Some(&"if") => false,
            Some(&"unless") => true,
            _ => return Err(ParseError::at(0, "expected 'if' or 'unless'")),
        };
        if words.len() == 1 {
            return Err(ParseError::at(0, "condition missing"));
        }
        let suites = read_suites(words.get(1..).unwrap_or_default(), context).map_err(|error| {
            let word = error.word + 1;
            error.in_word(word)
        })?;
        Ok(Self(Arc::new(Inner { unless, suites, source: canonical(words) })))
    }

    /// Reads the terms alone, without `if`.
    pub fn parse_terms(words: &[&str], context: &ParseContext<'_>) -> Result<Self, ParseError> {
        let suites = read_suites(words, context)?;
        Ok(Self(Arc::new(Inner { unless: false, suites, source: canonical(words) })))
    }

    /// Takes up tests that were added to named ACLs after this condition was read. Call it once
    /// the section is complete.
    pub fn bind(&mut self, acls: &Acls) {
        let stale = |term: &Term| {
            let known = term.name.as_deref().and_then(|name| acls.shared(name));
            known.filter(|tests| !Arc::ptr_eq(tests, &term.tests))
        };
        if self.0.suites.iter().flatten().all(|term| stale(term).is_none()) {
            return;
        }
        let inner = Arc::make_mut(&mut self.0);
        for term in inner.suites.iter_mut().flatten() {
            if let Some(tests) = stale(term) {
                term.tests = tests;
            }
        }
    }

    /// Whether it holds.
    pub fn eval(&self, subject: &dyn Subject) -> Verdict {
        let mut answer = Verdict::False;
        for suite in &self.0.suites {
            let verdict = suite
                .iter()
                .map(|term| term.eval(subject))
                .find(|verdict| *verdict != Verdict::True)
                .unwrap_or(Verdict::True);
            match verdict {
                Verdict::True => {
                    answer = Verdict::True;
                    break;
                }
                Verdict::NotYet => answer = Verdict::NotYet,
                Verdict::False => {}
            }
        }
        if self.0.unless { answer.negated() } else { answer }
    }

    /// The text it was made from, `if` included.
    pub fn source(&self) -> &str {
        &self.0.source
    }

    /// Every test in it.
    pub fn tests(&self) -> impl Iterator<Item = &Acl> {
        self.0.suites.iter().flatten().flat_map(|term| term.tests.iter())
    }

    /// Tests that can never match at a place because it lacks what they need.
    pub fn useless_at(&self, place: Place) -> Vec<&Acl> {
        self.tests().filter(|test| !place.offers(test.criterion().need())).collect()
    }

    /// What it names that must exist once all of the configuration is read.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.tests().flat_map(|test| test.references())
    }
}

impl Term {
    fn eval(&self, subject: &dyn Subject) -> Verdict {
        let mut answer = Verdict::False;
        for test in self.tests.iter() {
            match test.eval(subject) {
                Verdict::True => {
                    answer = Verdict::True;
                    break;
                }
                Verdict::NotYet => answer = Verdict::NotYet,
                Verdict::False => {}
            }
        }
        if self.negated { answer.negated() } else { answer }
    }
}

fn read_suites(words: &[&str], context: &ParseContext<'_>) -> Result<Vec<Vec<Term>>, ParseError> {
    let mut suites = Vec::new();
    let mut suite = Vec::new();
    let mut terms = 0;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        if word.eq_ignore_ascii_case("or") || *word == "||" {
            if suite.is_empty() {
                let message = format!("nothing stands before '{word}'");
                return Err(ParseError::at(0, message).in_word(at));
            }
            suites.push(std::mem::take(&mut suite));
            at += 1;
            if words.get(at).is_none() {
                let message = format!("nothing follows '{word}'");
                return Err(ParseError::at(0, message).in_word(at - 1));
            }
            continue;
        }
        terms += 1;
        if terms > MAX_TERMS {
            return Err(ParseError::at(0, "condition too long").in_word(at));
        }
        suite.push(read_term(words, &mut at, context)?);
    }
    if suite.is_empty() {
        return Err(ParseError::at(0, "condition missing").in_word(at.saturating_sub(1)));
    }
    suites.push(suite);
    Ok(suites)
}

fn read_term(
    words: &[&str],
    at: &mut usize,
    context: &ParseContext<'_>,
) -> Result<Term, ParseError> {
    let start = *at;
    let mut negated = false;
    let mut name = "";
    let mut offset = 0;
    while let Some(word) = words.get(*at) {
        let bare = word.trim_start_matches('!');
        offset = word.len() - bare.len();
        negated ^= offset % 2 == 1;
        *at += 1;
        if !bare.is_empty() {
            name = bare;
            break;
        }
    }
    if name.is_empty() {
        return Err(ParseError::at(0, "'!' negates nothing").in_word(start));
    }
    let word = *at - 1;
    if name == "{" {
        let rest = words.get(*at..).unwrap_or_default();
        let Some(length) = rest.iter().position(|word| *word == "}") else {
            return Err(ParseError::at(offset, "missing closing '}'").in_word(word));
        };
        let inside = rest.get(..length).unwrap_or_default();
        if inside.is_empty() {
            return Err(ParseError::at(offset, "nothing between the braces").in_word(word));
        }
        let first = *at;
        *at += length + 1;
        let acl = Acl::parse(inside, context).map_err(|error| {
            let word = error.word + first;
            error.in_word(word)
        })?;
        return Ok(Term { negated, name: None, tests: Arc::new(vec![acl]) });
    }
    let tests = context.acls.shared(name).or_else(|| predefined::shared(name, context));
    let Some(tests) = tests else {
        let known = context.acls.names().chain(predefined::names());
        return Err(ParseError::at(offset, format!("no such ACL: '{name}'"))
            .meant(did_you_mean(name, known))
            .in_word(word));
    };
    Ok(Term { negated, name: Some(name.into()), tests })
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Condition({})", self.0.source)
    }
}

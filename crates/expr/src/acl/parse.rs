//! Reading one test: criterion, flags, operators and values.
use std::sync::Arc;

use super::keywords::{acl_keyword, acl_keywords};
use super::patterns::Match;
use crate::context::ParseContext;
use crate::error::ParseError;
use crate::fetches::{fetch_aliases, fetches};
use crate::patterns::{
    Kind, Operator, PatternCell, PatternError, PatternUse, ValueKind, alone, operand,
};
use crate::program::Expr;
use crate::sample::Type;
use crate::suggest::did_you_mean;

/// Flags as they stand while words are read.
#[derive(Default)]
struct Flags {
    ignore_case: bool,
    as_map: bool,
    no_dns: bool,
    method: Option<Match>,
    id: Option<u32>,
}

/// The words of a test after its criterion.
struct Words<'w, 'c> {
    words: &'w [&'w str],
    at: usize,
    flags: Flags,
    expr: &'w Expr,
    implied: Option<Match>,
    /// The lists of files.
    files: Vec<PatternUse>,
    context: &'c ParseContext<'c>,
}

/// Reads the words of a test.
pub(super) fn acl(
    words: &[&str],
    context: &ParseContext<'_>,
) -> Result<(Expr, Vec<PatternUse>), ParseError> {
    let Some(criterion) = words.first() else {
        return Err(ParseError::at(0, "criterion missing"));
    };
    let (expr, implied) = read_criterion(criterion, context)?;
    let flags = Flags::default();
    let files = Vec::new();
    let mut reader = Words { words, at: 1, flags, expr: &expr, implied, files, context };
    reader.flags()?;
    let patterns = reader.values()?;
    Ok((expr, patterns))
}

impl Words<'_, '_> {
    fn next(&mut self) -> Option<&str> {
        let word = self.words.get(self.at).copied();
        self.at += 1;
        word
    }

    /// Reads flags up to the first pattern.
    fn flags(&mut self) -> Result<(), ParseError> {
        while let Some(word) = self.words.get(self.at).copied() {
            let at = self.at;
            let error = |message: String| Err(ParseError::at(0, message).in_word(at));
            match word {
                "-i" => self.flags.ignore_case = true,
                "-M" => self.flags.as_map = true,
                "-n" => self.flags.no_dns = true,
                "--" => {
                    self.at += 1;
                    return Ok(());
                }
                "-u" | "-m" | "-f" => {
                    self.at += 1;
                    self.flag_with_value(word)?;
                    continue;
                }
                _ if word.len() > 1 && word.starts_with('-') => {
                    return error(format!(
                        "unknown flag '{word}'; write '--' before such a pattern"
                    ));
                }
                _ => return Ok(()),
            }
            self.at += 1;
        }
        Ok(())
    }

    fn flag_with_value(&mut self, flag: &str) -> Result<(), ParseError> {
        let at = self.at - 1;
        let error = |message: &str| Err(ParseError::at(0, message).in_word(at));
        let value = self.next().map(str::to_owned);
        match flag {
            "-u" if value.as_ref().is_none_or(|id| id.parse::<u32>().is_err()) => {
                error("'-u' needs a number as the ACL's unique id")
            }
            "-u" => {
                self.flags.id = value.and_then(|id| id.parse().ok());
                Ok(())
            }
            "-m" if !self.files.is_empty() => error("'-m' must come before '-f'"),
            "-m" => {
                self.flags.method = Some(read_method(value.as_deref(), at)?);
                Ok(())
            }
            _ => match value {
                Some(file) => self.file(&file),
                None => error("'-f' needs the name of a file"),
            },
        }
    }

    /// How patterns are matched.
    fn kind(&self) -> Result<Kind, ParseError> {
        let method = match self.flags.method.or(self.implied) {
            Some(method) => method,
            None => default_method(self.expr)?,
        };
        check_method(self.expr, method)?;
        Ok(Kind {
            method,
            ignore_case: self.flags.ignore_case,
            dotted: self.expr.fetch_name() == "req.ssl_ver",
            value: ValueKind::None,
            filled: false,
        })
    }

    fn file(&mut self, name: &str) -> Result<(), ParseError> {
        let at = self.at - 1;
        let kind = self.kind()?;
        let (columns, context) = (self.flags.as_map, self.context);
        let wrong = |message| ParseError::at(0, message).in_word(at);
        let cell = match context.sources.registry() {
            Some(registry) => registry.file(name, columns, false, context),
            None => alone(name, columns, context),
        };
        let list = cell.map_err(wrong)?;
        let list = self.looked_up(&list, kind);
        self.files.push(list.map_err(|(line, why)| wrong(format!("'{name}' line {line}: {why}")))?);
        Ok(())
    }

    fn looked_up(
        &self,
        cell: &Arc<PatternCell>,
        kind: Kind,
    ) -> Result<PatternUse, (u32, PatternError)> {
        let (context, no_dns) = (self.context, self.flags.no_dns);
        cell.index(kind, &|host| if no_dns { None } else { context.sources.resolve(host) })
    }

    /// Reads operators and patterns to the end.
    fn values(mut self) -> Result<Vec<PatternUse>, ParseError> {
        let kind = self.kind()?;
        let mut patterns = Vec::new();
        let mut operator = Operator::Eq;
        let numbers = matches!(kind.method, Match::Int | Match::Len);
        for (at, word) in self.words.iter().enumerate().skip(self.at) {
            let wrong = |why: String| ParseError::at(0, why).in_word(at);
            match Operator::named(word).filter(|_| numbers) {
                Some(found) => operator = found,
                None if numbers => {
                    patterns.push((at, operand(word, operator, kind.dotted).map_err(wrong)?));
                }
                None => patterns.push((at, (*word).to_owned())),
            }
        }
        let criterion = self.words.first().copied().unwrap_or_default();
        let words: Vec<String> = patterns.iter().map(|(_, word)| word.clone()).collect();
        let cell = match self.context.sources.registry() {
            Some(registry) => registry.words(criterion, &words, self.flags.id),
            None => Ok(Arc::new(PatternCell::words(words.iter().map(String::as_str)))),
        };
        let cell = cell.map_err(|why| ParseError::at(0, why).in_word(self.at))?;
        // Patterns of a line have no line of their own; the one that is wrong is looked for.
        let list = self.looked_up(&cell, kind).map_err(|(_, why)| {
            let wrong = patterns.iter().find(|(_, word)| why.is_about(word));
            ParseError::at(0, why.to_string()).in_word(wrong.map_or(self.at, |(at, _)| *at))
        })?;
        self.files.push(list);
        Ok(self.files)
    }
}

/// The expression, and the match method that its name implies.
fn read_criterion(
    text: &str,
    context: &ParseContext<'_>,
) -> Result<(Expr, Option<Match>), ParseError> {
    let name = text.split(['(', ',']).next().unwrap_or_default();
    let Some(keyword) = acl_keyword(name) else {
        return match Expr::parse(text, context) {
            Err(error) if error.offset == 0 && error.message.starts_with("unknown fetch") => {
                let aliases = fetch_aliases().map(|(name, _)| name);
                let names = fetches().map(|f| f.name).chain(aliases);
                let known = names.chain(acl_keywords().map(|k| k.name));
                Err(ParseError::at(0, format!("unknown ACL criterion '{name}'"))
                    .meant(did_you_mean(name, known)))
            }
            other => other.map(|expr| (expr, None)),
        };
    };
    let (expr, converted) = Expr::parse_renamed(text, keyword.fetch, context)?;
    Ok((expr, (!converted).then_some(keyword.method)))
}

fn read_method(name: Option<&str>, word: usize) -> Result<Match, ParseError> {
    let Some(name) = name else {
        let message = "'-m' needs the name of a match method";
        return Err(ParseError::at(0, message).in_word(word));
    };
    Match::named(name).ok_or_else(|| {
        let known = Match::ALL.iter().map(|known| known.name());
        ParseError::at(0, format!("unknown match method '{name}'"))
            .meant(did_you_mean(name, known))
            .in_word(word + 1)
    })
}

fn default_method(expr: &Expr) -> Result<Match, ParseError> {
    Ok(match expr.output() {
        Type::Bool => Match::Bool,
        Type::Int => Match::Int,
        Type::V4 | Type::V6 | Type::Addr => Match::Ip,
        Type::Str => Match::Str,
        Type::Bin | Type::Any | Type::Same | Type::Method => {
            let message = format!(
                "'{}' gives {}: say with '-m' how to match it",
                expr.source(),
                expr.output().name()
            );
            return Err(ParseError::at(0, message));
        }
    })
}

/// Refuses what could never match (the matrix of manual 7.1).
fn check_method(expr: &Expr, method: Match) -> Result<(), ParseError> {
    let possible = match method {
        Match::Bool => !matches!(expr.output(), Type::V4 | Type::V6 | Type::Addr | Type::Bin),
        Match::Int => expr.output() != Type::Bin,
        Match::Ip => !matches!(expr.output(), Type::Bool | Type::Int),
        _ => true,
    };
    if possible {
        return Ok(());
    }
    let message = format!(
        "match method '{}' cannot be applied to '{}', which gives {}",
        method.name(),
        expr.source(),
        expr.output().name()
    );
    Err(ParseError::at(0, message))
}

//! Reading one test: criterion, flags, operators and values.
use super::keywords::{acl_keyword, acl_keywords};
use super::patterns::{Match, PatternSet, Patterns};
use crate::context::ParseContext;
use crate::error::{ParseError, nearest};
use crate::fetches::{fetch_aliases, fetches};
use crate::program::Expr;
use crate::sample::Type;

/// Flags as they stand while words are read.
struct Flags {
    ignore_case: bool,
    as_map: bool,
    no_dns: bool,
    method: Option<Match>,
}

pub(super) fn acl(
    words: &[&str],
    context: &ParseContext<'_>,
) -> Result<(Expr, Patterns), ParseError> {
    let Some((criterion, rest)) = words.split_first() else {
        return Err(ParseError::at(0, "criterion missing"));
    };
    let (expr, implied) = read_criterion(criterion, context)?;
    let dotted = expr.fetch_name() == "req.ssl_ver";
    let mut flags = Flags { ignore_case: false, as_map: false, no_dns: false, method: None };
    let mut set: Option<PatternSet> = None;
    let mut at = 1;
    let mut words = rest.iter().copied();
    let open = |flags: &Flags, word: usize| {
        let method = match flags.method.or(implied) {
            Some(method) => method,
            None => default_method(&expr).map_err(|e| e.in_word(word))?,
        };
        check_method(&expr, method).map_err(|e| e.in_word(word))?;
        Ok::<_, ParseError>(PatternSet::new(method, dotted))
    };
    let mut value: Option<&str> = None;
    while let Some(word) = words.next() {
        let word_at = at;
        at += 1;
        match word {
            "-i" => flags.ignore_case = true,
            "-M" => flags.as_map = true,
            "-n" => flags.no_dns = true,
            "--" => {
                value = words.next();
                break;
            }
            "-u" => {
                let id = words.next();
                at += 1;
                if id.is_none_or(|id| id.parse::<u32>().is_err()) {
                    let message = "'-u' needs a number as the ACL's unique id";
                    return Err(ParseError::at(0, message).in_word(word_at));
                }
            }
            "-m" => {
                let name = words.next();
                at += 1;
                if set.is_some() {
                    let message = "'-m' must come before '-f'";
                    return Err(ParseError::at(0, message).in_word(word_at));
                }
                flags.method = Some(read_method(name, word_at)?);
            }
            "-f" => {
                let Some(file) = words.next() else {
                    let message = "'-f' needs the name of a file";
                    return Err(ParseError::at(0, message).in_word(word_at));
                };
                at += 1;
                let mut patterns = match set.take() {
                    Some(patterns) => patterns,
                    None => open(&flags, word_at)?,
                };
                read_file(file, &flags, &mut patterns, context)
                    .map_err(|message| ParseError::at(0, message).in_word(word_at + 1))?;
                set = Some(patterns);
            }
            _ if word.len() > 1 && word.starts_with('-') => {
                let message = format!("unknown flag '{word}'; write '--' before such a pattern");
                return Err(ParseError::at(0, message).in_word(word_at));
            }
            _ => {
                value = Some(word);
                at = word_at;
                break;
            }
        }
    }
    let mut patterns = match set {
        Some(patterns) => patterns,
        None => open(&flags, 0)?,
    };
    let resolve = |host: &str| {
        if flags.no_dns { None } else { context.sources.resolve(host) }
    };
    while let Some(word) = value {
        patterns
            .add(word, flags.ignore_case, &resolve)
            .map_err(|message| ParseError::at(0, message).in_word(at))?;
        at += 1;
        value = words.next();
    }
    Ok((expr, patterns.finish()))
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
                    .meant(nearest(name, known)))
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
            .meant(nearest(name, known))
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

fn read_file(
    name: &str,
    flags: &Flags,
    patterns: &mut PatternSet,
    context: &ParseContext<'_>,
) -> Result<(), String> {
    let content =
        context.sources.file(name).map_err(|why| format!("cannot read '{name}': {why}"))?;
    let resolve = |host: &str| {
        if flags.no_dns { None } else { context.sources.resolve(host) }
    };
    for (nth, line) in crate::map::lines(&content) {
        let text = if flags.as_map { crate::map::columns(line).0 } else { line };
        let text = std::str::from_utf8(text)
            .map_err(|_| format!("'{name}' line {nth}: the pattern is not valid UTF-8"))?;
        patterns
            .add_one(text, flags.ignore_case, &resolve)
            .map_err(|message| format!("'{name}' line {nth}: {message}"))?;
    }
    patterns.mix_content(&content);
    Ok(())
}

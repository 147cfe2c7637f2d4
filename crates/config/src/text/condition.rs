//! The expression behind `.if` and `.elif`, and behind `-cc` (manual chapter 2.4).
use super::env::Environment;
use super::facts::{Facts, Version, openssl_version};

/// Deepest nesting of parentheses and negations.
pub const MAX_DEPTH: usize = 64;

/// Why an expression cannot be evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionError {
    /// Offset in the expression, in bytes.
    pub at: usize,
    /// What is wrong.
    pub reason: String,
    /// A predicate that may have been meant.
    pub suggestion: Option<&'static str>,
}

/// The value of `expression`; an empty one is false.
///
/// # Errors
/// [`ConditionError`] for what is no expression; both sides of `&&` and `||` are always read.
pub fn evaluate(
    expression: &str,
    environment: &Environment,
    facts: &Facts,
) -> Result<bool, ConditionError> {
    let mut reader = Reader { text: expression, at: 0, depth: 0, environment, facts };
    reader.blanks();
    if reader.rest().is_empty() {
        return Ok(false);
    }
    let value = reader.or()?;
    reader.blanks();
    match reader.rest().chars().next() {
        None => Ok(value),
        Some(c) => reader.fail(format!("unexpected character '{c}' at the end of the condition")),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    environment: &'a Environment,
    facts: &'a Facts,
}

type Outcome<T> = Result<T, ConditionError>;

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn fail<T>(&self, reason: impl Into<String>) -> Outcome<T> {
        Err(ConditionError { at: self.at, reason: reason.into(), suggestion: None })
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t']).len();
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn or(&mut self) -> Outcome<bool> {
        let mut value = self.and()?;
        loop {
            self.blanks();
            if !self.take("||") {
                return Ok(value);
            }
            value |= self.and()?;
        }
    }

    fn and(&mut self) -> Outcome<bool> {
        let mut value = self.term()?;
        loop {
            self.blanks();
            if !self.take("&&") {
                return Ok(value);
            }
            value &= self.term()?;
        }
    }

    fn term(&mut self) -> Outcome<bool> {
        self.blanks();
        if self.depth >= MAX_DEPTH {
            return self.fail(format!("the condition is nested deeper than {MAX_DEPTH}"));
        }
        self.depth += 1;
        let value = self.term_inside();
        self.depth -= 1;
        value
    }

    fn term_inside(&mut self) -> Outcome<bool> {
        let start = self.at;
        if self.take("!") {
            return Ok(!self.term()?);
        }
        if self.take("(") {
            let value = self.or()?;
            self.blanks();
            if !self.take(")") {
                self.at = start;
                return self.fail("expected ')' after this condition");
            }
            return Ok(value);
        }
        if self.rest().starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+') {
            return self.number();
        }
        self.predicate()
    }

    /// Zero is false, every other number true; hexadecimal and signs are numbers too.
    fn number(&mut self) -> Outcome<bool> {
        let start = self.at;
        if !self.take("-") {
            self.take("+");
        }
        let hexadecimal = self.take("0x") || self.take("0X");
        let digit = |c: char| if hexadecimal { c.is_ascii_hexdigit() } else { c.is_ascii_digit() };
        let digits = self.rest();
        let end = digits.find(|c| !digit(c)).unwrap_or(digits.len());
        if end == 0 {
            self.at = start;
            return self.fail("this is no condition");
        }
        self.at += end;
        Ok(digits[..end].contains(|c| c != '0'))
    }

    fn predicate(&mut self) -> Outcome<bool> {
        let start = self.at;
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = &rest[..end];
        let Some((_, arity)) = PREDICATES.iter().find(|(known, _)| *known == name) else {
            let names = PREDICATES.iter().map(|(name, _)| *name);
            let suggestion = expr::suggest::did_you_mean(name, names);
            let word = rest.split([' ', '\t']).next().unwrap_or(rest);
            return Err(ConditionError {
                at: start,
                reason: format!("'{word}' is no condition"),
                suggestion,
            });
        };
        self.at += end;
        let args = if self.take("(") { self.arguments(*arity)? } else { Vec::new() };
        if args.len() < *arity {
            let got = args.len();
            return self.fail(format!("'{name}' takes {arity} argument(s), here is {got}"));
        }
        let arg = |index: usize| args.get(index).map_or("", String::as_str);
        Ok(self.ask(name, arg(0), arg(1)))
    }

    /// Arguments up to the closing parenthesis, with quotes and escapes of their own.
    fn arguments(&mut self, arity: usize) -> Outcome<Vec<String>> {
        let mut args = Vec::new();
        let mut arg = String::new();
        let mut quote = None;
        let open = self.at;
        loop {
            let Some(c) = self.rest().chars().next() else {
                self.at = open;
                return self.fail("expected ')' after the arguments");
            };
            self.at += c.len_utf8();
            match (quote, c) {
                (Some('\''), _) if c != '\'' => arg.push(c),
                (_, '\\') => {
                    let escaped = self.rest().chars().next().unwrap_or('\\');
                    self.at += self.rest().chars().next().map_or(0, char::len_utf8);
                    match escaped {
                        'n' => arg.push('\n'),
                        'r' => arg.push('\r'),
                        't' => arg.push('\t'),
                        ' ' | '\\' | '"' | '\'' | ',' | ')' => arg.push(escaped),
                        other => arg.extend(['\\', other]),
                    }
                }
                (Some(open), _) if c == open => quote = None,
                (Some(_), _) => arg.push(c),
                (None, '"' | '\'') => quote = Some(c),
                (None, ')') => break,
                (None, ',') if args.len() + 1 < arity => args.push(std::mem::take(&mut arg)),
                (None, ',') => {
                    self.at -= 1;
                    return self.fail("expected ')' here: too many arguments");
                }
                (None, _) => arg.push(c),
            }
        }
        if !(args.is_empty() && arg.is_empty() && arity > 1) {
            args.push(arg);
        }
        Ok(args)
    }

    fn ask(&self, name: &str, first: &str, second: &str) -> bool {
        let facts = self.facts;
        let version = || Version::parse(&facts.version);
        let openssl = || openssl_version(&facts.openssl_version);
        let api = |text: &str| text.trim().parse::<u32>().unwrap_or(0);
        match name {
            "defined" => self.environment.value(first).is_some(),
            "streq" => first == second,
            "strneq" => first != second,
            "strstr" => first.contains(second),
            "feature" => facts.features.iter().any(|feature| feature == first),
            "enabled" => facts.enabled.iter().any(|option| option == first),
            "version_atleast" => version() >= Version::parse(first),
            "version_before" => version() < Version::parse(first),
            "openssl_version_atleast" => openssl() >= openssl_version(first),
            "openssl_version_before" => openssl() < openssl_version(first),
            "ssllib_name_startswith" => facts.ssl_library.starts_with(first),
            "awslc_api_atleast" => facts.awslc_api.is_some_and(|have| have >= api(first)),
            "awslc_api_before" => facts.awslc_api.is_some_and(|have| have < api(first)),
            _ => false,
        }
    }
}

/// Every predicate with the number of its arguments.
const PREDICATES: &[(&str, usize)] = &[
    ("defined", 1),
    ("streq", 2),
    ("strneq", 2),
    ("strstr", 2),
    ("feature", 1),
    ("enabled", 1),
    ("version_atleast", 1),
    ("version_before", 1),
    ("openssl_version_atleast", 1),
    ("openssl_version_before", 1),
    ("ssllib_name_startswith", 1),
    ("awslc_api_atleast", 1),
    ("awslc_api_before", 1),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn value(expression: &str) -> Result<bool, usize> {
        let env = [("A", "x y  z"), ("E", "")].into_iter().collect();
        evaluate(expression, &env, &Facts::default()).map_err(|e| e.at)
    }

    /// What HAProxy 3.2 answers to the same expressions.
    #[test]
    fn conditions_match_haproxy() {
        let yes = [
            "1",
            "2",
            "-1",
            "+1",
            "0x10",
            "99999999999999999999",
            "defined(A)",
            "defined(E)",
            "!!1",
            "1 || 0",
            "(1)",
            "( 1 )",
            "(0 || 1) && 1",
            "streq(a,a)",
            "streq(a b,a b)",
            "streq(,)",
            "strneq(a,b)",
            "strstr(abc,b)",
            "strstr(abc,)",
            "feature(EPOLL)",
            "enabled(SPLICE)",
            "version_atleast(2.4)",
            "version_atleast(3.2.26)",
            "version_atleast(x)",
            "version_atleast()",
            "version_before(3.3)",
            "version_atleast(3.2.26-1)",
            "version_atleast(3.2-dev5)",
            "defined(A) && 0 || 1",
            "defined(A)&&defined(E)",
            "!0 && !0",
            "defined(\"A\")",
            "streq('a,b','a,b')",
            "ssllib_name_startswith(AWS)",
            "awslc_api_atleast(1)",
            "openssl_version_atleast(1.1.1)",
        ];
        for expression in yes {
            assert_eq!(value(expression), Ok(true), "{expression}");
        }
        let no = [
            "",
            "0",
            "00",
            "defined(NOPE)",
            "!defined(A)",
            "! 1",
            "1 && 0",
            "1&&0",
            "0 || 1 && 0",
            "!(1)",
            "streq(a, a)",
            "streq( a,a)",
            "feature(nope)",
            "enabled(splice)",
            "enabled(FOO)",
            "version_atleast(3.2.27)",
            "version_atleast(3.3-dev0)",
            "version_before(3.2.26)",
            "version_before(3.2.26-1)",
            "ssllib_name_startswith(Wolf)",
            "awslc_api_before(27)",
            "openssl_version_atleast(3.0)",
        ];
        for expression in no {
            assert_eq!(value(expression), Ok(false), "{expression}");
        }
    }

    #[test]
    fn what_is_no_condition_is_located() {
        let table = [
            ("1a", 1),
            ("a", 0),
            ("1 &&", 4),
            ("&& 1", 0),
            ("1 & 1", 2),
            ("(1", 0),
            ("1)", 1),
            ("()", 1),
            ("streq(a,a) junk", 11),
            ("streq(a)", 8),
            ("streq(a,b,c)", 9),
            ("streq()", 7),
            ("streq", 5),
            ("foo(1)", 0),
            ("1 || foo(1)", 5),
            ("0 && foo(1)", 5),
            ("1 || (", 6),
            ("1 1", 2),
            ("defined(A", 8),
            ("true", 0),
            ("1 b", 2),
        ];
        for (expression, at) in table {
            assert_eq!(value(expression), Err(at), "{expression}");
        }
    }

    #[test]
    fn nesting_is_bounded() {
        assert!(value(&"!".repeat(10_000)).is_err());
        assert!(value(&"(".repeat(10_000)).is_err());
    }

    #[test]
    fn a_near_miss_is_suggested() {
        let error = evaluate("define(A)", &Environment::new(), &Facts::default());
        assert_eq!(error.map_err(|e| e.suggestion), Err(Some("defined")));
    }
}

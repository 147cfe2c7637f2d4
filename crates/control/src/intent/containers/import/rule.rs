//! Rules of Traefik's routers: matchers joined by `&&`, `||`, `!` and parentheses, taken apart into
//! routes, any of which may hold.

use super::super::asks::ROUTES_MAX;
use super::super::route::{self, Path, Pattern, Test};
use super::super::said::quoted;

/// Deepest nesting of parentheses in a rule.
const DEPTH_MAX: usize = 16;
/// Most tests that one route may have beside host and path.
const TESTS_MAX: usize = 32;

/// Requests of one kind: host, path, and what else must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kind {
    /// Host; `None` = any.
    pub host: Option<Pattern>,
    /// Path; `None` = any.
    pub path: Option<Path>,
    /// Further tests, all of which must hold.
    pub more: Vec<Test>,
}

/// The kinds of requests that a rule means, any of them.
///
/// # Errors
/// What is not understood.
pub fn rule(text: &str) -> Result<Vec<Kind>, String> {
    let mut reader = Reader { rest: text, depth: 0 };
    let tree = reader.any()?;
    match reader.rest.trim_start() {
        "" => kinds(&tree, true),
        rest => Err(format!("'{}' is not understood", route::shown(rest))),
    }
}

/// A rule taken apart.
enum Tree {
    Any(Vec<Tree>),
    All(Vec<Tree>),
    Not(Box<Tree>),
    One(Matcher),
}

struct Matcher {
    /// The matcher as it is written.
    text: String,
    name: &'static str,
    values: Vec<String>,
}

/// Every matcher, and how many values it takes.
const MATCHERS: [(&str, usize, usize); 11] = [
    ("Host", 1, ROUTES_MAX),
    ("HostRegexp", 1, 1),
    ("PathPrefix", 1, ROUTES_MAX),
    ("PathRegexp", 1, 1),
    ("Path", 1, ROUTES_MAX),
    ("Method", 1, 16),
    ("HeaderRegexp", 2, 2),
    ("Header", 2, 2),
    ("QueryRegexp", 2, 2),
    ("Query", 1, 2),
    ("ClientIP", 1, 64),
];

/// What is left of a rule.
struct Reader<'a> {
    rest: &'a str,
    depth: usize,
}

impl Reader<'_> {
    fn eat(&mut self, word: &str) -> bool {
        let rest = self.rest.trim_start();
        let after = rest.strip_prefix(word);
        if let Some(after) = after {
            self.rest = after;
        }
        after.is_some()
    }

    fn any(&mut self) -> Result<Tree, String> {
        let mut list = vec![self.all()?];
        while self.eat("||") {
            list.push(self.all()?);
        }
        Ok(Tree::Any(list))
    }

    fn all(&mut self) -> Result<Tree, String> {
        let mut list = vec![self.one()?];
        while self.eat("&&") {
            list.push(self.one()?);
        }
        Ok(Tree::All(list))
    }

    fn one(&mut self) -> Result<Tree, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err("it is nested too deeply".to_owned());
        }
        let tree = if self.eat("!") {
            Tree::Not(Box::new(self.one()?))
        } else if self.eat("(") {
            let tree = self.any()?;
            if !self.eat(")") {
                return Err("a ')' is missing".to_owned());
            }
            tree
        } else {
            self.matcher()?
        };
        self.depth -= 1;
        Ok(tree)
    }

    fn matcher(&mut self) -> Result<Tree, String> {
        let before = self.rest.trim_start();
        for (name, least, most) in MATCHERS {
            if !self.eat(&format!("{name}(")) {
                continue;
            }
            let values = self.values()?;
            if values.len() < least || values.len() > most {
                return Err(format!("{name} does not take {} values", values.len()));
            }
            let text = before[..before.len() - self.rest.len()].to_owned();
            return Ok(Tree::One(Matcher { text, name, values }));
        }
        Err(format!("'{}' is not understood", route::shown(before)))
    }

    /// Quoted values up to the closing parenthesis.
    fn values(&mut self) -> Result<Vec<String>, String> {
        let mut values = Vec::new();
        loop {
            let rest = self.rest.trim_start();
            let quote = rest.chars().next().filter(|c| matches!(c, '`' | '"' | '\''));
            let quote = quote.ok_or("a quoted value is missing")?;
            let (value, after) = rest[1..].split_once(quote).ok_or("a quote is never closed")?;
            values.push(value.to_owned());
            self.rest = after;
            if self.eat(")") {
                return Ok(values);
            }
            if !self.eat(",") {
                return Err("a ')' is missing".to_owned());
            }
        }
    }
}

/// The kinds for which a rule holds, or does not.
fn kinds(tree: &Tree, holds: bool) -> Result<Vec<Kind>, String> {
    match (tree, holds) {
        (Tree::Not(inner), _) => kinds(inner, !holds),
        (Tree::One(matcher), true) => matcher.kinds(),
        (Tree::One(matcher), false) => matcher.others(),
        (Tree::Any(list), true) | (Tree::All(list), false) => {
            let mut all = Vec::new();
            for tree in list {
                all.extend(kinds(tree, holds)?);
                bounded(&all)?;
            }
            Ok(all)
        }
        (Tree::All(list), true) | (Tree::Any(list), false) => {
            let mut all = vec![Kind::default()];
            for tree in list {
                let more = kinds(tree, holds)?;
                if all.len() * more.len() > ROUTES_MAX {
                    return Err(too_many());
                }
                let both = |a: &Kind| more.iter().map(|b| join(a, b)).collect::<Vec<_>>();
                all = all.iter().flat_map(both).collect::<Result<_, _>>()?;
            }
            Ok(all)
        }
    }
}

fn too_many() -> String {
    format!("more than {ROUTES_MAX} routes")
}

fn bounded(kinds: &[Kind]) -> Result<(), String> {
    if kinds.len() > ROUTES_MAX { Err(too_many()) } else { Ok(()) }
}

/// What is of both kinds. A second host or path becomes a test beside the first.
fn join(a: &Kind, b: &Kind) -> Result<Kind, String> {
    let mut both = a.clone();
    both.more.extend(b.more.iter().cloned());
    match &b.host {
        Some(host) if both.host.is_some() => both.more.push(Test::host(host, true)),
        Some(host) => both.host = Some(host.clone()),
        None => {}
    }
    match &b.path {
        Some(path) if both.path.is_some() => both.more.extend(Test::path(path, true)),
        Some(path) => both.path = Some(path.clone()),
        None => {}
    }
    both.more.sort();
    both.more.dedup();
    match both.more.len() > TESTS_MAX {
        true => Err(format!("more than {TESTS_MAX} tests for one route")),
        false => Ok(both),
    }
}

impl Matcher {
    /// The kinds of requests that it means, one for each value of a host or path.
    fn kinds(&self) -> Result<Vec<Kind>, String> {
        let hosts_or_paths = matches!(self.name, "Host" | "Path" | "PathPrefix");
        if !hosts_or_paths {
            let condition = self.condition()?;
            let test = Test { text: self.text.clone(), condition };
            return Ok(vec![Kind { more: vec![test], ..Kind::default() }]);
        }
        self.values.iter().map(|value| self.kind(value)).collect()
    }

    fn kind(&self, value: &str) -> Result<Kind, String> {
        if value.contains('*') {
            return Err(format!(
                "a star in '{}' stands for itself there: see HostRegexp and PathRegexp",
                route::shown(value)
            ));
        }
        let mut kind = Kind::default();
        match self.name {
            "Host" => kind.host = Some(route::host(value)?),
            // Any text that begins so, as Traefik has it: '/v1' means '/v12', too.
            "PathPrefix" => {
                kind.path = Some(Path::Stars(route::path_pattern(&format!("{value}*"))?));
            }
            _ => kind.path = Some(Path::Stars(route::path_pattern(value)?)),
        }
        Ok(kind)
    }

    /// The kind of requests that it does not mean.
    fn others(&self) -> Result<Vec<Kind>, String> {
        let mut more = Vec::new();
        for kind in self.kinds()? {
            more.extend(kind.host.iter().map(|host| Test::host(host, false)));
            more.extend(kind.path.iter().flat_map(|path| Test::path(path, false)));
            let test = |t: &Test| Test {
                text: format!("!{}", t.text),
                condition: format!("!{}", t.condition),
            };
            more.extend(kind.more.iter().map(test));
        }
        Ok(vec![Kind { more, ..Kind::default() }])
    }

    /// One test in configuration language.
    fn condition(&self) -> Result<String, String> {
        let first = self.values.first().map(String::as_str).unwrap_or_default();
        let second = self.values.get(1).map(String::as_str);
        Ok(match self.name {
            "HostRegexp" => {
                let regex = regex(first)?;
                format!("{{ req.hdr(host),host_only,rtrim(.) -i -m reg -- {regex} }}")
            }
            "PathRegexp" => format!("{{ path -m reg -- {} }}", regex(first)?),
            "Method" => format!(
                "{{ method {} }}",
                words(&self.values, |v| v.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-'))?
            ),
            "ClientIP" => {
                let good = |b: u8| b.is_ascii_hexdigit() || matches!(b, b'.' | b':' | b'/');
                format!("{{ src {} }}", words(&self.values, |v| v.bytes().all(good))?)
            }
            "Header" => {
                let value = quoted(second.unwrap_or_default());
                format!("{{ req.fhdr({}) -m str -- {value} }}", name(first)?)
            }
            "HeaderRegexp" => {
                let regex = regex(second.unwrap_or_default())?;
                format!("{{ req.fhdr({}) -m reg -- {regex} }}", name(first)?)
            }
            "QueryRegexp" => {
                let regex = regex(second.unwrap_or_default())?;
                format!("{{ url_param({}) -m reg -- {regex} }}", name(first)?)
            }
            _ => {
                // Older rules have name and value in one.
                let pair = first.split_once('=').filter(|_| second.is_none());
                match pair.or(second.map(|s| (first, s))) {
                    Some((n, v)) => {
                        format!("{{ url_param({}) -m str -- {} }}", name(n)?, quoted(v))
                    }
                    None => format!("{{ url_param({}) -m found }}", name(first)?),
                }
            }
        })
    }
}

/// Name of a header field or parameter.
fn name(text: &str) -> Result<&str, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match !text.is_empty() && text.chars().all(good) {
        true => Ok(text),
        false => Err(format!("'{}' is no name", route::shown(text))),
    }
}

fn words(list: &[String], good: impl Fn(&str) -> bool) -> Result<String, String> {
    match list.iter().find(|v| v.is_empty() || !good(v)) {
        Some(bad) => Err(format!("'{}' is not understood", route::shown(bad))),
        None => Ok(list.join(" ")),
    }
}

fn regex(text: &str) -> Result<String, String> {
    let inner = text.split('{').nth(1).and_then(|t| t.split('}').next());
    let named = inner.is_some_and(|t| {
        t.split(':')
            .next()
            .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_alphabetic()))
    });
    if named {
        return Err(format!(
            "'{}' is of Traefik 2: a plain expression is read",
            route::shown(text)
        ));
    }
    match text.is_empty() {
        true => Err("an expression is empty".to_owned()),
        false => Ok(quoted(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::route::Route;
    use super::*;

    fn shown(text: &str) -> Result<Vec<String>, String> {
        let show = |kind: Kind| {
            let Kind { host, path, more } = kind;
            Route { host, path, more, ..Route::default() }.to_string()
        };
        rule(text).map(|kinds| kinds.into_iter().map(show).collect())
    }

    #[test]
    fn rules_become_routes() {
        for (text, routes) in [
            ("Host(`a.test`)", &["a.test"][..]),
            (
                "(Host(`a.test`) || Host(\"b.test\")) && PathPrefix(`/v1`)",
                &["a.test/v1*", "b.test/v1*"],
            ),
            ("Host(`a`, `b`) || Path(`/x`)", &["a", "b", "(any host)/x"]),
            ("Host(`a`) && !Path(`/x`)", &["a && !Path(/x)"]),
            ("Host(`a`) && !(Path(`/x`) || Method(`PUT`))", &["a && !Method(`PUT`) && !Path(/x)"]),
            ("!(Host(`a`) && Host(`b`))", &["(any host) && !Host(a)", "(any host) && !Host(b)"]),
            ("!!Host(`a`)", &["a"]),
            ("Host(`a`) && Host(`b`)", &["a && Host(b)"]),
            (
                "HostRegexp(`^.+\\.a$`) && Header(`X-A`, `b c`)",
                &["(any host) && Header(`X-A`, `b c`) && HostRegexp(`^.+\\.a$`)"],
            ),
        ] {
            let routes = routes.iter().map(|r| (*r).to_owned()).collect();
            assert_eq!(shown(text), Ok(routes), "{text}");
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for bad in [
            "",
            "Host(`a`",
            "Host(`a)",
            "Host(a)",
            "Host(`a`) Host(`b`)",
            "Host(`*.a`)",
            "Path(`/*`)",
            "Host(`a b`)",
            "HostHeader(`a`)",
            "HostRegexp(`{sub:[a-z]+}.a`)",
            "HostRegexp(``)",
            "Header(`a`)",
            "Header(`a b`, `c`)",
            "Method(`GET }`)",
            "ClientIP(`anybody`)",
            "Query(`a b`)",
            "!",
            "Host(`a`) &&",
            &"(".repeat(100_000),
            &"!".repeat(100_000),
        ] {
            assert!(rule(bad).is_err(), "{bad}");
        }
        let wide = "(Path(`/a`) || Path(`/b`))";
        assert!(rule(&[wide; 9].join(" && ")).is_err(), "512 routes");
    }
}

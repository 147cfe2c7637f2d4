//! Which requests are asked for: host and path patterns, their order, and their condition in
//! configuration language.

use super::said::quoted;

/// Which port of the balancer a request arrives on: the built-in one, called 80, or another.
pub type ListenPort = u16;

/// The port that stands for the addresses of the built-in frontend.
pub const DEFAULT_PORT: ListenPort = 80;

/// A text in which `*` stands for any run of characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(String);

impl Pattern {
    fn exact(&self) -> bool {
        !self.0.contains('*')
    }

    fn literals(&self) -> usize {
        self.0.chars().filter(|c| *c != '*').count()
    }

    fn prefix(&self) -> usize {
        self.0.find('*').unwrap_or(self.0.len())
    }

    /// A test of `sample` in configuration language.
    fn test(&self, sample: &str, fold: bool) -> String {
        let fold = if fold { "-i " } else { "" };
        let inner = self.0.trim_start_matches('*');
        let (front, inner_end) = (inner.len() < self.0.len(), inner.trim_end_matches('*'));
        let back = inner_end.len() < inner.len();
        let (method, text) = match (front, back) {
            _ if inner_end.is_empty() => return format!("{{ {sample} -m found }}"),
            _ if inner_end.contains('*') => {
                ("reg", format!("^{}$", escape(&self.0).replace("\\*", ".*")))
            }
            (false, false) => ("str", inner_end.to_owned()),
            (true, false) => ("end", inner_end.to_owned()),
            (false, true) => ("beg", inner_end.to_owned()),
            (true, true) => ("sub", inner_end.to_owned()),
        };
        format!("{{ {sample} {fold}-m {method} -- {} }}", quoted(&text))
    }

    /// The pattern as written.
    pub fn text(&self) -> &str {
        &self.0
    }
}

/// A text in which an expression stands for itself.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if !c.is_ascii_alphanumeric() && !matches!(c, '/' | '_' | '-') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// How a path is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Path {
    /// Exactly, or with stars; case does not matter (`VIRTUAL_HOST`).
    Whole(Pattern),
    /// This path and everything below it; case matters. No slash at the end.
    Below(String),
    /// With stars; case matters.
    Stars(Pattern),
}

/// One kind of request that is asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// Port that it arrives on.
    pub port: ListenPort,
    /// Host; `None` = any, and none at all.
    pub host: Option<Pattern>,
    /// Path; `None` = any.
    pub path: Option<Path>,
    /// Only requests for a WebSocket.
    pub websocket: bool,
    /// What else must hold.
    pub more: Vec<Test>,
}

/// A test beside host and path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Test {
    /// For people.
    pub text: String,
    /// In configuration language, braces included.
    pub condition: String,
}

impl Test {
    /// Whether the host is this one.
    pub fn host(host: &Pattern, holds: bool) -> Self {
        let not = if holds { "" } else { "!" };
        let condition = format!("{not}{}", host.test(HOST, false));
        Self { text: format!("{not}Host({})", host.text()), condition }
    }

    /// Whether the path is this one; several tests for one with everything below it that must not
    /// be asked for.
    pub fn path(path: &Path, holds: bool) -> Vec<Self> {
        let not = if holds { "" } else { "!" };
        let tests = path.tests();
        if holds && tests.len() > 1 {
            // Both at once in one expression.
            let Path::Below(p) = path else { return Vec::new() };
            let regex = quoted(&format!("^{}(/.*)?$", escape(p)));
            let condition = format!("{{ path -m reg -- {regex} }}");
            return vec![Self { text: format!("Path({path})"), condition }];
        }
        let text = format!("{not}Path({path})");
        tests.iter().map(|t| Self { text: text.clone(), condition: format!("{not}{t}") }).collect()
    }
}

impl Path {
    /// Tests in configuration language, any of which holds.
    fn tests(&self) -> Vec<String> {
        match self {
            Self::Whole(p) => vec![p.test("path", true)],
            Self::Stars(p) => vec![p.test("path", false)],
            Self::Below(p) => {
                let below = format!("{{ path -m beg -- {} }}", quoted(&format!("{p}/")));
                vec![format!("{{ path -m str -- {} }}", quoted(p)), below]
            }
        }
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(p) | Self::Stars(p) => f.write_str(p.text()),
            Self::Below(p) => write!(f, "{p}/..."),
        }
    }
}

/// The Host header without port, case and final dot.
const HOST: &str = "req.hdr(host),host_only,rtrim(.)";

/// How hosts are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// A port in the Host header must be the one that the route names.
    pub strict_port: bool,
}

/// Reads a host pattern.
///
/// # Errors
/// What is wrong with it.
pub fn host(text: &str) -> Result<Pattern, String> {
    let text = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '*');
    match text.chars().find(|c| !good(*c)) {
        Some(bad) => Err(format!("the host '{}' holds {bad:?}", shown(&text))),
        None if text.is_empty() => Err("a host is empty".to_owned()),
        None if text.len() > 255 => Err(format!("the host '{}' is too long", shown(&text))),
        None => Ok(Pattern(text)),
    }
}

/// Reads a path, perhaps with stars.
///
/// # Errors
/// What is wrong with it.
pub fn path_pattern(text: &str) -> Result<Pattern, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "/-._~!$&'()*+=:@%,".contains(c);
    if !text.starts_with(['/', '*']) {
        return Err(format!("the path '{}' must begin with a slash", shown(text)));
    }
    match text.chars().find(|c| !good(*c)) {
        Some(bad) => Err(format!("the path '{}' holds {bad:?}", shown(text))),
        None if text.len() > 2048 => Err(format!("the path '{}' is too long", shown(text))),
        None => Ok(Pattern(text.to_owned())),
    }
}

/// Reads a native path: with stars, or a path and everything below it; `None` for every path.
///
/// # Errors
/// What is wrong with it.
pub fn native_path(text: &str) -> Result<Option<Path>, String> {
    let pattern = path_pattern(text)?;
    if !pattern.exact() {
        return Ok((pattern.0 != "/*" && pattern.0 != "*").then_some(Path::Stars(pattern)));
    }
    let below = pattern.0.trim_end_matches('/');
    Ok((!below.is_empty()).then(|| Path::Below(below.to_owned())))
}

/// Enough of a text to recognise it.
pub fn shown(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text.to_owned(),
    }
}

/// What one entry of `VIRTUAL_HOST` says.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it asks for.
    pub route: Route,
    /// `https` or `wss`: the port speaks TLS.
    pub tls: bool,
}

/// One entry of `VIRTUAL_HOST`: `[scheme://][host][:port][/path]`.
///
/// # Errors
/// What is wrong with it.
pub fn entry(text: &str) -> Result<Entry, String> {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => ("http".to_owned(), text.strip_prefix("//").unwrap_or(text)),
    };
    let tls = matches!(scheme.as_str(), "https" | "wss");
    let rest = rest.split(['?', '#', ';']).next().unwrap_or_default();
    let (authority, path) = match rest.find('/') {
        Some(at) => (&rest[..at], Some(&rest[at..])),
        None => (rest, None),
    };
    let (name, port) = match authority.split_once(':') {
        None => (authority, if tls { 443 } else { DEFAULT_PORT }),
        Some((name, port)) => {
            let parsed = super::said::port(port);
            let bad = || format!("'{}' is no port", shown(port));
            (name, parsed.ok_or_else(bad)?)
        }
    };
    let host = if name.is_empty() { None } else { Some(host(name)?) };
    let path = path.map(path_pattern).transpose()?.map(Path::Whole);
    let websocket = matches!(scheme.as_str(), "ws" | "wss");
    Ok(Entry { route: Route { port, host, path, websocket, more: Vec::new() }, tls })
}

impl Default for Route {
    fn default() -> Self {
        let (host, path, more) = (None, None, Vec::new());
        Self { port: DEFAULT_PORT, host, path, websocket: false, more }
    }
}

impl Route {
    /// The more specific comes first: exact host, then wildcard by literal characters, then none;
    /// within these an exact path, then by literal prefix and literal characters, then none; a
    /// WebSocket before everything else of the same kind; more tests before fewer.
    pub fn rank(&self) -> impl Ord + use<> {
        let more = |n: usize| usize::MAX - n;
        let host = match &self.host {
            Some(p) if p.exact() => (0, 0),
            Some(p) => (1, more(p.literals())),
            None => (2, 0),
        };
        let path = match &self.path {
            Some(Path::Whole(p) | Path::Stars(p)) if p.exact() => (0, 0, 0),
            Some(Path::Whole(p) | Path::Stars(p)) => (1, more(p.prefix()), more(p.literals())),
            Some(Path::Below(p)) => (1, more(p.len()), more(p.len())),
            None => (2, 0, 0),
        };
        (host, path, !self.websocket, more(self.more.len()))
    }

    /// The conditions under which it applies, any of them; each is a list of tests.
    pub fn conditions(&self, comparison: Comparison) -> Vec<String> {
        let mut tests = Vec::new();
        if let Some(host) = &self.host {
            tests.push(self.host_test(host, comparison));
        }
        tests.extend(self.more.iter().map(|test| test.condition.clone()));
        let ends = self.path.as_ref().map_or_else(|| vec![String::new()], Path::tests);
        if self.websocket {
            tests.push("{ req.hdr(upgrade) -i -m str websocket }".to_owned());
        }
        let all = |end: String| {
            let words = tests.iter().cloned().chain((!end.is_empty()).then_some(end));
            words.collect::<Vec<_>>().join(" ")
        };
        ends.into_iter().map(all).map(|c| if c.is_empty() { always() } else { c }).collect()
    }

    fn host_test(&self, host: &Pattern, comparison: Comparison) -> String {
        if !comparison.strict_port {
            return host.test(HOST, false);
        }
        let text = escape(&host.0).replace("\\*", ".*");
        let pattern = format!("^{text}(:{})?$", self.port);
        format!("{{ req.hdr(host),lower -m reg -- {} }}", quoted(&pattern))
    }
}

fn always() -> String {
    "{ always_true }".to_owned()
}

impl std::fmt::Display for Route {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.websocket {
            f.write_str("ws://")?;
        }
        f.write_str(self.host.as_ref().map_or("(any host)", Pattern::text))?;
        if self.port != DEFAULT_PORT {
            write!(f, ":{}", self.port)?;
        }
        if let Some(path) = &self.path {
            write!(f, "{path}")?;
        }
        self.more.iter().try_for_each(|test| write!(f, " && {}", test.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(text: &str) -> String {
        entry(text).expect("an entry").route.conditions(Comparison::default()).join(" || ")
    }

    #[test]
    fn entries_have_all_their_parts() {
        let e = entry("wss://Pear.test:444/fig/*?x").expect("an entry");
        assert!(e.tls && e.route.websocket);
        assert_eq!(e.route.port, 444);
        assert_eq!(e.route.host.as_ref().map(Pattern::text), Some("pear.test"));
        assert_eq!(e.route.to_string(), "ws://pear.test:444/fig/*");
        assert_eq!(entry("https://a").map(|e| e.route.port), Ok(443));
        assert_eq!(entry("/docs").map(|e| e.route.host), Ok(None));
        assert!(entry("a:b").is_err() && entry("a:0").is_err() && entry("a b").is_err());
        assert!(entry("[::1]:80").is_err() && entry("a/\u{e9}").is_err());
    }

    #[test]
    fn patterns_become_the_cheapest_test() {
        let host = "req.hdr(host),host_only,rtrim(.)";
        assert_eq!(condition("pear.test"), format!("{{ {host} -m str -- pear.test }}"));
        assert_eq!(condition("*.pear.test"), format!("{{ {host} -m end -- .pear.test }}"));
        assert_eq!(condition("pear.*"), format!("{{ {host} -m beg -- pear. }}"));
        assert_eq!(condition("*pear*"), format!("{{ {host} -m sub -- pear }}"));
        assert_eq!(condition("p*r"), format!("{{ {host} -m reg -- '^p.*r$' }}"));
        assert_eq!(condition("*"), format!("{{ {host} -m found }}"));
        assert_eq!(condition("/a"), "{ path -i -m str -- /a }");
        assert_eq!(condition("/*.js"), "{ path -i -m reg -- '^/.*\\.js$' }");
    }

    #[test]
    fn the_more_specific_comes_first() {
        let list = ["a.b/x", "a.b/x*", "a.b/*x", "ws://a.b", "a.b", "*.long.b", "*.b", "/x", "/x*"];
        let mut sorted = list;
        sorted.reverse();
        sorted.sort_by_key(|e| entry(e).expect("an entry").route.rank());
        assert_eq!(sorted, list);
    }
}

//! Traefik's middlewares as lines of a backend. One that may guard a service and is not understood
//! keeps the service from being served.

use super::super::asks::Slot;
use super::super::asks::Way;
use super::super::route::{self, escape};
use super::super::said::{Said, plain_list, port, quoted, truth};
use super::super::variables::FORCE_SSL;
use super::Problem;
use super::labels::Labels;

/// How deep chains may lead into chains.
const CHAINS_MAX: usize = 8;
/// Middlewares without which a service is as safe and as right as with them.
const HARMLESS: [&str; 3] = ["compress", "retry", "buffering"];

/// Why a router is not served.
type Refusal = String;

/// What middlewares make of a way.
pub struct Applying<'a, 'b> {
    /// Where they are described.
    pub labels: &'a Labels<'b>,
    /// Its pool gets their lines.
    pub way: &'a mut Way,
    /// What is to be said.
    pub notes: &'a mut Vec<Problem>,
}

impl Applying<'_, '_> {
    /// Takes a list of them, in its order.
    ///
    /// # Errors
    /// Which one is not understood, and why.
    pub fn list(&mut self, list: &Said, depth: usize) -> Result<(), Refusal> {
        if depth > CHAINS_MAX {
            return Err("the chains of middlewares are too long".to_owned());
        }
        for name in plain_list(&list.text) {
            let name = name.strip_suffix("@docker").unwrap_or(name).to_ascii_lowercase();
            self.one(&name, depth)
                .map_err(|why| format!("middleware {}: {why}", route::shown(&name)))?;
        }
        Ok(())
    }

    fn one(&mut self, name: &str, depth: usize) -> Result<(), Refusal> {
        let prefix = format!("traefik.http.middlewares.{name}.");
        let kinds = self.labels.names(&prefix);
        if kinds.is_empty() {
            return Err("it is not described by a label of this container".to_owned());
        }
        for kind in kinds {
            let at = format!("{prefix}{kind}");
            match &*kind {
                "redirectscheme" => self.redirect_scheme(&at)?,
                "stripprefix" => self.strip_prefix(&at)?,
                "addprefix" => {
                    let said = self.needed(&at, "prefix")?;
                    let prefix = path(&said)?;
                    self.line(&said, format!("http-request set-path {prefix}%[path]"));
                }
                "replacepath" => {
                    let said = self.needed(&at, "path")?;
                    let path = path(&said)?;
                    self.line(&said, "http-request set-header X-Replaced-Path %[path]".to_owned());
                    self.line(&said, format!("http-request set-path {path}"));
                }
                "basicauth" => self.basic_auth(&at)?,
                "headers" => self.headers(&at)?,
                "ipallowlist" | "ipwhitelist" => self.addresses(&at)?,
                "chain" => {
                    let list = self.needed(&at, "middlewares")?;
                    self.list(&list, depth + 1)?;
                }
                harmless if HARMLESS.contains(&harmless) => {
                    for said in self.labels.all(&at)? {
                        self.notes.push(said.problem("this middleware has no effect here"));
                    }
                }
                other => return Err(format!("'{other}' is not understood")),
            }
            // What is left of one that guards makes it another one.
            let rest = self.labels.unused(&format!("{at}."));
            if let Some(rest) = rest.first() {
                return Err(format!("'{}' is not understood", route::shown(rest)));
            }
        }
        Ok(())
    }

    fn line(&mut self, said: &Said, line: String) {
        self.way.pool.line(Slot::Extra, said, line);
    }

    fn value(&self, at: &str, key: &str) -> Result<Option<Said>, Refusal> {
        self.labels.value(&format!("{at}.{key}")).map_err(|p| p.reason)
    }

    fn needed(&self, at: &str, key: &str) -> Result<Said, Refusal> {
        self.value(at, key)?.ok_or_else(|| format!("it has no '{key}'"))
    }

    /// What it says more and what changes nothing that matters.
    fn shrug(&mut self, at: &str, keys: &[&str]) -> Result<(), Refusal> {
        for key in keys {
            if let Some(said) = self.value(at, key)? {
                self.notes.push(said.problem("this has no effect here"));
            }
        }
        Ok(())
    }

    fn redirect_scheme(&mut self, at: &str) -> Result<(), Refusal> {
        let said = self.needed(at, "scheme")?;
        let permanent = self.value(at, "permanent")?.is_some_and(|s| truth(&s.text));
        let number = self.value(at, "port")?;
        let code = if permanent { "301" } else { "302" };
        match (said.text.as_str(), number) {
            // It came so.
            ("http", _) => return Ok(()),
            ("https", None) => self.line(&said, FORCE_SSL.replace("301", code)),
            ("https", Some(number)) if number.text == "443" => {
                self.line(&said, FORCE_SSL.replace("301", code));
            }
            ("https", Some(number)) => {
                let port = port(&number.text).ok_or("its port is none")?;
                let to = format!("location https://%[req.hdr(host),host_only]:{port}%[pathq]");
                let line = FORCE_SSL.replace("scheme https", &to).replace("301", code);
                self.line(&number, line);
            }
            _ => return Err(format!("'{}' is no scheme", route::shown(&said.text))),
        }
        Ok(())
    }

    fn strip_prefix(&mut self, at: &str) -> Result<(), Refusal> {
        self.shrug(at, &["forceslash"])?;
        let said = self.needed(at, "prefixes")?;
        let mut prefixes = Vec::new();
        for item in plain_list(&said.text) {
            let prefix = path(&said.with(item))?;
            let if_so = format!("if {{ path -m beg -- {} }}", quoted(item));
            let line = format!("http-request set-header X-Forwarded-Prefix {prefix} {if_so}");
            self.line(&said, line);
            prefixes.push(escape(item.trim_end_matches('/')));
        }
        let regex = quoted(&format!("^(?:{})/?(.*)$", prefixes.join("|")));
        self.line(&said, format!("http-request replace-path {regex} '/\\1'"));
        Ok(())
    }

    fn basic_auth(&mut self, at: &str) -> Result<(), Refusal> {
        self.shrug(at, &["removeheader", "headerfield"])?;
        let said = self.needed(at, "users")?;
        for item in plain_list(&said.text) {
            let (user, hash) = item.split_once(':').ok_or("a user has no ':' and hash")?;
            let known = ["$1$", "$2a$", "$2b$", "$2y$", "$5$", "$6$"];
            if user.is_empty() || !known.iter().any(|k| hash.starts_with(k)) {
                return Err(format!(
                    "the hash of user '{}' is none of crypt(3), such as $2y$ or $5$",
                    route::shown(user)
                ));
            }
            let line = format!("user {} password {}", quoted(user), quoted(hash));
            self.way.pool.users.push(said.with(line));
        }
        if self.way.pool.users.is_empty() {
            return Err("it names no user".to_owned());
        }
        self.way.pool.realm = self.value(at, "realm")?;
        Ok(())
    }

    fn addresses(&mut self, at: &str) -> Result<(), Refusal> {
        let said = self.needed(at, "sourcerange")?;
        let list: Vec<&str> = plain_list(&said.text).collect();
        let good = |b: u8| b.is_ascii_hexdigit() || matches!(b, b'.' | b':' | b'/');
        if let Some(bad) = list.iter().find(|item| !item.bytes().all(good)) {
            return Err(format!("'{}' is no network", route::shown(bad)));
        }
        let line = format!("http-request deny deny_status 403 unless {{ src {} }}", list.join(" "));
        self.line(&said, line);
        Ok(())
    }

    fn headers(&mut self, at: &str) -> Result<(), Refusal> {
        for (side, rules) in
            [("customrequestheaders", "http-request"), ("customresponseheaders", "http-response")]
        {
            let prefix = format!("{at}.{side}.");
            for name in self.labels.names(&prefix) {
                let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
                if !name.chars().all(good) {
                    return Err(format!("'{}' is no name of a field", route::shown(&name)));
                }
                let (label, said) = self.labels.entry(&format!("{prefix}{name}"))?;
                // As it is written: names of labels have no case.
                let written = label.rsplit('.').next().unwrap_or(&name).to_owned();
                let line = match said.text.is_empty() {
                    true => format!("{rules} del-header {written}"),
                    false => format!("{rules} set-header {written} {}", verbatim(&said.text)),
                };
                self.line(&said, line);
            }
        }
        self.security(at)
    }

    /// Fields of answers that have options of their own.
    fn security(&mut self, at: &str) -> Result<(), Refusal> {
        let flag = |key: &str| -> Result<Option<Said>, Refusal> {
            Ok(self.value(at, key)?.filter(|s| truth(&s.text)))
        };
        let mut set: Vec<(Said, &str, String)> = Vec::new();
        let (sub, preload) = (flag("stsincludesubdomains")?, flag("stspreload")?);
        drop(flag("forcestsheader")?);
        if let Some(said) = self.value(at, "stsseconds")? {
            let seconds: u64 = said.text.parse().map_err(|_| "stsSeconds is no number")?;
            let sub = if sub.is_some() { "; includeSubDomains" } else { "" };
            let preload = if preload.is_some() { "; preload" } else { "" };
            if seconds > 0 {
                let value = format!("max-age={seconds}{sub}{preload}");
                set.push((said, "Strict-Transport-Security", value));
            }
        }
        for (key, field, value) in [
            ("framedeny", "X-Frame-Options", "DENY"),
            ("contenttypenosniff", "X-Content-Type-Options", "nosniff"),
            ("browserxssfilter", "X-XSS-Protection", "1; mode=block"),
        ] {
            set.extend(flag(key)?.map(|said| (said, field, value.to_owned())));
        }
        for (key, field) in [
            ("customframeoptionsvalue", "X-Frame-Options"),
            ("custombrowserxssvalue", "X-XSS-Protection"),
            ("contentsecuritypolicy", "Content-Security-Policy"),
            ("referrerpolicy", "Referrer-Policy"),
            ("permissionspolicy", "Permissions-Policy"),
        ] {
            let value = self.value(at, key)?;
            set.extend(value.map(|said| (said.clone(), field, said.text)));
        }
        for (said, field, value) in set {
            let line = format!("http-response set-header {field} {}", verbatim(&value));
            self.line(&said, line);
        }
        Ok(())
    }
}

/// A path that is set as it is.
fn path(said: &Said) -> Result<String, Refusal> {
    if said.text.contains('*') {
        return Err(format!("'{}' holds a star", route::shown(&said.text)));
    }
    route::path_pattern(&said.text).map(|p| verbatim(p.text()))
}

/// A word that stands for itself where formats are read.
fn verbatim(text: &str) -> String {
    quoted(&text.replace('%', "%%"))
}

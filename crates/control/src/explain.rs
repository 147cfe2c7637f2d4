//! What would become of a request: the rules of a configuration evaluated for an address, without
//! sending anything.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use expr::auth::Userlist;
use expr::{Condition, End, Fetch, Named, Process, RequestLine, Side, Subject, Verdict};
use model::{Address, Backend, BackendTarget, Config, Frontend, HttpAction, Mode, Name, Origin};

/// A request as it is asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Method.
    pub method: String,
    /// Path with query.
    pub target: String,
    /// Port of the balancer that it arrives on.
    pub port: u16,
    /// Header fields, Host among them.
    pub headers: Vec<(String, String)>,
    /// Who asks.
    pub source: SocketAddr,
}

impl Question {
    /// A GET request for `http://HOST[:PORT][/PATH]`; the scheme may be left out.
    ///
    /// # Errors
    /// What is wrong with the address.
    pub fn from_url(url: &str) -> Result<Self, String> {
        let rest = match url.split_once("://") {
            Some(("http", rest)) => rest,
            Some(("https", _)) => return Err("https is not served yet".to_owned()),
            Some((scheme, _)) => return Err(format!("'{scheme}' is not http")),
            None => url,
        };
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(at);
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        let target = target.split('#').next().unwrap_or_default().to_owned();
        if authority.is_empty() {
            return Err("the address has no host".to_owned());
        }
        let port = match authority.rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') => {
                port.parse().map_err(|_| format!("'{port}' is no port"))?
            }
            _ => 80,
        };
        Ok(Self {
            method: "GET".to_owned(),
            target,
            port,
            headers: vec![("Host".to_owned(), authority.to_owned())],
            source: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        })
    }
}

/// A rule that was decisive, as it is written, with its place.
#[derive(Clone, Debug)]
pub struct Decisive {
    /// The rule.
    pub text: String,
    /// Where it is written.
    pub origin: Origin,
}

/// Where a request ends up.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Nobody listens on the port.
    NoListener,
    /// The frontend or backend answers by itself.
    Answered(Decisive),
    /// No rule leads anywhere: 503.
    NoBackend,
    /// A server of this backend.
    Backend(Name),
}

/// The way of a request.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The frontend that takes it.
    pub frontend: Option<Name>,
    /// The rule that chose the backend; `None` without one.
    pub chosen: Option<Decisive>,
    /// The end.
    pub outcome: Outcome,
    /// Rules that were tried before and did not hold.
    pub passed: usize,
    /// What could not be known without a real request.
    pub doubts: Vec<String>,
}

/// What becomes of a request.
#[must_use]
pub fn explain(config: &Config, question: &Question, process: &Process) -> Explanation {
    let mut way = Explanation {
        frontend: None,
        chosen: None,
        outcome: Outcome::NoListener,
        passed: 0,
        doubts: Vec::new(),
    };
    let listens = |f: &&Arc<Frontend>| !f.disabled && binds(f).any(|p| p == question.port);
    let Some(frontend) = config.frontends.iter().find(listens) else { return way };
    way.frontend = Some(frontend.name.clone());
    let asker = Asker { config, question, process, frontend, backend: None };
    if let Some(outcome) = answered(&asker, &frontend.rules.http_request, &mut way) {
        way.outcome = outcome;
        return way;
    }
    if let Some(outcome) = redirected(&asker, &frontend.rules, &mut way) {
        way.outcome = outcome;
        return way;
    }
    let Some(backend) = choose(&asker, config, &mut way) else {
        way.outcome = Outcome::NoBackend;
        return way;
    };
    let inside = Asker { backend: Some(backend), ..asker };
    let own = if backend.is_half_of(frontend) {
        None
    } else {
        answered(&inside, &backend.rules.http_request, &mut way)
            .or_else(|| redirected(&inside, &backend.rules, &mut way))
    };
    way.outcome = own.unwrap_or_else(|| Outcome::Backend(backend.name.clone()));
    way
}

fn binds(frontend: &Frontend) -> impl Iterator<Item = u16> + '_ {
    frontend.binds.iter().filter_map(|b| match &b.address {
        Address::Inet(i) => Some(i.port()),
        _ => None,
    })
}

fn holds(condition: Option<&Condition>, asker: &Asker<'_>, way: &mut Explanation) -> bool {
    let Some(condition) = condition else { return true };
    match condition.eval(asker) {
        Verdict::True => true,
        Verdict::False => false,
        Verdict::NotYet => {
            way.doubts.push(format!("cannot be known without a request: {}", condition.source()));
            false
        }
    }
}

fn written(what: &str, condition: Option<&Condition>) -> String {
    condition.map_or_else(|| what.to_owned(), |c| format!("{what} {}", c.source()))
}

fn answered(
    asker: &Asker<'_>,
    rules: &[model::HttpRule],
    way: &mut Explanation,
) -> Option<Outcome> {
    if asker.frontend.mode == Mode::Tcp {
        return None;
    }
    for rule in rules {
        let what = match &rule.action {
            HttpAction::Allow => "allow",
            HttpAction::Deny(_) => "deny",
            HttpAction::Tarpit(_) => "tarpit",
            HttpAction::Return(_) => "return",
            HttpAction::Auth { .. } => "auth",
            HttpAction::Redirect(_) => "redirect",
            HttpAction::Reject => "reject",
            HttpAction::SilentDrop => "silent-drop",
            action => {
                let rewrites = matches!(
                    action,
                    HttpAction::SetPath(_)
                        | HttpAction::SetPathQuery(_)
                        | HttpAction::SetUri(_)
                        | HttpAction::ReplacePath(..)
                        | HttpAction::ReplacePathQuery(..)
                        | HttpAction::ReplaceUri(..)
                );
                if rewrites && holds(rule.condition.as_ref(), asker, way) {
                    let text = written("the target is rewritten", rule.condition.as_ref());
                    way.doubts.push(format!("{text} ({}); not followed here", rule.origin));
                }
                continue;
            }
        };
        if !holds(rule.condition.as_ref(), asker, way) {
            continue;
        }
        if what == "allow" {
            return None;
        }
        let text = written(&format!("http-request {what}"), rule.condition.as_ref());
        return Some(Outcome::Answered(Decisive { text, origin: rule.origin.clone() }));
    }
    None
}

fn redirected(asker: &Asker<'_>, rules: &model::RuleSet, way: &mut Explanation) -> Option<Outcome> {
    let rule = rules.redirects.iter().find(|r| holds(r.condition.as_ref(), asker, way))?;
    let text = written("redirect", rule.condition.as_ref());
    Some(Outcome::Answered(Decisive { text, origin: rule.origin.clone() }))
}

fn choose<'a>(
    asker: &Asker<'_>,
    config: &'a Config,
    way: &mut Explanation,
) -> Option<&'a Arc<Backend>> {
    for rule in &asker.frontend.use_backend {
        if !holds(rule.condition.as_ref(), asker, way) {
            way.passed += 1;
            continue;
        }
        let name = match &rule.action {
            BackendTarget::Static(name) => name.clone(),
            BackendTarget::Format(format) => {
                let mut out = Vec::new();
                format.render(asker, &mut out);
                String::from_utf8_lossy(&out).as_ref().into()
            }
        };
        let Some(backend) = config.backend(&name) else { continue };
        let text = written(&format!("use_backend {name}"), rule.condition.as_ref());
        way.chosen = Some(Decisive { text, origin: rule.origin.clone() });
        return Some(backend);
    }
    let frontend = asker.frontend;
    let name = frontend.default_backend.as_deref();
    let name = name.or(frontend.is_listen.then_some(&*frontend.name))?;
    let backend = config.backend(name)?;
    if !backend.is_half_of(frontend) {
        let text = format!("default_backend {name}");
        way.chosen = Some(Decisive { text, origin: frontend.origin.clone() });
    }
    Some(backend)
}

/// The request as rules see it.
struct Asker<'a> {
    config: &'a Config,
    question: &'a Question,
    process: &'a Process,
    frontend: &'a Frontend,
    backend: Option<&'a Arc<Backend>>,
}

impl Subject for Asker<'_> {
    fn now_us(&self) -> i64 {
        self.process.started_us
    }

    fn random(&self) -> u64 {
        0
    }

    fn process(&self) -> &Process {
        self.process
    }

    fn address(&self, end: End) -> Option<SocketAddr> {
        match end {
            End::Src | End::FrontSrc => Some(self.question.source),
            End::Dst | End::FrontDst => {
                Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.question.port))
            }
            End::BackSrc | End::BackDst => None,
        }
    }

    fn frontend(&self) -> Option<Named<'_>> {
        Some(Named { name: &self.frontend.name, id: self.frontend.id })
    }

    fn backend(&self) -> Option<Named<'_>> {
        self.backend.map(|b| Named { name: &b.name, id: b.id })
    }

    fn default_backend(&self) -> Option<&str> {
        self.frontend.default_backend.as_deref()
    }

    fn request(&self) -> Fetch<RequestLine<'_>> {
        Fetch::Is(RequestLine {
            method: self.question.method.as_bytes(),
            target: self.question.target.as_bytes(),
            version: (1, 1),
        })
    }

    fn header(&self, side: Side, nth: usize) -> Option<(&[u8], &[u8])> {
        let field = self.question.headers.get(nth).filter(|_| side == Side::Request);
        field.map(|(name, value)| (name.as_bytes(), value.as_bytes()))
    }

    fn http_major(&self, _: Side) -> Option<u8> {
        Some(1)
    }

    fn userlist(&self, name: &str) -> Option<&Userlist> {
        self.config.userlists.iter().find(|l| &*l.name == name).map(|l| &l.users)
    }
}

impl fmt::Display for Decisive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  ({})", self.text, self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str, url: &str) -> Explanation {
        let mut files = config::Files::default();
        files.add(config::SourceFile::new("a.cfg", text.as_bytes()));
        let mut environment = config::Environment::new();
        let facts = config::Facts::default();
        let loaded = config::load(files, &config::source::NoSources, &mut environment, &facts);
        let config = loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.diagnostics));
        let process = Process {
            hostname: "h".into(),
            node: "h".into(),
            pid: 1,
            utc_offset_s: 0,
            started_us: 0,
        };
        explain(&config, &Question::from_url(url).expect("an address"), &process)
    }

    const TEXT: &str = "defaults\n mode http\nfrontend f\n bind :80\n \
         http-request deny if { path /secret }\n \
         use_backend %[path,field(2,/)] if { path_beg /to/ }\n \
         use_backend b if { hdr(host) b.test }\n default_backend c\n\
         backend b\n http-request redirect location /x if { path /old }\n server s 127.0.0.1:1\n\
         backend c\n server s 127.0.0.1:2\nlisten l\n bind :81\n server s 127.0.0.1:3\n";

    #[test]
    fn the_rule_that_decides_is_named_with_its_place() {
        let way = asked(TEXT, "http://b.test/any?q");
        assert!(matches!(&way.outcome, Outcome::Backend(name) if &**name == "b"));
        let chosen = way.chosen.expect("a rule");
        assert_eq!(chosen.to_string(), "use_backend b if { hdr(host) b.test }  (a.cfg:7:2)");
        assert_eq!(way.passed, 1);
        let way = asked(TEXT, "other.test");
        assert_eq!(way.chosen.map(|d| d.text).as_deref(), Some("default_backend c"));
    }

    #[test]
    fn answers_of_the_balancer_end_the_way() {
        for (url, end) in [
            ("b.test/secret", "http-request deny if { path /secret }"),
            ("b.test/old", "http-request redirect if { path /old }"),
        ] {
            let way = asked(TEXT, url);
            assert!(matches!(&way.outcome, Outcome::Answered(d) if d.text == end), "{way:?}");
        }
        assert!(matches!(asked(TEXT, "b.test:82").outcome, Outcome::NoListener));
        let way = asked(TEXT, "b.test:81");
        assert!(matches!(&way.outcome, Outcome::Backend(name) if &**name == "l"));
        assert!(way.chosen.is_none(), "a listen section needs no rule");
    }

    #[test]
    fn addresses_are_read() {
        let q = Question::from_url("http://[::1]:81/a?b#c").expect("an address");
        assert_eq!((q.port, q.target.as_str()), (81, "/a?b"));
        assert_eq!(q.headers[0].1, "[::1]:81");
        assert_eq!(Question::from_url("a?b").map(|q| q.target), Ok("/?b".to_owned()));
        assert_eq!(Question::from_url("[::1]").map(|q| q.port), Ok(80));
        for bad in ["https://a", "ftp://a", "/a", "", "a:b", "a:70000"] {
            assert!(Question::from_url(bad).is_err(), "{bad}");
        }
    }
}

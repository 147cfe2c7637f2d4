//! The proxies under test: what they are called, what they are given, how they start and reload.

pub mod haproxy_cfg;
pub mod nginx_conf;
mod running;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use running::{Running, pin};

/// How a proxy is started, configured and reloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `BINARY -db -f FILE`; a reload is a new process with `-sf`.
    Haproxy,
    /// `BINARY run -f FILE`; a reload is SIGHUP to the same process.
    Evenkeel,
    /// `BINARY -c FILE`; a reload is SIGHUP to the master.
    Nginx,
}

/// One proxy under test.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// As it is called in tables, with its version.
    pub name: String,
    /// Which of the three.
    pub kind: Kind,
    /// Its binary.
    pub binary: PathBuf,
}

/// What a configuration asks for beside listening and forwarding.
#[derive(Debug, Clone, Copy)]
pub struct Features {
    /// Worker threads (nginx: processes), all on the same CPU.
    pub workers: usize,
    /// `option forwardfor`.
    pub forwarded_for: bool,
    /// `check inter 1s` on each server.
    pub checks: bool,
    /// A listener with the statistics page.
    pub statistics: bool,
    /// `http-reuse always` instead of the default.
    pub reuse_always: bool,
}

impl Default for Features {
    fn default() -> Self {
        Self {
            workers: 1,
            forwarded_for: true,
            checks: true,
            statistics: true,
            reuse_always: false,
        }
    }
}

impl Proxy {
    /// Reads `NAME=KIND:PATH` or `KIND:PATH`; without a name the binary's version is asked.
    ///
    /// # Errors
    /// What is wrong with the text, or that the binary does not run.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, rest) = match text.split_once('=') {
            Some((name, rest)) => (Some(name), rest),
            None => (None, text),
        };
        let (kind, path) = rest.split_once(':').ok_or("a proxy is [NAME=]KIND:PATH")?;
        let kind = match kind {
            "haproxy" => Kind::Haproxy,
            "evenkeel" => Kind::Evenkeel,
            "nginx" => Kind::Nginx,
            _ => return Err(format!("no kind of proxy: {kind} (haproxy, evenkeel, nginx)")),
        };
        // It runs in a directory of its own; a link keeps its name, which may decide what it does.
        let binary = std::path::absolute(path).map_err(|error| format!("{path}: {error}"))?;
        let version = version(kind, &binary)?;
        let name = name.map_or_else(|| format!("{kind} {version}"), str::to_owned);
        Ok(Self { name, kind, binary })
    }

    /// Whether this is the one that ratios are taken against.
    #[must_use]
    pub fn is_haproxy(&self) -> bool {
        self.kind == Kind::Haproxy
    }

    /// The command that runs it in the foreground with the configuration `file`.
    #[must_use]
    pub fn command(&self, file: &Path) -> Command {
        let mut command = Command::new(&self.binary);
        match self.kind {
            Kind::Haproxy => command.args(["-db", "-f"]),
            Kind::Evenkeel => command.args(["run", "-f"]),
            Kind::Nginx => command.arg("-c"),
        };
        command.arg(file);
        command
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Haproxy => "haproxy",
            Self::Evenkeel => "evenkeel",
            Self::Nginx => "nginx",
        })
    }
}

/// The first word with a dot and digits in what the binary says about its version.
fn version(kind: Kind, binary: &Path) -> Result<String, String> {
    let flag = if kind == Kind::Evenkeel { "--version" } else { "-v" };
    let output = Command::new(binary)
        .arg(flag)
        .output()
        .map_err(|error| format!("{}: {error}", binary.display()))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let word = text
        .split(|c: char| c.is_whitespace() || c == '/' || c == '-')
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'));
    Ok(word.unwrap_or("of unknown version").to_owned())
}

#[cfg(test)]
mod tests {
    use super::Proxy;

    #[test]
    fn a_proxy_is_name_kind_and_path() {
        assert!(Proxy::parse("haproxy").is_err());
        assert!(Proxy::parse("squid:/bin/true").is_err());
        assert!(Proxy::parse("nginx:/nowhere/nginx").is_err());
        let proxy = Proxy::parse("mine=evenkeel:/bin/true").expect("a proxy");
        assert_eq!((proxy.name.as_str(), proxy.is_haproxy()), ("mine", false));
    }
}

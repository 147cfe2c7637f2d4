//! Commands about requests and TCP sessions in progress (management guide 9.3, `show sess`).

use std::fmt::Write;
use std::time::Duration;

use control::ports::ServerOrderKind;
use model::{Mode, ProxyOf};

use super::servers::{has_backend, has_server, order, with_server};
use super::{Args, Command, Reply, Run, Severity, commands, duration};
use crate::ports::{House, Later, Level, SessionRow};
use crate::stats::{Kind, Row};

pub(super) const COMMANDS: &[Command] = commands! {
    "show sess" "[help|<id>|all] [<option>...]" Operator
        "requests and TCP sessions in progress": Run::Later(show);
    "shutdown session" "<id>" Admin "end one of them": Run::Later(shut);
    "shutdown sessions server" "<bk>/<srv>" Admin "cut off whoever a server serves":
        Run::Now(|house, args| with_server(house, args, |name, _| {
            order(house, name, ServerOrderKind::Shutdown)
        }));
};

const USAGE: &str = "Usage: show sess [<id> | all | help] [<option>...]\n\
    Requests and TCP sessions in progress. Which:\n   \
    <id>         this one (0x...), in the long format\n   \
    all          all, in the long format\n   \
    help         this text\nOptions:\n   \
    older <age>  that are older, in seconds\n   \
    server <b/s> on this server\n   \
    backend <b>  in this backend\n   \
    frontend <f> of this frontend\n";

/// Which sessions, and how.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted<'a> {
    id: Option<u64>,
    long: bool,
    older: Duration,
    frontend: Option<&'a str>,
    backend: Option<&'a str>,
    server: Option<(&'a str, &'a str)>,
}

impl<'a> Wanted<'a> {
    /// Reads the words; the error is what to answer.
    fn read(words: &[&'a str], rows: &[Row]) -> Result<Self, Reply> {
        let mut wanted = Self::default();
        let mut words = words.iter().copied();
        let mut first = true;
        while let Some(word) = words.next() {
            match word {
                "help" if first => return Err(Reply::message(Severity::Info, USAGE.trim_end())),
                "all" if first => wanted.long = true,
                id if first && id.starts_with("0x") => {
                    (wanted.id, wanted.long) = (Some(read_id(id).unwrap_or(0)), true);
                }
                "older" => wanted.older = age(words.next())?,
                "backend" | "frontend" => {
                    let kind = if word == "backend" { Kind::Backend } else { Kind::Frontend };
                    let name = words.next().unwrap_or_default();
                    if !rows.iter().any(|r| r.proxy == name && r.kind == Some(kind)) {
                        return Err(Reply::error(format!("No such {word}.")));
                    }
                    let place = match kind {
                        Kind::Backend => &mut wanted.backend,
                        _ => &mut wanted.frontend,
                    };
                    *place = Some(name);
                }
                "server" => wanted.server = Some(server(words.next(), rows)?),
                other => {
                    return Err(Reply::error(format!(
                        "Unsupported option '{other}', try 'help' for more info."
                    )));
                }
            }
            first = false;
        }
        Ok(wanted)
    }

    fn takes(&self, s: &SessionRow) -> bool {
        let of = |name: &str, proxy: Option<&ProxyOf>| proxy.is_some_and(|p| &*p.name == name);
        self.id.is_none_or(|id| id == s.id)
            && s.age >= self.older
            && self.frontend.is_none_or(|name| of(name, Some(&s.frontend)))
            && self.backend.is_none_or(|name| of(name, s.backend.as_ref()))
            && self.server.is_none_or(|(backend, name)| {
                of(backend, s.backend.as_ref())
                    && s.server.as_ref().is_some_and(|(n, ..)| &**n == name)
            })
    }
}

fn age(word: Option<&str>) -> Result<Duration, Reply> {
    let word =
        word.ok_or_else(|| Reply::error("Expects a minimum age (in seconds by default)."))?;
    duration(word, "s").ok_or_else(|| Reply::error("Invalid age."))
}

fn server<'a>(word: Option<&'a str>, rows: &[Row]) -> Result<(&'a str, &'a str), Reply> {
    let pair = word.and_then(|w| w.split_once('/')).filter(|(b, s)| !b.is_empty() && !s.is_empty());
    let (backend, server) = pair.ok_or_else(|| Reply::error("Require 'backend/server'."))?;
    if !has_backend(rows, backend) {
        return Err(Reply::error("No such backend."));
    }
    if !has_server(rows, backend, server) {
        return Err(Reply::error("No such server."));
    }
    Ok((backend, server))
}

/// `0x...`, as listings show it.
fn read_id(word: &str) -> Option<u64> {
    u64::from_str_radix(word.strip_prefix("0x")?, 16).ok()
}

fn show<'a>(house: &'a dyn House, args: Args<'a>) -> Later<'a, Reply> {
    Box::pin(async move {
        let wanted = match Wanted::read(args.words, &house.rows()) {
            Ok(wanted) => wanted,
            Err(reply) => return reply,
        };
        let mut text = String::new();
        for session in house.sessions().await.iter().filter(|s| wanted.takes(s)) {
            if wanted.long { long(&mut text, session) } else { short(&mut text, session) }
        }
        match wanted.id {
            Some(_) if text.is_empty() => Reply::message(Severity::Info, "Session not found."),
            _ => Reply::listing(text),
        }
    })
}

fn shut<'a>(house: &'a dyn House, args: Args<'a>) -> Later<'a, Reply> {
    Box::pin(async move {
        match args.word(0).and_then(read_id) {
            None => Reply::error("Session pointer expected (use 'show sess')."),
            Some(id) if house.end_session(id).await => Reply::done(),
            Some(_) => Reply::error("No such session (use 'show sess')."),
        }
    })
}

/// Protocol and source, as HAProxy writes them.
fn source(s: &SessionRow) -> (&'static str, String) {
    match s.source {
        Some(address) if address.is_ipv4() => ("tcpv4", address.to_string()),
        // HAProxy writes no brackets.
        Some(address) => ("tcpv6", format!("{}:{}", address.ip(), address.port())),
        None => ("unix_stream", format!("unix:{}", s.bind.0)),
    }
}

/// `1h2m3s` in HAProxy's two greatest units.
fn span(time: Duration) -> String {
    let s = time.as_secs();
    match s {
        0..60 => format!("{s}s"),
        60..3600 => format!("{}m{}s", s / 60, s % 60),
        3600..86400 => format!("{}h{}m", s / 3600, s / 60 % 60),
        _ => format!("{}d{}h", s / 86400, s / 3600 % 24),
    }
}

fn short(out: &mut String, s: &SessionRow) {
    let (proto, src) = source(s);
    let backend = s.backend.as_ref().map_or("<NONE>", |b| &*b.name);
    let server = s.server.as_ref().map_or("<none>", |(name, ..)| &**name);
    // Writing to a String does not fail.
    let _ = writeln!(
        out,
        "{:#x}: proto={proto} src={src} fe={} be={backend} srv={server} age={} tid={}",
        s.id,
        s.frontend.name,
        span(s.age),
        s.worker
    );
}

fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::Http => "http",
        Mode::Tcp => "tcp",
    }
}

fn long(out: &mut String, s: &SessionRow) {
    let (proto, src) = source(s);
    let (front, bind) = (&s.frontend, s.bind.1.as_deref().unwrap_or("?"));
    let _ = writeln!(out, "{:#x}: [{}] proto={proto} source={src}", s.id, s.began);
    let _ = writeln!(
        out,
        "  frontend={} (id={} mode={}), listener={bind} (id={}) addr={}",
        front.name,
        front.id,
        mode(front.mode),
        s.bind.0,
        s.listener
    );
    let _ = match &s.backend {
        Some(b) => writeln!(out, "  backend={} (id={} mode={})", b.name, b.id, mode(b.mode)),
        None => writeln!(out, "  backend=<NONE> (id=-1 mode=-)"),
    };
    let _ = match &s.server {
        Some((name, id, address)) => writeln!(out, "  server={name} (id={id}) addr={address}"),
        None if s.backend.is_some() => writeln!(out, "  server=<none> (id=0)"),
        None => writeln!(out, "  server=<NONE> (id=-1)"),
    };
    let _ = writeln!(out, "  task=(tid={} age={})", s.worker, span(s.age));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_select_sessions() {
        let read = |words: &[&'static str]| Wanted::read(words, &[]);
        assert_eq!(read(&[]), Ok(Wanted::default()));
        assert_eq!(read(&["0x1f"]).map(|w| (w.id, w.long)), Ok((Some(31), true)));
        assert_eq!(read(&["all", "older", "2m"]).map(|w| w.older), Ok(Duration::from_secs(120)));
        assert_eq!(
            read(&["older"]),
            Err(Reply::error("Expects a minimum age (in seconds by default)."))
        );
        for bad in
            [&["server", "x"][..], &["backend"], &["older", "x"], &["foo"], &["older", "1", "all"]]
        {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ages_have_two_units() {
        assert_eq!(span(Duration::from_secs(59)), "59s");
        assert_eq!(span(Duration::from_secs(3_600 + 120 + 3)), "1h2m");
        assert_eq!(span(Duration::from_secs(90_000)), "1d1h");
    }
}

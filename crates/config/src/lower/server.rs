//! `server`, `default-server` and `server-template` lines (manual 4.2, 5.2).

use std::path::PathBuf;
use std::sync::Arc;

use model::{Host, InitAddr, Port, ServerIdentity};

use super::address::{self, BadAddress, Ports, Written, WrittenHost};
use super::args::{Args, Outcome, alert};
use super::consul;
use super::context::Lowering;
use super::draft::{Draft, ServerDraft};
use super::server_options;
use crate::ast::Word;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Span;

/// Most servers of one backend.
pub(crate) const MAX_SERVERS: usize = 100_000;

/// `server NAME ADDRESS OPTIONS`.
pub(crate) fn server<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    backend_only(draft, args)?;
    let name = args.require("a name and an address")?;
    check_name(name)?;
    let address = args.require("an address behind the name")?;
    let server = placed(cx, draft, address, args)?;
    add(cx, draft, server, name.value(), name.span())
}

/// Name of the server that `dispatch` makes, as logs show it.
pub(crate) const DISPATCH: &str = "<DISPATCH>";

/// `dispatch ADDRESS:PORT`: the only server, without a name.
pub(crate) fn dispatch<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let word = args.require("an address and a port")?;
    let (host, port) = place(cx, word)?;
    match port {
        Port::Fixed(_) => draft.back.dispatch = Some((host, port, word.span())),
        _ => return Err(alert(word.span(), format!("'{}' has no port", word.value()))),
    }
    Ok(())
}

/// `default-server OPTIONS`.
pub(crate) fn default_server<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    if args.is_done() {
        return args.require("server options").map(|_| ());
    }
    server_options::read(cx, &mut draft.back.default_server, args, true)
}

/// `server-template PREFIX COUNT|RANGE ADDRESS OPTIONS`.
pub(crate) fn template<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    backend_only(draft, args)?;
    let prefix = args.require("a prefix, a number of servers and an address")?;
    check_name(prefix)?;
    let (from, to) = template_range(args)?;
    let address = args.require("an address")?;
    let mut server = placed(cx, draft, address, args)?;
    let first_id = server.explicit_id.take();
    // The first of them has it.
    let mut guid = server.guid.take();
    if let (Some(_), Host::Name { .. }) = (&server.server.resolvers, &server.server.host) {
        let options = server.server.resolve.get_or_insert_default();
        Arc::make_mut(options).template = Some(cx.name(prefix.value()));
    }
    for number in from..=to {
        let name = format!("{}{number}", prefix.value());
        let mut server = server.clone();
        server.guid = guid.take();
        server.explicit_id = first_id.map(|(id, span)| (id.saturating_add(number - from), span));
        add(cx, draft, server, &name, prefix.span())?;
    }
    Ok(())
}

/// A server at this address with the options that follow.
fn placed<'a>(
    cx: &mut Lowering<'a>,
    draft: &Draft<'a>,
    address: Word<'a>,
    args: &mut Args<'a>,
) -> Outcome<ServerDraft> {
    let service = address.value().strip_prefix(consul::PREFIX).map(|text| {
        let shift = |bad: BadAddress| BadAddress { at: bad.at + consul::PREFIX.len(), ..bad };
        consul::service(text).map_err(|bad| address_alert(address, shift(bad)))
    });
    let service = service.transpose()?;
    let (host, port) = match &service {
        Some(_) => (Host::Name { name: cx.name(address.value()), resolved: None }, Port::Client),
        None => place(cx, address)?,
    };
    let mut server = draft.back.default_server.clone();
    server_options::read(cx, &mut server, args, false)?;
    server.server.host = host;
    server.server.port = port;
    if let Some(service) = service {
        // No name server knows the name, and whoever does is told of by itself.
        server.server.resolvers = None;
        server.server.init_addr = vec![InitAddr::None];
        server.server.consul = Some(Arc::new(service));
    }
    Ok(server)
}

fn template_range(args: &mut Args<'_>) -> Outcome<(u32, u32)> {
    const WHAT: &str = "a number of servers or a range such as 1-10";
    let text = args.text(WHAT)?;
    let number = |text: &str| text.parse::<u32>().ok();
    let range = match text.split_once('-') {
        None => number(text).map(|count| (1, count)),
        Some((from, to)) => number(from).zip(number(to)),
    };
    match range {
        Some((from, to)) if from <= to && (to - from) as usize <= MAX_SERVERS => Ok((from, to)),
        _ => Err(args.unexpected(WHAT)),
    }
}

fn backend_only(draft: &Draft<'_>, args: &Args<'_>) -> Outcome {
    let span = args.line().span();
    match draft.kind {
        crate::SectionKind::Frontend => {
            let reason = format!(
                "'{}' is not allowed because {} has no server side",
                args.keyword(),
                draft.title()
            );
            let mut found = alert(span, reason);
            found.hint = Some("put servers into a 'backend' or a 'listen' section".to_owned());
            Err(found)
        }
        crate::SectionKind::Defaults => {
            let reason = format!("'{}' is not allowed in 'defaults'", args.keyword());
            Err(alert(span, reason))
        }
        _ => Ok(()),
    }
}

/// Names of proxies and servers: letters, digits, `-`, `_`, `.` and `:`.
pub(crate) fn check_name(word: Word<'_>) -> Outcome {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    match word.value().char_indices().find(|(_, c)| !allowed(*c)) {
        None => Ok(()),
        Some((at, c)) => {
            let reason = format!("character '{c}' is not permitted in the name '{}'", word.value());
            let mut found = alert(word.span_of(at, c.len_utf8()), reason);
            found.hint = Some("names have letters, digits, '-', '_', '.' and ':'".to_owned());
            Err(found)
        }
    }
}

fn add(
    cx: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    mut server: ServerDraft,
    name: &str,
    span: Span,
) -> Outcome {
    let name = cx.name(name);
    if draft.back.servers.len() >= MAX_SERVERS {
        let reason = format!("a backend cannot have more than {MAX_SERVERS} servers");
        return Err(alert(span, reason));
    }
    if let Some(first) = draft.back.server_names.insert(name.clone(), span) {
        let place = cx.place(first);
        let reason = format!("{} has a server '{name}' already, at {place}", draft.title());
        let found = Diagnostic::new(Severity::Alert, span, reason);
        return Err(Box::new(found.related(first, "first server of this name")));
    }
    if let Some(guid) = server.guid.take() {
        super::guid::claim(cx, guid, format!("server {}/{name}", draft.name))?;
    }
    server.server.identity = ServerIdentity::Named(name.clone());
    server.server.name = name;
    server.server.origin = cx.origin(span);
    server.span = Some(span);
    draft.back.servers.push(server);
    Ok(())
}

/// Host and port of a server.
fn place(cx: &mut Lowering<'_>, word: Word<'_>) -> Outcome<(Host, Port)> {
    let text = word.value();
    let written = address::parse(text).map_err(|bad| address_alert(word, bad))?;
    let host = match written {
        Written::Unix(path) => return Ok((Host::Unix(PathBuf::from(path)), Port::Fixed(0))),
        Written::Abstract(name) => return Ok((Host::Abstract(cx.name(name)), Port::Fixed(0))),
        Written::AbstractZ(name) => return Ok((Host::AbstractZ(cx.name(name)), Port::Fixed(0))),
        Written::Fd(_) => return Err(alert(word.span(), "a server cannot be a descriptor")),
        Written::Inet { host: WrittenHost::Ip(ip), .. } => Host::Ip(ip),
        Written::Inet { host: WrittenHost::Empty, .. } => {
            Host::Ip(std::net::Ipv4Addr::UNSPECIFIED.into())
        }
        Written::Inet { host: WrittenHost::Name(name), .. } => {
            Host::Name { name: cx.name(name), resolved: None }
        }
    };
    let Written::Inet { ports, .. } = written else {
        return Ok((host, Port::Client));
    };
    let port = match ports {
        Ports::Absent => Port::Client,
        Ports::One(0) => Port::Client,
        Ports::One(port) => Port::Fixed(port),
        Ports::Offset(offset) => Port::Offset(offset),
        Ports::Range(..) => {
            return Err(alert(
                word.span(),
                format!("'{text}': a server has one port, not a range"),
            ));
        }
    };
    Ok((host, port))
}

/// An address alert at its place in the word.
pub(crate) fn address_alert(word: Word<'_>, bad: BadAddress) -> Box<Diagnostic> {
    let len = word.value().len().saturating_sub(bad.at);
    alert(word.span_of(bad.at, len), format!("'{}': {}", word.value(), bad.reason))
}

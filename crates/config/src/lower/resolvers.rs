//! `resolvers` sections, and what servers want of their answers (manual 5.2, 5.3.2).

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use model::{Name, Nameserver, ResolveOptions, Resolvers};

use super::address::{self, Ports, Written, WrittenHost};
use super::args::{Args, Outcome, alert};
use super::context::Lowering;
use super::dispatch;
use super::draft::{Draft, ServerDraft};
use super::log::strip_datagram;
use super::server::address_alert;
use super::table::Table;
use crate::ast::Section;
use crate::diagnostic::{Diagnostic, Severity};
use crate::section::SectionKind;
use crate::source::Span;
use crate::text::units::TimeUnit;
use expr::suggest::did_you_mean;

/// The section that exists without being written (manual 5.3.2).
const DEFAULT: &str = "default";
const RESOLV_CONF: &str = "/etc/resolv.conf";
const PORT: u16 = 53;
/// What is less counts as this (RFC 6891 section 6.2.3).
const PAYLOAD_MIN: u16 = 512;
/// Longest number of questions for one resolution.
const RETRIES_MAX: i64 = 1000;

type Lower = fn(&mut Lowering<'_>, &mut Resolvers, &mut Args<'_>) -> Outcome;

const KEYWORDS: Table<Lower> = Table(&[
    ("accepted_payload_size", |_, resolvers, args| {
        let bytes = u16::try_from(args.number(12..=65_535)?).unwrap_or(u16::MAX);
        resolvers.payload_bytes = bytes.max(PAYLOAD_MIN);
        Ok(())
    }),
    ("hold", hold),
    ("nameserver", nameserver),
    ("parse-resolv-conf", |cx, resolvers, args| {
        let servers = resolv_conf(cx).map_err(|why| {
            alert(args.line().span(), format!("'parse-resolv-conf': {RESOLV_CONF}: {why}"))
        })?;
        resolvers.nameservers.extend(servers);
        Ok(())
    }),
    ("resolve_retries", |_, resolvers, args| {
        resolvers.retries = u32::try_from(args.number(1..=RETRIES_MAX)?).unwrap_or(1);
        Ok(())
    }),
    ("timeout resolve", |cx, resolvers, args| {
        resolvers.timeout_resolve = some_time(cx, args)?;
        Ok(())
    }),
    ("timeout retry", |cx, resolvers, args| {
        resolvers.timeout_retry = some_time(cx, args)?;
        Ok(())
    }),
]);

/// A time that is not 0: 1 ms then.
fn some_time(cx: &mut Lowering<'_>, args: &mut Args<'_>) -> Outcome<Duration> {
    Ok(args.time(TimeUnit::Ms, &mut cx.diagnostics)?.max(Duration::from_millis(1)))
}

/// Reads every section, and checks that servers ask for sections that exist.
pub(crate) fn sections(cx: &mut Lowering<'_>, drafts: &[Draft<'_>]) -> Vec<Arc<Resolvers>> {
    let mut all: Vec<(Resolvers, Span)> = Vec::new();
    for written in cx.ast.sections().filter(|s| s.kind() == SectionKind::Resolvers) {
        let Some(word) = written.name() else { continue };
        let first = all.iter().find(|(known, _)| *known.name == *word.value());
        if let Some((_, first)) = first {
            let reason = format!("there are two 'resolvers' sections named '{}'", word.value());
            let found = Diagnostic::new(Severity::Alert, word.span(), reason);
            cx.diagnostics.push(found.related(*first, "the first one"));
            continue;
        }
        let name = cx.name(word.value());
        let resolvers = section(cx, name, written);
        if resolvers.nameservers.is_empty() {
            let reason = format!("resolvers '{}' has no name server to ask", resolvers.name);
            cx.warn(word.span(), reason);
        }
        all.push((resolvers, word.span()));
    }
    let mut all: Vec<_> = all.into_iter().map(|(resolvers, _)| Arc::new(resolvers)).collect();
    asked_for(cx, drafts, &mut all);
    all
}

fn section(cx: &mut Lowering<'_>, name: Name, section: Section<'_>) -> Resolvers {
    let mut resolvers = Resolvers { families: cx.dns_families, ..Resolvers::new(name) };
    for line in section.lines() {
        let Some((lower, mut args)) = dispatch::find(&KEYWORDS, line) else { continue };
        let outcome = lower(cx, &mut resolvers, &mut args).and_then(|()| args.end());
        cx.note(outcome);
    }
    resolvers
}

fn asked_for(cx: &mut Lowering<'_>, drafts: &[Draft<'_>], all: &mut Vec<Arc<Resolvers>>) {
    for draft in drafts.iter().filter(|draft| draft.is_back() && !draft.disabled) {
        for server in &draft.back.servers {
            let (Some(name), Some(span)) = (&server.server.resolvers, server.span) else {
                continue;
            };
            let reason = format!(
                "backend '{}', server '{}': unable to find required resolvers '{name}'",
                draft.name, server.server.name
            );
            required(cx, all, name, span, reason);
        }
    }
    for (proxy, name, span) in std::mem::take(&mut cx.resolvers_asked) {
        let reason =
            format!("Proxy '{proxy}': Can't find resolvers section '{name}' for do-resolve action");
        required(cx, all, &name, span, reason);
    }
}

/// Adds the section that the system's name servers make; false when it names none.
fn system_default(cx: &mut Lowering<'_>, all: &mut Vec<Arc<Resolvers>>) -> bool {
    let Ok(nameservers) = resolv_conf(cx) else { return false };
    let (name, families) = (cx.name(DEFAULT), cx.dns_families);
    all.push(Arc::new(Resolvers { nameservers, families, ..Resolvers::new(name) }));
    true
}

/// A section that somebody asks for by name; `reason` is what to say when there is none.
fn required(
    cx: &mut Lowering<'_>,
    all: &mut Vec<Arc<Resolvers>>,
    name: &Name,
    span: Span,
    reason: String,
) {
    if all.iter().any(|known| known.name == *name) {
        return;
    }
    if **name == *DEFAULT && system_default(cx, all) {
        return;
    }
    let meant = did_you_mean(name, all.iter().map(|known| &*known.name));
    let found = Diagnostic::new(Severity::Alert, span, reason);
    cx.diagnostics.push(found.did_you_mean(meant));
}

/// The name servers of the system, in order (resolv.conf(5)).
fn resolv_conf(cx: &mut Lowering<'_>) -> Result<Vec<Nameserver>, String> {
    let bytes = cx.system_file(RESOLV_CONF)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut servers = Vec::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if words.next() != Some("nameserver") {
            continue;
        }
        // Addresses with a zone are of a link and cannot be asked from here.
        if let Some(ip) = words.next().and_then(|ip| ip.parse::<IpAddr>().ok()) {
            let name = cx.name(&ip.to_string());
            servers.push(Nameserver { name, address: SocketAddr::new(ip, PORT), tcp: false });
        }
    }
    Ok(servers)
}

/// `nameserver NAME ADDRESS[:PORT]`; parameters behind are those of a server, of which none
/// matters here.
fn nameserver(cx: &mut Lowering<'_>, resolvers: &mut Resolvers, args: &mut Args<'_>) -> Outcome {
    let name = args.require("a name and an address")?;
    if resolvers.nameservers.iter().any(|known| *known.name == *name.value()) {
        let reason = format!("there are two name servers '{}' here", name.value());
        return Err(alert(name.span(), reason));
    }
    let word = args.require("an address")?;
    let text = word.value();
    let plain = strip_datagram(text);
    let stream = ["tcp@", "tcp4@", "tcp6@", "stream+ipv4@", "stream+ipv6@"];
    let tcp = stream.iter().any(|prefix| text.starts_with(prefix));
    let written = address::parse(plain).map_err(|bad| address_alert(word, bad))?;
    let (ip, port) = match written {
        Written::Inet { host: WrittenHost::Ip(ip), ports: Ports::One(port) } => (ip, port),
        Written::Inet { host: WrittenHost::Ip(_), .. } => {
            return Err(alert(word.span(), format!("missing port specification in '{text}'")));
        }
        _ => return Err(alert(word.span(), format!("'{text}' is no IP address and port"))),
    };
    let address = SocketAddr::new(ip, port);
    resolvers.nameservers.push(Nameserver { name: cx.name(name.value()), address, tcp });
    let rest: Vec<_> = args.rest().collect();
    if let Some(word) = rest.first() {
        let reason = format!("'{}' and what follows has no effect on a name server", word.value());
        cx.warn(word.span(), reason);
    }
    args.skip(rest.len());
    Ok(())
}

/// `hold STATUS TIME`.
fn hold(cx: &mut Lowering<'_>, resolvers: &mut Resolvers, args: &mut Args<'_>) -> Outcome {
    const WHAT: &str = "'valid', 'obsolete', 'nx', 'refused', 'timeout' or 'other'";
    let status = args.text(WHAT)?;
    if !["valid", "obsolete", "nx", "refused", "timeout", "other"].contains(&status) {
        return Err(args.unexpected(WHAT));
    }
    let time = args.time(TimeUnit::Ms, &mut cx.diagnostics)?;
    let hold = &mut resolvers.hold;
    match status {
        "obsolete" => hold.obsolete = time,
        "nx" => hold.nx = time,
        "refused" => hold.refused = Some(time),
        "timeout" => hold.timeout = Some(time),
        "other" => {
            hold.other = Some(time);
            hold.empty = time;
        }
        _ => hold.valid = time,
    }
    Ok(())
}

/// `resolve-net NETWORK[,NETWORK...]`.
pub(crate) fn networks(
    _: &mut Lowering<'_>,
    server: &mut ServerDraft,
    args: &mut Args<'_>,
) -> Outcome {
    const WHAT: &str = "networks such as 10.0.0.0/8";
    let mut networks = Vec::new();
    for text in args.text(WHAT)?.split(',') {
        let (ip, bits) = text.split_once('/').map_or((text, None), |(ip, b)| (ip, Some(b)));
        let Ok(ip) = ip.parse::<IpAddr>() else { return Err(args.unexpected(WHAT)) };
        let most = if ip.is_ipv4() { 32 } else { 128 };
        match bits.map_or(Some(most), |bits| bits.parse().ok()).filter(|bits| *bits <= most) {
            Some(bits) => networks.push((ip, bits)),
            None => return Err(args.unexpected(WHAT)),
        }
    }
    wants(server).networks = networks;
    Ok(())
}

/// `resolve-opts OPTION[,OPTION...]`.
pub(crate) fn options(
    _: &mut Lowering<'_>,
    server: &mut ServerDraft,
    args: &mut Args<'_>,
) -> Outcome {
    const WHAT: &str = "'allow-dup-ip', 'ignore-weight' and 'prevent-dup-ip'";
    for option in args.text(WHAT)?.split(',') {
        let wants = wants(server);
        match option {
            "allow-dup-ip" => wants.allow_duplicates = true,
            "prevent-dup-ip" => wants.allow_duplicates = false,
            "ignore-weight" => wants.ignore_weight = true,
            _ => return Err(args.unexpected(WHAT)),
        }
    }
    Ok(())
}

fn wants(server: &mut ServerDraft) -> &mut ResolveOptions {
    Arc::make_mut(server.server.resolve.get_or_insert_default())
}

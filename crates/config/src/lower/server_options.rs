//! Options of `server` and `default-server` (manual 5.2).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use model::{InitAddr, InitState, Observe, OnError, ProxyHeader, Source};

use super::address::{self, Ports, Written, WrittenHost};
use super::args::{Args, Outcome, alert};
use super::context::Lowering;
use super::draft::ServerDraft;
use super::server::address_alert;
use super::table::Table;
use super::unsupported;
use crate::text::units::TimeUnit;

/// Largest weight (manual 5.2 `weight`).
const MAX_WEIGHT: i64 = 256;

type ServerFn = fn(&mut Lowering<'_>, &mut ServerDraft, &mut Args<'_>) -> Outcome;

/// Options of `server`, `default-server` and `server-template`.
pub(crate) const OPTIONS: Table<ServerFn> = Table(&[
    ("addr", addr),
    ("agent-addr", |cx, server, args| {
        let word = args.require("an address")?;
        let ip = word.value().parse().ok().or_else(|| cx.resolve(word.value()));
        let bad = || alert(word.span(), format!("'{}' is not an IP address", word.value()));
        server.agent_addr = Some(ip.ok_or_else(bad)?);
        Ok(())
    }),
    ("agent-check", |_, server, _| {
        server.agent = true;
        Ok(())
    }),
    ("agent-inter", |cx, server, args| {
        server.agent_inter = Some(interval(cx, args)?);
        Ok(())
    }),
    ("agent-port", |_, server, args| {
        server.agent_port = Some(args.port()?);
        Ok(())
    }),
    ("agent-send", |cx, server, args| {
        server.agent_send = Some(cx.name(args.text("a text")?));
        Ok(())
    }),
    ("backup", |_, server, _| {
        server.server.backup = true;
        Ok(())
    }),
    ("check", |_, server, _| {
        server.checked = true;
        Ok(())
    }),
    ("check-send-proxy", |_, server, _| {
        server.check_send_proxy = Some(true);
        Ok(())
    }),
    ("cookie", |cx, server, args| {
        server.server.cookie = Some(cx.name(args.text("a value")?));
        Ok(())
    }),
    ("disabled", |_, server, _| {
        server.server.disabled = true;
        Ok(())
    }),
    ("downinter", |cx, server, args| {
        server.check.downinter = Some(interval(cx, args)?);
        Ok(())
    }),
    ("enabled", |_, server, _| {
        server.server.disabled = false;
        Ok(())
    }),
    ("error-limit", |_, server, args| {
        server.check.error_limit = args.u32_from(1)?;
        Ok(())
    }),
    ("fall", |_, server, args| {
        server.check.fall = args.u32_from(1)?;
        Ok(())
    }),
    ("fastinter", |cx, server, args| {
        server.check.fastinter = Some(interval(cx, args)?);
        Ok(())
    }),
    ("guid", |cx, server, args| {
        let word = args.require("a name")?;
        server.guid = Some(super::guid::read(cx, word)?);
        Ok(())
    }),
    ("id", |_, server, args| {
        let span = args.span();
        server.explicit_id = Some((args.u32_from(1)?, span));
        Ok(())
    }),
    ("init-addr", init_addr),
    ("init-state", init_state),
    ("inter", |cx, server, args| {
        server.check.inter = interval(cx, args)?;
        Ok(())
    }),
    ("max-reuse", |_, server, args| {
        let most = args.number(-1..=i64::from(u32::MAX))?;
        server.server.max_reuse = u32::try_from(most).ok();
        Ok(())
    }),
    ("maxconn", |_, server, args| {
        server.server.maxconn = Some(args.u32_from(0)?).filter(|most| *most > 0);
        Ok(())
    }),
    ("maxqueue", |_, server, args| {
        server.server.maxqueue = args.u32_from(0)?;
        Ok(())
    }),
    ("minconn", |_, server, args| {
        server.server.minconn = Some(args.u32_from(0)?).filter(|least| *least > 0);
        Ok(())
    }),
    ("no-agent-check", |_, server, _| {
        server.agent = false;
        Ok(())
    }),
    ("no-backup", |_, server, _| {
        server.server.backup = false;
        Ok(())
    }),
    ("no-check", |_, server, _| {
        server.checked = false;
        Ok(())
    }),
    ("no-check-send-proxy", |_, server, _| {
        server.check_send_proxy = Some(false);
        Ok(())
    }),
    ("no-send-proxy", no_send_proxy),
    ("no-send-proxy-v2", no_send_proxy),
    ("observe", observe),
    ("on-error", on_error),
    ("on-marked-down", |_, server, args| match args.text("'shutdown-sessions'")? {
        "shutdown-sessions" => {
            server.server.on_marked.down_shutdown_sessions = true;
            Ok(())
        }
        _ => Err(args.unexpected("'shutdown-sessions'")),
    }),
    ("on-marked-up", |_, server, args| match args.text("'shutdown-backup-sessions'")? {
        "shutdown-backup-sessions" => {
            server.server.on_marked.up_shutdown_backup_sessions = true;
            Ok(())
        }
        _ => Err(args.unexpected("'shutdown-backup-sessions'")),
    }),
    ("pool-max-conn", |_, server, args| {
        let most = args.number(-1..=i64::from(i32::MAX))?;
        server.server.pool_max_conn = i32::try_from(most).unwrap_or(-1);
        Ok(())
    }),
    ("pool-purge-delay", |cx, server, args| {
        server.server.pool_purge_delay = args.time(TimeUnit::Ms, &mut cx.diagnostics)?;
        Ok(())
    }),
    ("port", |_, server, args| {
        // Zero stands for the server's own port.
        server.check.port = Some(args.number(0..=65_535)?)
            .and_then(|port| u16::try_from(port).ok())
            .filter(|port| *port > 0);
        Ok(())
    }),
    ("proto", |_, _, args| match args.text("a protocol")? {
        "h1" | "none" => Ok(()),
        "h2" | "fcgi" | "spop" => Err(alert(args.last_span(), "only 'proto h1' is supported yet")),
        _ => Err(args.unexpected("a protocol such as h1")),
    }),
    ("redir", |cx, server, args| {
        server.server.redir = Some(cx.name(args.text("a prefix")?));
        Ok(())
    }),
    ("resolve-net", super::resolvers::networks),
    ("resolve-opts", super::resolvers::options),
    ("resolve-prefer", |_, server, args| {
        server.server.prefer_ipv6 = match args.text("'ipv4' or 'ipv6'")? {
            "ipv4" => false,
            "ipv6" => true,
            _ => return Err(args.unexpected("'ipv4' or 'ipv6'")),
        };
        Ok(())
    }),
    ("resolvers", |cx, server, args| {
        server.server.resolvers = Some(cx.name(args.text("a 'resolvers' section")?));
        Ok(())
    }),
    ("rise", |_, server, args| {
        server.check.rise = args.u32_from(1)?;
        Ok(())
    }),
    ("send-proxy", |_, server, _| {
        server.server.send_proxy = Some(ProxyHeader::V1);
        Ok(())
    }),
    ("send-proxy-v2", send_proxy_v2),
    ("slowstart", |cx, server, args| {
        let time = args.time(TimeUnit::Ms, &mut cx.diagnostics)?;
        server.server.slowstart = Some(time).filter(|time| !time.is_zero());
        Ok(())
    }),
    ("source", |cx, server, args| {
        server.server.source = Some(source(cx, args)?);
        Ok(())
    }),
    ("tcp-ut", |cx, server, args| {
        let time = args.time(TimeUnit::Ms, &mut cx.diagnostics)?;
        server.server.tcp_user_timeout_ms = u32::try_from(time.as_millis()).ok();
        Ok(())
    }),
    ("track", |cx, server, args| {
        let span = args.span();
        server.track = Some((cx.name(args.text("[backend/]server")?), span));
        Ok(())
    }),
    ("usesrc", |_, _, args| Err(args.unexpected("'source' before 'usesrc'"))),
    ("weight", |_, server, args| {
        server.server.weight = u16::try_from(args.number(0..=MAX_WEIGHT)?).unwrap_or(1);
        Ok(())
    }),
]);

/// Options that belong to one server and cannot be a default for all.
const NOT_DEFAULT: &[&str] = &["id", "guid"];

/// Reads options up to the end of the line.
pub(crate) fn read<'a>(
    cx: &mut Lowering<'a>,
    server: &mut ServerDraft,
    args: &mut Args<'a>,
    is_default: bool,
) -> Outcome {
    while let Some(word) = args.next() {
        args.begin_option();
        if is_default && NOT_DEFAULT.contains(&word.value()) {
            let reason = format!("'{}' cannot be set for all servers", word.value());
            return Err(alert(word.span(), reason));
        }
        match OPTIONS.find(word.value()) {
            Some(lower) => lower(cx, server, args)?,
            None => unsupported::option(cx, word, args, crate::keyword::Context::Server)?,
        }
    }
    Ok(())
}

fn send_proxy_v2(_: &mut Lowering<'_>, server: &mut ServerDraft, _: &mut Args<'_>) -> Outcome {
    server.server.send_proxy = Some(ProxyHeader::V2);
    Ok(())
}

fn no_send_proxy(_: &mut Lowering<'_>, server: &mut ServerDraft, _: &mut Args<'_>) -> Outcome {
    server.server.send_proxy = None;
    Ok(())
}

fn interval(cx: &mut Lowering<'_>, args: &mut Args<'_>) -> Outcome<Duration> {
    let keyword = args.keyword();
    let time = args.time(TimeUnit::Ms, &mut cx.diagnostics)?;
    match time.is_zero() {
        true => Err(alert(args.last_span(), format!("'{keyword}' must be above zero"))),
        false => Ok(time),
    }
}

fn addr(cx: &mut Lowering<'_>, server: &mut ServerDraft, args: &mut Args<'_>) -> Outcome {
    let word = args.require("an address")?;
    let ip = match address::parse(word.value()).map_err(|bad| address_alert(word, bad))? {
        Written::Inet { host: WrittenHost::Ip(ip), ports } => {
            if let Ports::One(port) = ports {
                server.check.port = Some(port);
            }
            Some(ip)
        }
        Written::Inet { host: WrittenHost::Name(name), .. } => cx.resolve(name),
        _ => None,
    };
    match ip {
        Some(ip) => {
            server.check.addr = Some(ip);
            Ok(())
        }
        None => Err(alert(word.span(), format!("'{}' is not an IP address", word.value()))),
    }
}

fn init_state(_: &mut Lowering<'_>, server: &mut ServerDraft, args: &mut Args<'_>) -> Outcome {
    const WHAT: &str = "'fully-up', 'up', 'down' or 'fully-down'";
    server.check.init_state = match args.text(WHAT)? {
        "fully-up" => InitState::FullyUp,
        "up" => InitState::Up,
        "down" => InitState::Down,
        "fully-down" => InitState::FullyDown,
        _ => return Err(args.unexpected(WHAT)),
    };
    Ok(())
}

fn observe(_: &mut Lowering<'_>, server: &mut ServerDraft, args: &mut Args<'_>) -> Outcome {
    const WHAT: &str = "'none', 'layer4' or 'layer7'";
    server.check.observe = match args.text(WHAT)? {
        "none" => None,
        "layer4" => Some(Observe::Layer4),
        "layer7" => Some(Observe::Layer7),
        _ => return Err(args.unexpected(WHAT)),
    };
    Ok(())
}

fn on_error(_: &mut Lowering<'_>, server: &mut ServerDraft, args: &mut Args<'_>) -> Outcome {
    const WHAT: &str = "'fastinter', 'fail-check', 'sudden-death' or 'mark-down'";
    server.check.on_error = match args.text(WHAT)? {
        "fastinter" => OnError::FastInter,
        "fail-check" => OnError::FailCheck,
        "sudden-death" => OnError::SuddenDeath,
        "mark-down" => OnError::MarkDown,
        _ => return Err(args.unexpected(WHAT)),
    };
    Ok(())
}

fn init_addr(_: &mut Lowering<'_>, server: &mut ServerDraft, args: &mut Args<'_>) -> Outcome {
    const WHAT: &str = "a list of 'last', 'libc', 'none' and addresses";
    let word = args.require(WHAT)?;
    let mut methods = Vec::new();
    for text in word.value().split(',') {
        let method = match text {
            "last" => InitAddr::Last,
            "libc" => InitAddr::Libc,
            "none" => InitAddr::None,
            other => match other.parse() {
                Ok(ip) => InitAddr::Ip(ip),
                Err(_) => return Err(args.unexpected(WHAT)),
            },
        };
        if methods.contains(&method) {
            let reason = format!("'init-addr': '{text}' is there twice");
            return Err(alert(word.span(), reason));
        }
        methods.push(method);
    }
    server.server.init_addr = methods;
    Ok(())
}

/// `source ADDR[:PORT] [usesrc ...] [interface NAME]`, of a server or of a backend.
pub(crate) fn source(cx: &mut Lowering<'_>, args: &mut Args<'_>) -> Outcome<Source> {
    let word = args.require("an address")?;
    let written = address::parse(word.value()).map_err(|bad| address_alert(word, bad))?;
    let Written::Inet { host, ports } = written else {
        return Err(alert(word.span(), "a source is an IP address"));
    };
    let ip: IpAddr = match host {
        WrittenHost::Ip(ip) => ip,
        WrittenHost::Empty => Ipv4Addr::UNSPECIFIED.into(),
        WrittenHost::Name(name) => cx.resolve(name).ok_or_else(|| {
            alert(word.span(), format!("the name '{name}' has no address to connect from"))
        })?,
    };
    let port = match ports {
        Ports::Absent => 0,
        Ports::One(port) => port,
        Ports::Range(..) => {
            return Err(alert(word.span(), "port ranges of a source are not supported yet"));
        }
        Ports::Offset(_) => return Err(alert(word.span(), "a source port cannot be an offset")),
    };
    let mut source =
        Source { address: SocketAddr::new(ip, port), client_address: false, interface: None };
    loop {
        if args.eat("usesrc") {
            source.client_address = match args.text("'client' or 'clientip'")? {
                "client" | "clientip" => true,
                _ => {
                    let reason = "only 'usesrc client' and 'usesrc clientip' are supported yet";
                    return Err(alert(args.last_span(), reason));
                }
            };
        } else if args.eat("interface") {
            source.interface = Some(cx.name(args.text("a network interface")?));
        } else {
            return Ok(source);
        }
    }
}

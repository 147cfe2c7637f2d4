//! `log` lines and what is logged (manual 3.1 and 4.2 `log`, 8).

use std::net::{Ipv4Addr, SocketAddr};

use model::{Address, LogAddress, LogSample, LogTarget, LogWireFormat};

use super::address::{self, Ports, Written, WrittenHost};
use super::args::{Args, Outcome, alert};
use super::context::Lowering;
use super::server::address_alert;
use crate::ast::Word;

/// The port of syslog.
const SYSLOG_PORT: u16 = 514;
/// Bounds of `len` (manual 4.2 `log`).
const LINE_BYTES: std::ops::RangeInclusive<i64> = 80..=65_535;
/// Most ranges in a `sample`.
const MAX_RANGES: usize = 256;

/// The 24 facilities by number.
const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2",
    "ftp", "ntp", "audit", "alert", "cron2", "local0", "local1", "local2", "local3", "local4",
    "local5", "local6", "local7",
];

/// The 8 levels by number.
const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

/// The number of a level.
pub(crate) fn level(name: &str) -> Option<u8> {
    LEVELS.iter().position(|known| *known == name).and_then(|at| u8::try_from(at).ok())
}

/// `log ADDRESS [len N] [format F] [sample R:S] FACILITY [MAX [MIN]]`.
pub(crate) fn target(cx: &mut Lowering<'_>, args: &mut Args<'_>) -> Outcome<LogTarget> {
    let word = args.require("an address, 'stdout' or 'stderr', and a facility")?;
    let address = log_address(cx, word)?;
    let mut format = match address {
        LogAddress::Stdout | LogAddress::Stderr | LogAddress::Fd(_) => LogWireFormat::Raw,
        LogAddress::Udp(_) | LogAddress::Unix(_) => LogWireFormat::Rfc3164,
    };
    let mut length = 1024;
    let mut samples = None;
    loop {
        if args.eat("len") {
            length = usize::try_from(args.number(LINE_BYTES)?).unwrap_or(1024);
        } else if args.eat("format") {
            format = wire_format(args)?;
        } else if args.eat("sample") {
            samples = Some(sample(args)?);
        } else if args.eat("profile") {
            args.text("a log profile")?;
            cx.warn(
                args.last_span(),
                "log profiles are not supported yet: the line is logged as usual",
            );
        } else {
            break;
        }
    }
    let facility = args.text("a facility such as local0")?;
    let Some(facility) = FACILITIES.iter().position(|known| *known == facility) else {
        return Err(args.unexpected("a facility such as local0 or daemon"));
    };
    let max_level = optional_level(args)?.unwrap_or(7);
    let min_level = optional_level(args)?.unwrap_or(0);
    args.end()?;
    Ok(LogTarget {
        address,
        format,
        length,
        facility: u8::try_from(facility).unwrap_or(16),
        max_level,
        min_level,
        sample: samples,
    })
}

fn optional_level(args: &mut Args<'_>) -> Outcome<Option<u8>> {
    if args.is_done() {
        return Ok(None);
    }
    match level(args.text("a level")?) {
        Some(level) => Ok(Some(level)),
        None => Err(args.unexpected("a level such as info or notice")),
    }
}

fn wire_format(args: &mut Args<'_>) -> Outcome<LogWireFormat> {
    const WHAT: &str = "one of local, rfc3164, rfc5424, priority, short, timed, iso, raw";
    Ok(match args.text(WHAT)? {
        "local" => LogWireFormat::Local,
        "rfc3164" => LogWireFormat::Rfc3164,
        "rfc5424" => LogWireFormat::Rfc5424,
        "priority" => LogWireFormat::Priority,
        "short" => LogWireFormat::Short,
        "timed" => LogWireFormat::Timed,
        "iso" => LogWireFormat::Iso,
        "raw" => LogWireFormat::Raw,
        _ => return Err(args.unexpected(WHAT)),
    })
}

/// `1,2-3:5`: of five messages the first three.
fn sample(args: &mut Args<'_>) -> Outcome<LogSample> {
    const WHAT: &str = "ranges and a size such as 1-2,5:8";
    let text = args.text(WHAT)?;
    let parsed = text.rsplit_once(':').and_then(|(list, size)| {
        let size: u32 = size.parse().ok().filter(|size| *size > 0)?;
        let mut ranges = Vec::new();
        for range in list.split(',') {
            let (from, to) = range.split_once('-').unwrap_or((range, range));
            let (from, to): (u32, u32) = (from.parse().ok()?, to.parse().ok()?);
            if from == 0 || from > to || to > size || ranges.len() >= MAX_RANGES {
                return None;
            }
            ranges.push((from, to));
        }
        Some(LogSample { ranges, size })
    });
    parsed.ok_or_else(|| args.unexpected(WHAT))
}

fn log_address(cx: &mut Lowering<'_>, word: Word<'_>) -> Outcome<LogAddress> {
    let text = word.value();
    match text {
        "stdout" => return Ok(LogAddress::Stdout),
        "stderr" => return Ok(LogAddress::Stderr),
        _ => {}
    }
    if text.starts_with("ring@") || text.starts_with("backend@") || text.starts_with("tcp") {
        let kind = text.split('@').next().unwrap_or(text);
        return Err(alert(word.span(), format!("logging to '{kind}@' is not supported yet")));
    }
    let plain = strip_datagram(text);
    let written = address::parse(plain).map_err(|bad| address_alert(word, bad))?;
    Ok(match written {
        Written::Unix(path) => LogAddress::Unix(Address::Unix(cx.unix_path(path))),
        Written::Abstract(name) => LogAddress::Unix(Address::Abstract(cx.name(name))),
        Written::AbstractZ(name) => LogAddress::Unix(Address::AbstractZ(cx.name(name))),
        Written::Fd(fd) => LogAddress::Fd(fd),
        Written::Inet { host, ports } => {
            let port = match ports {
                Ports::Absent => SYSLOG_PORT,
                Ports::One(port) => port,
                _ => return Err(alert(word.span(), format!("'{text}': one port is expected"))),
            };
            let ip = match host {
                WrittenHost::Ip(ip) => ip,
                WrittenHost::Empty => Ipv4Addr::LOCALHOST.into(),
                WrittenHost::Name(name) => cx.resolve(name).ok_or_else(|| {
                    let mut found = alert(
                        word.span(),
                        format!("the log server's name '{name}' has no address"),
                    );
                    found.hint = Some("write its address, or make the name known first".to_owned());
                    found
                })?,
            };
            LogAddress::Udp(SocketAddr::new(ip, port))
        }
    })
}

/// Logs are datagrams already: the prefixes that say so add nothing.
pub(super) fn strip_datagram(text: &str) -> &str {
    match text.split_once('@') {
        Some(("udp" | "dgram+ipv4" | "udp4" | "udp6" | "dgram+ipv6", rest)) => rest,
        _ => text,
    }
}

//! `bind` lines with their options (manual 4.2 `bind`, 5.1).

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use model::{Address, Bind};

use super::address::{self, Ports, Written, WrittenHost};
use super::args::{Args, Outcome, alert};
use super::context::Lowering;
use super::draft::Draft;
use super::table::Table;
use crate::ast::Word;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Span;
use crate::text::units::TimeUnit;

/// Most listening addresses of one proxy.
const MAX_BINDS: usize = 65_536;

/// What a `bind` or `stats socket` line says beside its addresses.
pub(crate) struct BindOptions {
    /// The options as the model has them; address and id are filled in for each address.
    pub bind: Bind,
    /// `id`.
    pub id: Option<(u32, Span)>,
    /// `guid-prefix`.
    pub guid_prefix: Option<super::guid::Guid>,
    /// `level` of a stats socket.
    pub level: u8,
    /// `expose-fd listeners` of a stats socket.
    pub expose_fd_listeners: bool,
}

type BindFn = fn(&mut Lowering<'_>, &mut BindOptions, &mut Args<'_>) -> Outcome;

/// Options of `bind`.
pub(crate) const OPTIONS: Table<BindFn> = Table(&[
    ("accept-proxy", |_, options, _| {
        options.bind.accept_proxy = true;
        Ok(())
    }),
    ("backlog", |_, options, args| {
        options.bind.backlog = Some(args.u32_from(0)?).filter(|backlog| *backlog > 0);
        Ok(())
    }),
    ("defer-accept", |_, options, _| {
        options.bind.defer_accept = true;
        Ok(())
    }),
    ("expose-fd", expose_fd),
    ("gid", |_, options, args| {
        options.bind.permissions.gid = Some(args.u32_from(0)?);
        Ok(())
    }),
    ("group", |cx, options, args| {
        options.bind.permissions.group = Some(cx.name(args.text("a group")?));
        Ok(())
    }),
    ("guid-prefix", |cx, options, args| {
        let word = args.require("a name")?;
        options.guid_prefix = Some(super::guid::read(cx, word)?);
        Ok(())
    }),
    ("id", |_, options, args| {
        let span = args.span();
        options.id = Some((args.u32_from(1)?, span));
        Ok(())
    }),
    ("interface", |cx, options, args| {
        options.bind.interface = Some(cx.name(args.text("a network interface")?));
        Ok(())
    }),
    ("level", level),
    ("maxconn", |_, options, args| {
        options.bind.maxconn = Some(args.u32_from(0)?).filter(|maxconn| *maxconn > 0);
        Ok(())
    }),
    ("mode", |_, options, args| {
        options.bind.permissions.mode = Some(octal_mode(args)?);
        Ok(())
    }),
    ("mss", |_, options, args| {
        options.bind.mss = Some(i32::try_from(args.number(-65_535..=65_535)?).unwrap_or(0));
        Ok(())
    }),
    ("name", |cx, options, args| {
        options.bind.name = Some(cx.name(args.text("a name")?));
        Ok(())
    }),
    ("proto", proto),
    ("severity-output", |_, _, args| args.text("'none', 'number' or 'string'").map(|_| ())),
    ("tcp-ut", |cx, options, args| {
        let time = args.time(TimeUnit::Ms, &mut cx.diagnostics)?;
        options.bind.tcp_user_timeout_ms = u32::try_from(time.as_millis()).ok();
        Ok(())
    }),
    ("tfo", |_, options, _| {
        options.bind.tfo = true;
        Ok(())
    }),
    ("transparent", |_, options, _| {
        options.bind.transparent = true;
        Ok(())
    }),
    ("uid", |_, options, args| {
        options.bind.permissions.uid = Some(args.u32_from(0)?);
        Ok(())
    }),
    ("user", |cx, options, args| {
        options.bind.permissions.user = Some(cx.name(args.text("a user")?));
        Ok(())
    }),
    ("v4v6", |_, options, _| {
        options.bind.v6only = Some(false);
        Ok(())
    }),
    ("v6only", |_, options, _| {
        options.bind.v6only = Some(true);
        Ok(())
    }),
]);

fn expose_fd(_: &mut Lowering<'_>, options: &mut BindOptions, args: &mut Args<'_>) -> Outcome {
    match args.text("'listeners'")? {
        "listeners" => {
            options.expose_fd_listeners = true;
            Ok(())
        }
        _ => Err(args.unexpected("'listeners'")),
    }
}

fn level(_: &mut Lowering<'_>, options: &mut BindOptions, args: &mut Args<'_>) -> Outcome {
    options.level = match args.text("'user', 'operator' or 'admin'")? {
        "user" => 0,
        "operator" => 1,
        "admin" => 2,
        _ => return Err(args.unexpected("'user', 'operator' or 'admin'")),
    };
    Ok(())
}

/// Mode bits in octal.
pub(crate) fn octal_mode(args: &mut Args<'_>) -> Outcome<u32> {
    let text = args.text("a file mode in octal")?;
    match u32::from_str_radix(text, 8) {
        Ok(mode @ 0..=0o7777) => Ok(mode),
        _ => Err(args.unexpected("a file mode in octal, such as 660")),
    }
}

fn proto(_: &mut Lowering<'_>, _: &mut BindOptions, args: &mut Args<'_>) -> Outcome {
    match args.text("a protocol")? {
        "h1" => Ok(()),
        "h2" | "fcgi" | "spop" => {
            let reason = "only 'proto h1' is supported yet";
            Err(alert(args.last_span(), reason))
        }
        _ => Err(args.unexpected("a protocol such as h1")),
    }
}

impl BindOptions {
    /// No option given.
    pub(crate) fn new(origin: model::Origin) -> Self {
        Self {
            bind: Bind::new(Address::Fd(0), origin),
            id: None,
            guid_prefix: None,
            level: 1,
            expose_fd_listeners: false,
        }
    }

    /// Reads options up to the end of the line.
    pub(crate) fn read(&mut self, cx: &mut Lowering<'_>, args: &mut Args<'_>) -> Outcome {
        while let Some(word) = args.next() {
            args.begin_option();
            match OPTIONS.find(word.value()) {
                Some(lower) => lower(cx, self, args)?,
                None => super::unsupported::option(cx, word, args, crate::keyword::Context::Bind)?,
            }
        }
        Ok(())
    }
}

/// The `bind` line of a proxy.
pub(crate) fn lower<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let word = args.require("[address]:port[,...]")?;
    let addresses = listening(cx, word)?;
    let mut options = BindOptions::new(cx.origin(word.span()));
    options.bind.permissions = cx.unix_bind.permissions.clone();
    options.read(cx, args)?;
    if draft.front.binds.len() + addresses.len() > MAX_BINDS {
        let reason = format!("a proxy cannot listen on more than {MAX_BINDS} addresses");
        return Err(alert(word.span(), reason));
    }
    for (at, address) in addresses.into_iter().enumerate() {
        if let Some((prefix, span)) = &options.guid_prefix {
            let guid = cx.name(&format!("{prefix}-{at}"));
            super::guid::claim(cx, (guid, *span), format!("listener of {}", draft.title()))?;
        }
        let explicit = options.id.take();
        if let Some((id, span)) = explicit {
            claim_id(cx, draft, id, span)?;
        }
        let id = explicit.map_or(0, |(id, _)| id);
        draft.front.binds.push(Bind { address, id, ..options.bind.clone() });
    }
    Ok(())
}

fn claim_id(cx: &Lowering<'_>, draft: &mut Draft<'_>, id: u32, span: Span) -> Outcome {
    match draft.front.bind_ids.insert(id, span) {
        None => Ok(()),
        Some(first) => {
            let place = cx.place(first);
            let found = Diagnostic::new(
                Severity::Alert,
                span,
                format!("bind id {id} is already used at {place}"),
            );
            Err(Box::new(found.related(first, "first used here")))
        }
    }
}

/// Addresses to listen on: commas separate them, a port range stands for each of its ports.
pub(crate) fn listening(cx: &mut Lowering<'_>, word: Word<'_>) -> Outcome<Vec<Address>> {
    let mut addresses = Vec::new();
    let mut at = 0;
    for text in word.value().split(',') {
        let written = address::parse(text).map_err(|bad| {
            let at = at + bad.at;
            alert(word.span_of(at, word.value().len().saturating_sub(at)), bad.reason)
        })?;
        let span = word.span_of(at, text.len());
        match written {
            Written::Unix(path) => addresses.push(Address::Unix(cx.unix_path(path))),
            Written::Abstract(name) => addresses.push(Address::Abstract(cx.name(name))),
            Written::AbstractZ(name) => addresses.push(Address::AbstractZ(cx.name(name))),
            Written::Fd(fd) => addresses.push(Address::Fd(fd)),
            Written::Inet { host, ports } => {
                let ip = listening_ip(cx, host, span)?;
                let (from, to) = listening_ports(ports, text, span)?;
                let each = (from..=to).map(|port| Address::Inet(SocketAddr::new(ip, port)));
                addresses.extend(each);
            }
        }
        at += text.len() + 1;
    }
    Ok(addresses)
}

fn listening_ip(cx: &Lowering<'_>, host: WrittenHost<'_>, span: Span) -> Outcome<IpAddr> {
    match host {
        WrittenHost::Ip(ip) => Ok(ip),
        WrittenHost::Empty => Ok(Ipv4Addr::UNSPECIFIED.into()),
        WrittenHost::Name(name) => cx.resolve(name).ok_or_else(|| {
            let mut found = alert(span, format!("the name '{name}' has no address to listen on"));
            found.hint = Some("write the address, or '*' for every one".to_owned());
            found
        }),
    }
}

fn listening_ports(ports: Ports, text: &str, span: Span) -> Outcome<(u16, u16)> {
    match ports {
        Ports::One(0) | Ports::Range(0, _) => Err(alert(span, "port 0 cannot be listened on")),
        Ports::One(port) => Ok((port, port)),
        Ports::Range(from, to) => Ok((from, to)),
        Ports::Absent => {
            let mut found = alert(span, format!("'{text}' has no port"));
            found.hint = Some(format!("write '{text}:80' or ':80'"));
            Err(found)
        }
        Ports::Offset(_) => Err(alert(span, "a port to listen on cannot be an offset")),
    }
}

//! The `global` section (manual 3).

use model::{Bind, Families, Global, StatsSocket};

use super::args::{Args, Outcome, alert};
use super::bind::{BindOptions, listening, octal_mode};
use super::context::Lowering;
use super::dispatch;
use super::table::Table;
use crate::ast::Section;
use crate::text::units::TimeUnit;

/// Largest `nbthread`.
const MAX_THREADS: i64 = 1024;

/// What the section is read into.
pub(crate) struct GlobalDraft {
    /// The model's part.
    pub global: Global,
    /// `log` lines so far.
    pub log: Vec<model::LogTarget>,
    /// `server-state-base`.
    pub state_base: Option<String>,
    /// `server-state-file`.
    pub state_file: Option<String>,
    /// Settings that only the start of the process needs.
    pub process: super::ProcessFacts,
}

type GlobalFn = for<'a> fn(&mut Lowering<'a>, &mut GlobalDraft, &mut Args<'a>) -> Outcome;

/// Keywords of `global`, by the names that the keyword table gives them.
pub(crate) const KEYWORDS: Table<GlobalFn> = Table(&[
    ("chroot", |cx, draft, args| {
        draft.global.chroot = Some(cx.name(args.text("a directory")?));
        Ok(())
    }),
    ("daemon", |_, draft, args| {
        draft.global.daemon = !args.is_negated();
        Ok(())
    }),
    ("default-path", |cx, _, args| {
        match args.text("'current', 'config', 'parent' or 'origin'")? {
            "current" => Ok(()),
            mode @ ("config" | "parent" | "origin") => {
                let origin = if mode == "origin" { args.text("a directory")? } else { "" };
                cx.set_default_path(mode, origin);
                Ok(())
            }
            _ => Err(args.unexpected("'current', 'config', 'parent' or 'origin'")),
        }
    }),
    ("description", |cx, draft, args| {
        let words: Vec<&str> = args.rest().map(|word| word.value()).collect();
        draft.global.description = Some(cx.name(&words.join(" ")));
        args.skip(words.len());
        Ok(())
    }),
    ("dns-accept-family", |cx, _, args| {
        const WHAT: &str = "'ipv4', 'ipv6' and 'auto'";
        let mut families = Families { ipv4: false, ipv6: false, ipv6_where_routed: false };
        for family in args.text(WHAT)?.split(',') {
            match family {
                "ipv4" => families.ipv4 = true,
                "ipv6" => families.ipv6 = true,
                "auto" => (families.ipv4, families.ipv6_where_routed) = (true, true),
                _ => return Err(args.unexpected(WHAT)),
            }
        }
        cx.dns_families = families;
        Ok(())
    }),
    ("gid", |cx, draft, args| {
        let id = args.u32_from(0)?;
        draft.global.group = Some(cx.name(&id.to_string()));
        Ok(())
    }),
    ("grace", |cx, draft, args| {
        draft.global.grace = Some(args.time(TimeUnit::Ms, &mut cx.diagnostics)?);
        Ok(())
    }),
    ("group", |cx, draft, args| {
        draft.global.group = Some(cx.name(args.text("a group")?));
        Ok(())
    }),
    ("hard-stop-after", |cx, draft, args| {
        draft.global.hard_stop_after = Some(args.time(TimeUnit::Ms, &mut cx.diagnostics)?);
        Ok(())
    }),
    ("log", |cx, draft, args| {
        if args.is_negated() {
            draft.log.clear();
            return args.end();
        }
        let target = super::log::target(cx, args)?;
        draft.log.push(target);
        Ok(())
    }),
    ("log-send-hostname", |cx, draft, args| {
        let name = args.next().map(|word| cx.name(word.value()));
        draft.global.log_send_hostname = Some(name);
        Ok(())
    }),
    ("log-tag", |cx, draft, args| {
        draft.global.log_tag = Some(cx.name(args.text("a tag")?));
        Ok(())
    }),
    ("master-worker", |_, draft, args| {
        draft.process.master_worker = !args.is_negated();
        if !args.eat("exit-on-failure") {
            args.eat("no-exit-on-failure");
        }
        Ok(())
    }),
    ("maxconn", |_, draft, args| {
        draft.global.maxconn = Some(args.u32_from(0)?).filter(|most| *most > 0);
        Ok(())
    }),
    ("maxconnrate", rate),
    ("maxsessrate", rate),
    ("nbthread", |_, draft, args| {
        draft.global.nbthread = u32::try_from(args.number(1..=MAX_THREADS)?).ok();
        Ok(())
    }),
    ("node", |cx, draft, args| {
        draft.global.node = Some(cx.name(args.text("a name")?));
        Ok(())
    }),
    ("pidfile", |cx, draft, args| {
        draft.global.pidfile = Some(cx.name(args.text("a file")?));
        Ok(())
    }),
    ("presetenv", environment),
    ("quiet", |_, draft, args| {
        draft.process.quiet = !args.is_negated();
        Ok(())
    }),
    ("resetenv", environment),
    ("server-state-base", |_, draft, args| {
        draft.state_base = Some(args.text("a directory")?.to_owned());
        Ok(())
    }),
    ("server-state-file", |_, draft, args| {
        draft.state_file = Some(args.text("a file")?.to_owned());
        Ok(())
    }),
    ("set-var", set_var),
    ("set-var-fmt", set_var_fmt),
    ("setenv", environment),
    ("spread-checks", |_, draft, args| {
        let percent = args.number(0..=50)?;
        draft.global.spread_checks_percent = u32::try_from(percent).unwrap_or(0);
        Ok(())
    }),
    ("stats maxconn", |_, draft, args| {
        draft.global.stats_maxconn = args.u32_from(1)?;
        Ok(())
    }),
    ("stats socket", stats_socket),
    ("stats timeout", |cx, draft, args| {
        draft.global.stats_timeout = args.time(TimeUnit::Ms, &mut cx.diagnostics)?;
        Ok(())
    }),
    ("strict-limits", |_, draft, args| {
        draft.process.strict_limits = !args.is_negated();
        Ok(())
    }),
    ("tune.bufsize", |_, draft, args| {
        draft.global.bufsize = bytes(args, 1024..=1 << 28)?;
        Ok(())
    }),
    ("tune.http.maxhdr", |_, draft, args| {
        let most = args.number(1..=32_767)?;
        draft.global.max_headers = usize::try_from(most).unwrap_or(101);
        Ok(())
    }),
    ("tune.maxrewrite", |_, draft, args| {
        draft.global.maxrewrite = bytes(args, 0..=1 << 28)?;
        Ok(())
    }),
    ("uid", |cx, draft, args| {
        let id = args.u32_from(0)?;
        draft.global.user = Some(cx.name(&id.to_string()));
        Ok(())
    }),
    ("ulimit-n", |_, draft, args| {
        draft.global.ulimit_n = Some(args.u32_from(0)?).filter(|most| *most > 0);
        Ok(())
    }),
    ("unix-bind", unix_bind),
    ("unsetenv", environment),
    ("user", |cx, draft, args| {
        draft.global.user = Some(cx.name(args.text("a user")?));
        Ok(())
    }),
    ("zero-warning", |_, draft, _| {
        draft.process.zero_warning = true;
        Ok(())
    }),
]);

/// The environment was changed while the text was read.
fn environment(_: &mut Lowering<'_>, _: &mut GlobalDraft, args: &mut Args<'_>) -> Outcome {
    args.skip(args.line().len());
    Ok(())
}

/// A session begins with its connection here, so both limits are one: the smaller.
fn rate(_: &mut Lowering<'_>, draft: &mut GlobalDraft, args: &mut Args<'_>) -> Outcome {
    let limit = Some(args.u32_from(0)?).filter(|most| *most > 0);
    let place = &mut draft.global.max_connection_rate;
    *place = match (*place, limit) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    Ok(())
}

fn bytes(args: &mut Args<'_>, range: std::ops::RangeInclusive<u64>) -> Outcome<usize> {
    let size = args.size()?;
    if range.contains(&size) {
        return Ok(usize::try_from(size).unwrap_or(usize::MAX));
    }
    let reason = format!("the size must be between {} and {} bytes", range.start(), range.end());
    Err(alert(args.last_span(), reason))
}

fn set_var<'a>(cx: &mut Lowering<'a>, draft: &mut GlobalDraft, args: &mut Args<'a>) -> Outcome {
    let name = process_variable(cx, args)?;
    let expr = cx.expr(args, expr::Place::STARTUP, &expr::Acls::new())?;
    draft.global.vars.push((name, expr));
    args.end()
}

fn set_var_fmt<'a>(cx: &mut Lowering<'a>, draft: &mut GlobalDraft, args: &mut Args<'a>) -> Outcome {
    let name = process_variable(cx, args)?;
    let word = args.require("a format")?;
    let format = cx.log_format(word, expr::Place::STARTUP, &expr::Acls::new())?;
    draft.global.var_formats.push((name, format));
    args.end()
}

fn process_variable(cx: &mut Lowering<'_>, args: &mut Args<'_>) -> Outcome<model::Name> {
    let word = args.require("a variable such as proc.name")?;
    match word.value().strip_prefix("proc.") {
        Some(name) if !name.is_empty() => Ok(cx.name(name)),
        _ => Err(alert(word.span(), "only variables of the scope 'proc' can be set here")),
    }
}

/// `unix-bind [prefix P] [mode M] [user U] [uid N] [group G] [gid N]`.
fn unix_bind(cx: &mut Lowering<'_>, _: &mut GlobalDraft, args: &mut Args<'_>) -> Outcome {
    while let Some(word) = args.next() {
        args.begin_option();
        match word.value() {
            "prefix" => cx.unix_bind.prefix = args.text("a path")?.to_owned(),
            "mode" => cx.unix_bind.permissions.mode = Some(octal_mode(args)?),
            "user" => cx.unix_bind.permissions.user = Some(cx.name(args.text("a user")?)),
            "uid" => cx.unix_bind.permissions.uid = Some(args.u32_from(0)?),
            "group" => cx.unix_bind.permissions.group = Some(cx.name(args.text("a group")?)),
            "gid" => cx.unix_bind.permissions.gid = Some(args.u32_from(0)?),
            _ => return Err(args.unexpected("'prefix', 'mode', 'user', 'uid', 'group' or 'gid'")),
        }
    }
    Ok(())
}

fn stats_socket(cx: &mut Lowering<'_>, draft: &mut GlobalDraft, args: &mut Args<'_>) -> Outcome {
    let word = args.require("a path or an address")?;
    let addresses = match word.value() {
        path if !path.contains(['/', '@', ':']) => {
            vec![model::Address::Unix(cx.unix_path(path))]
        }
        _ => listening(cx, word)?,
    };
    let mut options = BindOptions::new(cx.origin(word.span()));
    options.bind.permissions = cx.unix_bind.permissions.clone();
    options.read(cx, args)?;
    for address in addresses {
        let id = u32::try_from(draft.global.stats_sockets.len()).unwrap_or(0) + 1;
        draft.global.stats_sockets.push(StatsSocket {
            bind: Bind { address, id, ..options.bind.clone() },
            level: options.level,
            expose_fd_listeners: options.expose_fd_listeners,
        });
    }
    Ok(())
}

/// Reads one `global` section into the draft; several add up.
pub(crate) fn section<'a>(cx: &mut Lowering<'a>, draft: &mut GlobalDraft, section: Section<'a>) {
    draft.global.origin = cx.origin(section.header().span());
    for line in section.lines() {
        let Some((lower, mut args)) = dispatch::find(&KEYWORDS, line) else {
            continue;
        };
        let outcome = lower(cx, draft, &mut args).and_then(|()| args.end());
        cx.note(outcome);
    }
    draft.global.hard_stop_after = draft.global.hard_stop_after.filter(|time| !time.is_zero());
}

//! `redirect` and the action of that name (manual 4.2 `redirect`).

use expr::LogFormat;
use model::{Redirect, RedirectTarget};

use super::{HttpSet, RulePlace, at_condition};
use crate::lower::args::{Args, Outcome, alert};
use crate::lower::context::Lowering;
use crate::lower::draft::Draft;

const PARTS: &str = "'location', 'prefix', 'scheme', 'code', 'set-cookie', 'set-cookie-fmt', \
                     'clear-cookie', 'drop-query', 'keep-query', 'ignore-empty' or 'append-slash'";

/// Reads up to the condition. The keyword of its own takes its texts literally, the action reads
/// them as formats.
pub(super) fn read<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
    place: RulePlace,
    literal: bool,
) -> Outcome<Redirect> {
    let start = args.span();
    let mut target = None;
    let mut rule = Parts::default();
    while !at_condition(args) {
        let Some(word) = args.next() else { break };
        args.begin_option();
        match word.value() {
            kind @ ("location" | "prefix" | "scheme") => {
                if place.http != Some(HttpSet::Request) && kind != "location" {
                    let reason = format!(
                        "responses can only be redirected to a 'location', \
                                          not '{kind}'"
                    );
                    return Err(alert(word.span(), reason));
                }
                let text = text(cx, draft, args, place, literal)?;
                target = Some(match kind {
                    "location" => RedirectTarget::Location(text),
                    "prefix" => RedirectTarget::Prefix(text),
                    _ => RedirectTarget::Scheme(text),
                });
            }
            "code" => rule.code = code(args)?,
            "drop-query" => rule.drop_query = true,
            "keep-query" => rule.keep_query = true,
            "append-slash" => rule.append_slash = true,
            "ignore-empty" => rule.ignore_empty = true,
            "set-cookie" => {
                let value = args.text("NAME[=VALUE]")?;
                rule.set_cookie = Some(LogFormat::literal(value.as_bytes()));
            }
            "set-cookie-fmt" => rule.set_cookie = Some(text(cx, draft, args, place, false)?),
            "clear-cookie" => rule.clear_cookie = Some(cx.name(args.text("NAME[=]")?)),
            _ => return Err(args.unexpected(PARTS)),
        }
    }
    let Some(target) = target else {
        let reason = "a redirection needs 'location', 'prefix' or 'scheme' and where it leads";
        return Err(alert(start, reason));
    };
    Ok(Redirect {
        target,
        code: rule.code.unwrap_or(302),
        drop_query: rule.drop_query,
        keep_query: rule.keep_query,
        append_slash: rule.append_slash,
        ignore_empty: rule.ignore_empty,
        set_cookie: rule.set_cookie,
        clear_cookie: rule.clear_cookie,
    })
}

#[derive(Default)]
struct Parts {
    code: Option<u16>,
    drop_query: bool,
    keep_query: bool,
    append_slash: bool,
    ignore_empty: bool,
    set_cookie: Option<LogFormat>,
    clear_cookie: Option<model::Name>,
}

fn code(args: &mut Args<'_>) -> Outcome<Option<u16>> {
    const CODES: &str = "one of 301, 302, 303, 307 and 308";
    match args.text(CODES)? {
        "301" => Ok(Some(301)),
        "302" => Ok(Some(302)),
        "303" => Ok(Some(303)),
        "307" => Ok(Some(307)),
        "308" => Ok(Some(308)),
        _ => Err(args.unexpected(CODES)),
    }
}

fn text<'a>(
    cx: &mut Lowering<'a>,
    draft: &Draft<'a>,
    args: &mut Args<'a>,
    place: RulePlace,
    literal: bool,
) -> Outcome<LogFormat> {
    let word = args.require("where to redirect to")?;
    match literal {
        true => Ok(LogFormat::literal(word.bytes())),
        false => cx.log_format(word, place.place, &draft.acls),
    }
}

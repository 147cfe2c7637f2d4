//! `stats X` lines of proxies (manual 4.2): who may see the page and what it shows.

use std::sync::Arc;

use expr::auth::{Password, User};
use model::{HttpAction, Reply, ReplyContent, Rule, Stats};

use super::args::{Args, Outcome, alert};
use super::context::Lowering;
use super::draft::Draft;
use super::rules;
use crate::text::units::TimeUnit;

/// The settings of this section; what `defaults` says counts only where the section itself says
/// nothing about the page.
fn settings<'d>(draft: &'d mut Draft<'_>) -> &'d mut Stats {
    if std::mem::take(&mut draft.stats_inherited) {
        draft.rules.stats = None;
    }
    Arc::make_mut(draft.rules.stats.get_or_insert_default())
}

/// `stats enable`.
pub(crate) fn enable(_: &mut Lowering<'_>, draft: &mut Draft<'_>, _: &mut Args<'_>) -> Outcome {
    settings(draft);
    Ok(())
}

/// `stats uri PREFIX`.
pub(crate) fn uri(cx: &mut Lowering<'_>, draft: &mut Draft<'_>, args: &mut Args<'_>) -> Outcome {
    let prefix = cx.name(args.text("the beginning of a URI")?);
    settings(draft).uri = prefix;
    Ok(())
}

/// `stats realm TEXT`.
pub(crate) fn realm(cx: &mut Lowering<'_>, draft: &mut Draft<'_>, args: &mut Args<'_>) -> Outcome {
    let realm = cx.name(args.text("a realm")?);
    settings(draft).realm = realm;
    Ok(())
}

/// `stats auth USER:PASSWORD`.
pub(crate) fn auth(_: &mut Lowering<'_>, draft: &mut Draft<'_>, args: &mut Args<'_>) -> Outcome {
    const WHAT: &str = "'user:password'";
    let (user, password) = args.text(WHAT)?.split_once(':').ok_or_else(|| args.unexpected(WHAT))?;
    let password = Password::Plain(password.to_owned());
    let entry = User { password, groups: Vec::new() };
    settings(draft).users.users.insert(user.to_owned(), entry);
    Ok(())
}

/// `stats refresh DELAY`: seconds unless it has a unit.
pub(crate) fn refresh(
    cx: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    args: &mut Args<'_>,
) -> Outcome {
    let delay = args.time(TimeUnit::S, &mut cx.diagnostics)?;
    settings(draft).refresh = Some(delay).filter(|d| !d.is_zero());
    Ok(())
}

/// `stats scope NAME`.
pub(crate) fn scope(cx: &mut Lowering<'_>, draft: &mut Draft<'_>, args: &mut Args<'_>) -> Outcome {
    let name = cx.name(args.text("a proxy or '.'")?);
    settings(draft).scope.push(name);
    Ok(())
}

/// `stats admin if COND`.
pub(crate) fn admin<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    if args.is_done() {
        return Err(alert(args.span(), "'stats admin' expects 'if' or 'unless' and a condition"));
    }
    let condition = cx.condition(args, rules::request_place(draft), &draft.acls)?;
    settings(draft).admin.extend(condition);
    Ok(())
}

/// `stats http-request allow|deny|auth [realm TEXT] [if COND]`.
pub(crate) fn http_request<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    const WHAT: &str = "'allow', 'deny' or 'auth'";
    let place = rules::request_place(draft);
    let action = match args.text(WHAT)? {
        "allow" => HttpAction::Allow,
        "deny" => HttpAction::Deny(Arc::new(Reply {
            status: 403,
            content: ReplyContent::Default,
            content_type: None,
            headers: Vec::new(),
        })),
        "auth" => {
            let realm = match args.eat("realm") {
                true => Some(cx.log_format(args.require("a realm")?, place, &draft.acls)?),
                false => None,
            };
            HttpAction::Auth { realm }
        }
        _ => return Err(args.unexpected(WHAT)),
    };
    let condition = cx.condition(args, place, &draft.acls)?;
    let origin = cx.origin(args.line().span());
    settings(draft).rules.push(Rule { action, condition, origin });
    Ok(())
}

/// `stats hide-version`.
pub(crate) fn hide_version(
    _: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    _: &mut Args<'_>,
) -> Outcome {
    settings(draft).hide_version = true;
    Ok(())
}

/// `stats show-legends`.
pub(crate) fn show_legends(
    _: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    _: &mut Args<'_>,
) -> Outcome {
    settings(draft).show_legends = true;
    Ok(())
}

/// `stats show-modules`.
pub(crate) fn show_modules(
    _: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    _: &mut Args<'_>,
) -> Outcome {
    settings(draft).show_modules = true;
    Ok(())
}

/// `stats show-node [NAME]`.
pub(crate) fn show_node(
    cx: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    args: &mut Args<'_>,
) -> Outcome {
    let name = args.next().map(|word| cx.name(word.value()));
    settings(draft).show_node = Some(name);
    Ok(())
}

/// `stats show-desc [TEXT...]`.
pub(crate) fn show_desc(
    cx: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    args: &mut Args<'_>,
) -> Outcome {
    let words: Vec<&str> = args.rest().map(|word| word.value()).collect();
    args.skip(words.len());
    let text = (!words.is_empty()).then(|| cx.name(&words.join(" ")));
    settings(draft).show_desc = Some(text);
    Ok(())
}

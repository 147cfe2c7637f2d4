//! Who gets a request: `use_backend`, `default_backend`, `use-server`, `monitor` (manual 4.2).

use expr::Place;
use model::{BackendTarget, Rule, ServerRule};

use super::args::{Args, Outcome, alert};
use super::context::Lowering;
use super::draft::Draft;

/// `default_backend NAME`.
pub(crate) fn default_backend(
    cx: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    args: &mut Args<'_>,
) -> Outcome {
    let span = args.span();
    draft.front.default_backend = Some((cx.name(args.text("a backend")?), span));
    Ok(())
}

/// `use_backend NAME|FORMAT [if COND]`.
pub(crate) fn use_backend<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let word = args.require("a backend")?;
    let target = match word.value().contains('%') {
        true => {
            let format = cx.log_format(word, Place::USE_BACKEND, &draft.acls)?;
            match format.constant().and_then(|text| std::str::from_utf8(text).ok()) {
                Some(name) => BackendTarget::Static(cx.name(name)),
                None => BackendTarget::Format(format),
            }
        }
        false => BackendTarget::Static(cx.name(word.value())),
    };
    let condition = cx.condition(args, Place::USE_BACKEND, &draft.acls)?;
    if let BackendTarget::Static(name) = &target {
        draft.front.use_backend_names.push((name.clone(), word.span()));
    }
    draft.order.saw(super::order::RuleKind::UseBackend);
    let origin = cx.origin(args.line().span());
    draft.front.use_backend.push(Rule { action: target, condition, origin });
    Ok(())
}

/// `use-server NAME|FORMAT if COND`.
pub(crate) fn use_server<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let word = args.require("a server and a condition")?;
    let rule = match word.value().contains('%') {
        true => ServerRule::Format(cx.log_format(word, Place::USE_SERVER, &draft.acls)?),
        false => ServerRule::Static(cx.name(word.value())),
    };
    if args.is_done() {
        let reason = "'use-server' expects 'if' or 'unless' behind the server's name";
        return Err(alert(args.span(), reason));
    }
    let condition = cx.condition(args, Place::USE_SERVER, &draft.acls)?;
    if let ServerRule::Static(name) = &rule {
        draft.back.use_server_names.push((name.clone(), word.span()));
    }
    let origin = cx.origin(args.line().span());
    draft.back.use_server.push(Rule { action: rule, condition, origin });
    Ok(())
}

/// `monitor fail if COND`.
pub(crate) fn monitor_fail<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    if args.is_done() {
        return Err(alert(args.span(), "'monitor fail' expects 'if' or 'unless' and a condition"));
    }
    let condition = cx.condition(args, Place::FE_HTTP_REQUEST, &draft.acls)?;
    draft.front.monitor_fail.extend(condition);
    Ok(())
}

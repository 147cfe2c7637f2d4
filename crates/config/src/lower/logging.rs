//! What a proxy logs: `log`, `log-format`, `option httplog` and their kin (manual 4.2, 8).

use super::args::{Args, Outcome};
use super::context::Lowering;
use super::draft::{Draft, LogChoice};

/// `log global`, `log TARGET ...`, `no log`.
pub(crate) fn log(cx: &mut Lowering<'_>, draft: &mut Draft<'_>, args: &mut Args<'_>) -> Outcome {
    if args.is_negated() {
        draft.log.global = false;
        draft.log.targets.clear();
        return args.end();
    }
    if args.eat("global") {
        draft.log.global = true;
        return args.end();
    }
    let target = super::log::target(cx, args)?;
    draft.log.targets.push(target);
    Ok(())
}

/// `option httplog [clf]`.
pub(crate) fn httplog(_: &mut Lowering<'_>, draft: &mut Draft<'_>, args: &mut Args<'_>) -> Outcome {
    let span = args.line().span();
    let kind = if args.eat("clf") { LogChoice::HttpClf } else { LogChoice::Http };
    draft.log.kind = args.switch(false).then_some((kind, span));
    Ok(())
}

/// `option httpslog`: the HTTP line with TLS fields behind it.
pub(crate) fn httpslog(
    _: &mut Lowering<'_>,
    draft: &mut Draft<'_>,
    args: &mut Args<'_>,
) -> Outcome {
    draft.log.kind = Some((LogChoice::Https, args.line().span()));
    Ok(())
}

/// `option tcplog [clf]`.
pub(crate) fn tcplog(_: &mut Lowering<'_>, draft: &mut Draft<'_>, args: &mut Args<'_>) -> Outcome {
    let span = args.line().span();
    let kind = if args.eat("clf") { LogChoice::TcpClf } else { LogChoice::Tcp };
    draft.log.kind = args.switch(false).then_some((kind, span));
    Ok(())
}

/// `log-format FORMAT`; compiled when the section is complete.
pub(crate) fn log_format<'a>(
    _: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let word = args.require("a format")?;
    draft.log.format = Some(word);
    draft.log.kind = Some((LogChoice::Format, word.span()));
    Ok(())
}

/// `error-log-format FORMAT`.
pub(crate) fn error_log_format<'a>(
    _: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    draft.log.error_format = Some(args.require("a format")?);
    Ok(())
}

/// `unique-id-format FORMAT`.
pub(crate) fn unique_id_format<'a>(
    _: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    draft.front.unique_id_format = Some(args.require("a format")?);
    Ok(())
}

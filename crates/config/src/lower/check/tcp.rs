//! `option tcp-check` and the `tcp-check` steps (manual 4.2).

use expr::{LogFormat, Place};
use model::CheckStep;

use super::{Script, connect, expect, push};
use crate::ast::Word;
use crate::lower::args::{Args, Outcome, alert};
use crate::lower::context::Lowering;
use crate::lower::draft::Draft;

/// `option tcp-check`.
pub(crate) fn tcp_check<'a>(
    _: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let check = &mut draft.back.check;
    check.built = None;
    check.script = match args.switch(true) {
        true => Some(Script::Tcp),
        false => check.script.take().filter(|script| *script != Script::Tcp),
    };
    Ok(())
}

/// `tcp-check connect ...`.
pub(crate) fn tcp_connect<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    connect(cx, draft, args)
}

/// `tcp-check expect ...`.
pub(crate) fn tcp_expect<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let expect = expect::read(cx, draft, args, &Script::Tcp)?;
    push(draft, args, CheckStep::Expect(expect))
}

/// The `comment TEXT` that may end a step; it only appears in messages of a debugger.
fn end(args: &mut Args<'_>) -> Outcome {
    if args.eat("comment") {
        args.text("a text")?;
    }
    args.end()
}

/// `tcp-check send TEXT`.
pub(crate) fn tcp_send<'a>(
    _: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let data = LogFormat::literal(args.require("a text")?.bytes());
    end(args)?;
    push(draft, args, CheckStep::Send(data))
}

/// `tcp-check send-lf FORMAT`.
pub(crate) fn tcp_send_lf<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let word = args.require("a format")?;
    let format = cx.log_format(word, Place::CHECK, &draft.acls)?;
    end(args)?;
    push(draft, args, CheckStep::Send(format))
}

/// `tcp-check send-binary HEX`.
pub(crate) fn tcp_send_binary<'a>(
    _: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let data = hex(args.require("hexadecimal digits")?)?;
    end(args)?;
    push(draft, args, CheckStep::Send(LogFormat::literal(&data)))
}

/// `tcp-check send-binary-lf FORMAT`: supported where the format is constant.
pub(crate) fn tcp_send_binary_lf<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let word = args.require("a format of hexadecimal digits")?;
    let format = cx.log_format(word, Place::CHECK, &draft.acls)?;
    if !format.is_constant() {
        let reason = "'send-binary-lf' with items that change is not supported yet";
        return Err(alert(word.span(), reason));
    }
    let data = hex(word)?;
    end(args)?;
    push(draft, args, CheckStep::Send(LogFormat::literal(&data)))
}

/// Bytes from hexadecimal digits.
pub(super) fn hex(word: Word<'_>) -> Outcome<Vec<u8>> {
    let digits = word.value().as_bytes();
    let pair = |pair: &[u8]| match pair {
        [high, low] => {
            let (high, low) = (char::from(*high).to_digit(16)?, char::from(*low).to_digit(16)?);
            u8::try_from(high * 16 + low).ok()
        }
        _ => None,
    };
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(pair).collect();
    bytes.ok_or_else(|| {
        alert(
            word.span(),
            format!("'{}' is not an even number of hexadecimal digits", word.value()),
        )
    })
}

//! `option httpchk` and the `http-check` steps (manual 4.2).

use expr::{LogFormat, Place};

use super::{Script, SendDraft, Step, connect, expect, push, steps};
use crate::lower::args::{Args, Outcome, alert};
use crate::lower::context::Lowering;
use crate::lower::draft::Draft;

/// `option httpchk [[METHOD] URI [VERSION [HOST]]]`.
pub(crate) fn httpchk<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let check = &mut draft.back.check;
    check.built = None;
    if !args.switch(true) {
        check.script = check.script.take().filter(|script| *script != Script::Http);
        return args.end();
    }
    check.script = Some(Script::Http);
    if args.is_done() {
        check.request = SendDraft::default();
        return Ok(());
    }
    let mut request = SendDraft::default();
    let first = args.require("a method or a URI")?;
    let uri = match args.next() {
        Some(uri) => {
            request.method = Some(cx.name(first.value()));
            uri
        }
        None => first,
    };
    request.uri = Some(LogFormat::literal(uri.bytes()));
    if let Some(version) = args.next() {
        let text = version.value();
        if let Some((plain, _)) = text.split_once(['\r', '\n']) {
            let mut found =
                alert(version.span(), "headers behind the version are a thing of the past");
            found.hint = Some(format!(
                "end the line after '{plain}' and write 'http-check send hdr NAME VALUE' for each"
            ));
            return Err(found);
        }
        if !text.starts_with("HTTP/") {
            return Err(alert(
                version.span(),
                format!("'{text}' is not a version such as HTTP/1.1"),
            ));
        }
        request.version = Some(cx.name(text));
    }
    if let Some(host) = args.next() {
        let value = cx.log_format(host, Place::CHECK, &draft.acls)?;
        request.headers.push((cx.name("Host"), value));
    }
    draft.back.check.request = request;
    Ok(())
}

/// `http-check send [meth M] [uri U] [ver V] [hdr N F]* [body B]`.
pub(crate) fn http_send<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let mut send = SendDraft::default();
    while let Some(word) = args.next() {
        args.begin_option();
        match word.value() {
            "meth" => send.method = Some(cx.name(args.text("a method")?)),
            "uri" => send.uri = Some(LogFormat::literal(args.require("a URI")?.bytes())),
            "uri-lf" => {
                let word = args.require("a format")?;
                send.uri = Some(cx.log_format(word, Place::CHECK, &draft.acls)?);
            }
            "ver" => send.version = Some(cx.name(args.text("a version")?)),
            "hdr" => {
                let at = args.peek();
                args.header()?;
                let word = args.require("a value")?;
                let value = cx.log_format(word, Place::CHECK, &draft.acls)?;
                send.headers.push((cx.name(at), value));
            }
            "body" => send.body = Some(LogFormat::literal(args.require("a body")?.bytes())),
            "body-lf" => {
                let word = args.require("a format")?;
                send.body = Some(cx.log_format(word, Place::CHECK, &draft.acls)?);
            }
            "comment" => drop(args.text("a text")?),
            _ => {
                let what = "'meth', 'uri', 'uri-lf', 'ver', 'hdr', 'body', 'body-lf' or 'comment'";
                return Err(args.unexpected(what));
            }
        }
    }
    let span = args.line().span();
    steps(draft, args).push(Step::Send(send), span)
}

/// `http-check connect ...`.
pub(crate) fn http_connect<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    connect(cx, draft, args)
}

/// `http-check expect ...`.
pub(crate) fn http_expect<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let expect = expect::read(cx, draft, args, &Script::Http)?;
    push(draft, args, model::CheckStep::Expect(expect))
}

/// `http-check disable-on-404`.
pub(crate) fn disable_on_404<'a>(
    _: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    _: &mut Args<'a>,
) -> Outcome {
    draft.back.check.disable_on_404 = true;
    Ok(())
}

/// `http-check send-state`.
pub(crate) fn send_state<'a>(
    _: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    _: &mut Args<'a>,
) -> Outcome {
    draft.back.check.send_state = true;
    Ok(())
}

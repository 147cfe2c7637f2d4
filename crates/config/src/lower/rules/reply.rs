//! Answers that rules make: `return`, `deny`, `tarpit`, `http-error` (manual 4.2, 4.4).

use std::sync::Arc;

use expr::{LogFormat, Place};
use model::{FieldName, Reply, ReplyContent};

use super::{HttpSet, RulePlace, at_condition};
use crate::ast::Word;
use crate::lower::args::{Args, Outcome, alert};
use crate::lower::context::Lowering;
use crate::lower::draft::Draft;
use crate::lower::errors;

const PARTS: &str = "'status', 'content-type', 'default-errorfiles', 'errorfile', 'errorfiles', \
                     'file', 'lf-file', 'string', 'lf-string' or 'hdr'";

/// What was read of a reply so far.
struct Parts<'a> {
    status: Option<(u16, Word<'a>)>,
    content_type: Option<(model::Name, Word<'a>)>,
    content: Option<(ReplyContent, Word<'a>)>,
    headers: Vec<(FieldName, LogFormat)>,
}

/// Reads up to the condition. `refuses` is for `deny` and `tarpit`: without content they send the
/// proxy's own error page.
pub(super) fn read<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
    place: RulePlace,
    status: u16,
    refuses: bool,
) -> Outcome<Reply> {
    let mut parts = Parts { status: None, content_type: None, content: None, headers: Vec::new() };
    while !at_condition(args) {
        part(cx, draft, args, place, &mut parts, refuses)?;
    }
    finish(cx, parts, status, refuses)
}

/// `http-error status CODE ...`: the answer in place of the proxy's own error of that status.
pub(crate) fn http_error<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome<Reply> {
    let place = RulePlace { place: Place::HTTP_RESPONSE, http: Some(HttpSet::Response) };
    let mut parts = Parts { status: None, content_type: None, content: None, headers: Vec::new() };
    let start = args.span();
    while !args.is_done() {
        part(cx, draft, args, place, &mut parts, false)?;
    }
    let Some((status, word)) = parts.status else {
        return Err(alert(start, "'http-error' expects 'status' and an error's status"));
    };
    errors::check_status(status, word.span())?;
    finish(cx, parts, status, false)
}

fn part<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
    place: RulePlace,
    parts: &mut Parts<'a>,
    refuses: bool,
) -> Outcome {
    let Some(word) = args.next() else { return Ok(()) };
    args.begin_option();
    let content = match word.value() {
        "deny_status" if !refuses => return Err(args.unexpected(PARTS)),
        "status" | "deny_status" => {
            let at = args.peek_word().unwrap_or(word);
            let status = u16::try_from(args.number(200..=599)?).unwrap_or(500);
            parts.status = Some((status, at));
            return Ok(());
        }
        "content-type" => {
            parts.content_type = Some((cx.name(args.text("a media type")?), word));
            return Ok(());
        }
        "hdr" => {
            let name = args.header()?;
            let value = super::format(cx, draft, args, place)?;
            parts.headers.push((name, value));
            return Ok(());
        }
        "default-errorfiles" => ReplyContent::Default,
        "errorfile" => ReplyContent::Raw(errors::raw(cx, args.require("a file")?)?),
        "errorfiles" => {
            let name = args.require("an 'http-errors' section")?;
            ReplyContent::Section(errors::section(cx, name)?)
        }
        "file" => fixed(cx.file(args.require("a file")?)?),
        "lf-file" => lf_file(cx, draft, args, place)?,
        "string" => fixed(args.require("a text")?.bytes().into()),
        "lf-string" => ReplyContent::Format(super::format(cx, draft, args, place)?),
        _ => return Err(args.unexpected(PARTS)),
    };
    if let Some((_, first)) = &parts.content {
        let reason = format!("'{}' cannot follow '{}'", word.value(), first.value());
        return Err(alert(word.span(), reason));
    }
    parts.content = Some((content, word));
    Ok(())
}

fn fixed(bytes: Arc<[u8]>) -> ReplyContent {
    if bytes.is_empty() { ReplyContent::Empty } else { ReplyContent::Fixed(bytes) }
}

fn lf_file<'a>(
    cx: &mut Lowering<'a>,
    draft: &Draft<'a>,
    args: &mut Args<'a>,
    place: RulePlace,
) -> Outcome<ReplyContent> {
    let word = args.require("a file")?;
    let bytes = cx.file(word)?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| alert(word.span(), format!("'{}' is not UTF-8 text", word.value())))?;
    let context = cx.parse_context(place.place, &draft.acls);
    let format = LogFormat::parse(text, &context).map_err(|error| {
        let line = text.get(..error.offset).unwrap_or(text).matches('\n').count() + 1;
        alert(word.span(), format!("'{}' line {line}: {}", word.value(), error.message))
    })?;
    Ok(ReplyContent::Format(format))
}

fn finish(cx: &mut Lowering<'_>, parts: Parts<'_>, status: u16, refuses: bool) -> Outcome<Reply> {
    let Parts { status: given, content_type, content, headers } = parts;
    let status = given.map_or(status, |(status, _)| status);
    let has_body = matches!(content, Some((ReplyContent::Fixed(_) | ReplyContent::Format(_), _)));
    match (&content_type, &content) {
        (None, Some((_, word))) if has_body => {
            let mut found = alert(word.span(), "a body needs its 'content-type' written beside it");
            found.hint = Some("write 'content-type text/plain'".to_owned());
            return Err(found);
        }
        (Some((_, word)), _) if !has_body => {
            cx.warn(word.span(), "'content-type' is ignored: there is no body that it describes");
        }
        _ => {}
    }
    if let Some((ReplyContent::Default | ReplyContent::Raw(_) | ReplyContent::Section(_), word)) =
        &content
    {
        if let Some((status, at)) = given {
            errors::check_status(status, at.span())?;
        }
        if !headers.is_empty() {
            let reason = format!("'hdr' is ignored beside '{}'", word.value());
            cx.warn(word.span(), reason);
        }
    }
    let content = match content {
        Some((content, _)) => content,
        None if refuses && headers.is_empty() => ReplyContent::Default,
        None => ReplyContent::Empty,
    };
    let content_type = content_type.filter(|_| has_body).map(|(name, _)| name);
    Ok(Reply { status, content, content_type, headers })
}

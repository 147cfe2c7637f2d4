//! `http-check expect` and `tcp-check expect` (manual 4.2).

use expr::{LogFormat, Place, Regex};
use model::{Expect, Match, Name, StatusRange};

use super::Script;
use super::tcp::hex;
use crate::ast::Word;
use crate::lower::args::{Args, Outcome, alert};
use crate::lower::context::Lowering;
use crate::lower::draft::Draft;

/// Most ranges of statuses.
const MAX_RANGES: usize = 256;

const HTTP: &str = "'status', 'rstatus', 'string', 'rstring', 'string-lf', 'hdr', 'fhdr', \
                    'min-recv', 'comment', 'on-error', 'on-success' or a status name";
const TCP: &str = "'string', 'rstring', 'string-lf', 'binary', 'min-recv', 'comment', \
                   'on-error', 'on-success' or a status name";

/// An expectation with nothing but its pattern.
pub(super) fn plain(matcher: Match) -> Expect {
    Expect {
        negate: false,
        matcher,
        min_recv: None,
        comment: None,
        on_error: None,
        on_success: None,
        status_code: None,
        ok_status: None,
        error_status: None,
        tout_status: None,
    }
}

/// Reads the line up to its end.
pub(super) fn read<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
    script: &Script,
) -> Outcome<Expect> {
    let mut expect = plain(Match::Status(Vec::new()));
    let mut found: Option<Word<'a>> = None;
    expect.comment = draft.back.check.comment.take();
    let start = args.span();
    while let Some(word) = args.next() {
        args.begin_option();
        let text = word.value();
        if option(cx, draft, args, &mut expect, text)? {
            continue;
        }
        let bare = text.trim_start_matches('!');
        expect.negate ^= (text.len() - bare.len()) % 2 == 1;
        if bare.is_empty() {
            continue;
        }
        if let Some(first) = found {
            let reason =
                format!("only one pattern can be expected, and '{}' is there", first.value());
            return Err(alert(word.span(), reason));
        }
        found = Some(word);
        expect.matcher = pattern(cx, draft, args, *script == Script::Http, bare)?;
    }
    match found {
        Some(_) => Ok(expect),
        None => Err(alert(start, "'expect' needs a pattern such as 'status 200' or 'string OK'")),
    }
}

/// Reads an option that is no pattern; `false` when the word is none.
fn option<'a>(
    cx: &mut Lowering<'a>,
    draft: &Draft<'a>,
    args: &mut Args<'a>,
    expect: &mut Expect,
    text: &str,
) -> Outcome<bool> {
    match text {
        "min-recv" => {
            let least = args.number(-1..=i64::from(i32::MAX))?;
            expect.min_recv = usize::try_from(least).ok();
        }
        "comment" => expect.comment = Some(cx.name(args.text("a text")?)),
        "on-error" => expect.on_error = Some(message(cx, draft, args)?),
        "on-success" => expect.on_success = Some(message(cx, draft, args)?),
        "ok-status" => {
            expect.ok_status = Some(status_name(cx, args, &["L7OK", "L7OKC", "L6OK", "L4OK"])?);
        }
        "error-status" => {
            expect.error_status =
                Some(status_name(cx, args, &["L7RSP", "L7STS", "L7OKC", "L6RSP", "L4CON"])?);
        }
        "tout-status" => {
            expect.tout_status = Some(status_name(cx, args, &["L7TOUT", "L6TOUT", "L4TOUT"])?);
        }
        "status-code" => expect.status_code = Some(cx.expr(args, Place::CHECK, &draft.acls)?),
        _ => return Ok(false),
    }
    Ok(true)
}

fn message<'a>(
    cx: &mut Lowering<'a>,
    draft: &Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome<LogFormat> {
    let word = args.require("a format")?;
    cx.log_format(word, Place::CHECK, &draft.acls)
}

fn status_name(cx: &mut Lowering<'_>, args: &mut Args<'_>, known: &[&str]) -> Outcome<Name> {
    let what = format!("one of {}", known.join(", "));
    let text = args.text(&what)?;
    match known.contains(&text) {
        true => Ok(cx.name(text)),
        false => Err(args.unexpected(&what)),
    }
}

fn pattern<'a>(
    cx: &mut Lowering<'a>,
    draft: &Draft<'a>,
    args: &mut Args<'a>,
    is_http: bool,
    kind: &str,
) -> Outcome<Match> {
    match kind {
        "status" if is_http => statuses(args).map(Match::Status),
        "rstatus" if is_http => regex(args).map(Match::RStatus),
        "hdr" if is_http => header(cx, args, false),
        "fhdr" if is_http => header(cx, args, true),
        "string" => Ok(Match::String(args.require("a text")?.bytes().into())),
        "rstring" => regex(args).map(Match::RString),
        "string-lf" => message(cx, draft, args).map(Match::StringLf),
        "binary" if !is_http => {
            hex(args.require("hexadecimal digits")?).map(|bytes| Match::Binary(bytes.into()))
        }
        "rbinary" | "binary-lf" if !is_http => {
            Err(alert(args.last_span(), format!("'{kind}' is not supported yet")))
        }
        _ if is_http => Err(args.unexpected(HTTP)),
        _ => Err(args.unexpected(TCP)),
    }
}

fn regex(args: &mut Args<'_>) -> Outcome<Regex> {
    let word = args.require("a regular expression")?;
    Regex::parse(word.value(), false).map_err(|reason| alert(word.span(), reason))
}

/// `200,301-399`.
fn statuses(args: &mut Args<'_>) -> Outcome<Vec<StatusRange>> {
    const WHAT: &str = "statuses such as 200,301-399";
    let text = args.text(WHAT)?;
    let range = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        let (from, to): (u16, u16) = (from.trim().parse().ok()?, to.trim().parse().ok()?);
        (from <= to).then_some(StatusRange { from, to })
    };
    let ranges: Option<Vec<StatusRange>> = text.split(',').map(range).collect();
    match ranges {
        Some(ranges) if ranges.len() <= MAX_RANGES => Ok(ranges),
        _ => Err(args.unexpected(WHAT)),
    }
}

/// `hdr name [-m METHOD] NAME [value [-m METHOD] VALUE]`.
fn header(cx: &mut Lowering<'_>, args: &mut Args<'_>, full: bool) -> Outcome<Match> {
    if args.peek() == "name-lf" {
        return Err(alert(args.span(), "'name-lf' is not supported yet"));
    }
    if !args.eat("name") {
        return Err(alert(args.span(), "'name' and a header's name are expected here"));
    }
    let name_method = method(cx, args, &["str", "beg", "end", "sub", "reg"])?;
    let word = args.require("a header's name")?;
    let name_regex = (&*name_method == "reg").then(|| compiled(word, true)).transpose()?;
    let name = cx.name(word.value());
    let (mut value, mut value_method, mut value_regex) = (None, cx.name("str"), None);
    if args.peek() == "value-lf" {
        return Err(alert(args.span(), "'value-lf' is not supported yet"));
    }
    if args.eat("value") {
        value_method = method(cx, args, &["str", "beg", "end", "sub", "reg"])?;
        let word = args.require("a value")?;
        if &*value_method == "reg" {
            value_regex = Some(compiled(word, false)?);
        }
        value = Some(cx.name(word.value()));
    }
    Ok(Match::Header { name, name_method, name_regex, value, value_method, value_regex, full })
}

fn compiled(word: Word<'_>, ignore_case: bool) -> Outcome<Regex> {
    Regex::parse(word.value(), ignore_case).map_err(|reason| alert(word.span(), reason))
}

fn method(cx: &mut Lowering<'_>, args: &mut Args<'_>, known: &[&str]) -> Outcome<Name> {
    if !args.eat("-m") {
        return Ok(cx.name("str"));
    }
    let what = format!("one of {}", known.join(", "));
    let text = args.text(&what)?;
    match known.contains(&text) {
        true => Ok(cx.name(text)),
        false => Err(args.unexpected(&what)),
    }
}

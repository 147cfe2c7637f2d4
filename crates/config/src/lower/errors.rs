//! Error answers: `errorfile`, `errorloc`, `errorfiles`, `http-error`, `http-errors` sections
//! (manual 4.2, 12.4).

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{ErrorPage, ErrorPages};

use super::args::{Args, Outcome, alert};
use super::context::Lowering;
use super::draft::Draft;
use super::rules;
use crate::ast::{Section, Word};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Span;

/// Statuses that the proxy answers by itself (manual 4.2 `errorfile`).
const STATUSES: [u16; 21] = [
    200, 400, 401, 403, 404, 405, 407, 408, 410, 413, 414, 421, 422, 425, 429, 431, 500, 501, 502,
    503, 504,
];
/// Largest own error message, in bytes: it has to fit a buffer.
const MAX_MESSAGE: usize = 1 << 20;

/// Own error answers while a section is read.
#[derive(Clone, Default)]
pub(crate) struct ErrorsDraft {
    pages: BTreeMap<u16, ErrorPage>,
    /// The finished set, as long as nothing is added: `defaults` shares it with all its heirs.
    built: Option<Arc<ErrorPages>>,
}

impl ErrorsDraft {
    fn set(&mut self, status: u16, page: ErrorPage) {
        self.built = None;
        self.pages.insert(status, page);
    }

    /// The finished set.
    pub(crate) fn pages(&mut self, none: &Arc<ErrorPages>) -> Arc<ErrorPages> {
        if self.pages.is_empty() {
            return none.clone();
        }
        let pages = &self.pages;
        let build = || Arc::new(ErrorPages { by_status: pages.clone() });
        self.built.get_or_insert_with(build).clone()
    }
}

/// Refuses statuses that the proxy never answers by itself.
pub(crate) fn check_status(status: u16, span: Span) -> Outcome {
    if STATUSES.contains(&status) {
        return Ok(());
    }
    let list: Vec<String> = STATUSES.iter().map(u16::to_string).collect();
    let mut found = alert(span, format!("there is no error answer with status {status}"));
    found.hint = Some(format!("it is one of {}", list.join(", ")));
    Err(found)
}

/// Reads a status that the proxy answers by itself.
fn status(args: &mut Args<'_>) -> Outcome<u16> {
    let span = args.span();
    let status = u16::try_from(args.number(100..=999)?).unwrap_or(500);
    check_status(status, span)?;
    Ok(status)
}

/// The raw HTTP message in a file.
pub(crate) fn raw(cx: &mut Lowering<'_>, word: Word<'_>) -> Outcome<Arc<[u8]>> {
    let bytes = cx.file(word)?;
    let path = word.value();
    if bytes.len() > MAX_MESSAGE {
        let reason = format!("'{path}' is larger than {MAX_MESSAGE} bytes");
        return Err(alert(word.span(), reason));
    }
    if !bytes.is_empty() && !bytes.starts_with(b"HTTP/1.") {
        let mut found = alert(word.span(), format!("'{path}' is not an HTTP message"));
        found.hint = Some(
            "it starts with a status line such as 'HTTP/1.1 503 Service Unavailable', \
                  then headers, an empty line and the body"
                .to_owned(),
        );
        return Err(found);
    }
    Ok(bytes)
}

/// `errorfile STATUS FILE`.
pub(crate) fn errorfile<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let status = status(args)?;
    let bytes = raw(cx, args.require("a file")?)?;
    draft.errors.set(status, ErrorPage::Raw(bytes));
    Ok(())
}

/// `errorloc302 STATUS URL`, also without the number.
pub(crate) fn errorloc302<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    errorloc(cx, draft, args, "302 Found")
}

/// `errorloc303 STATUS URL`.
pub(crate) fn errorloc303<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    errorloc(cx, draft, args, "303 See Other")
}

fn errorloc<'a>(
    _: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
    line: &str,
) -> Outcome {
    let status = status(args)?;
    let url = args.text("where to redirect to")?;
    let message = format!(
        "HTTP/1.1 {line}\r\nCache-Control: no-cache\r\nContent-length: 0\r\nLocation: {url}\r\n\r\n"
    );
    draft.errors.set(status, ErrorPage::Raw(message.into_bytes().into()));
    Ok(())
}

/// `http-error status STATUS ...`.
pub(crate) fn http_error<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    args.begin_here();
    let reply = rules::http_error(cx, draft, args)?;
    draft.errors.set(reply.status, ErrorPage::Reply(Arc::new(reply)));
    Ok(())
}

/// `errorfiles NAME [STATUS...]`.
pub(crate) fn errorfiles<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let word = args.require("an 'http-errors' section")?;
    let pages = section(cx, word)?;
    if args.is_done() {
        for (status, page) in &pages.by_status {
            draft.errors.set(*status, page.clone());
        }
        return Ok(());
    }
    while let Some(at) = args.peek_word() {
        let status = status(args)?;
        match pages.by_status.get(&status) {
            Some(page) => draft.errors.set(status, page.clone()),
            None => {
                let reason =
                    format!("the 'http-errors' section '{}' has no {status}", word.value());
                cx.warn(at.span(), reason);
            }
        }
    }
    Ok(())
}

/// The pages of the `http-errors` section that a word names.
pub(crate) fn section(cx: &Lowering<'_>, word: Word<'_>) -> Outcome<Arc<ErrorPages>> {
    if let Some(pages) = cx.http_errors.get(word.value()) {
        return Ok(pages.clone());
    }
    let names = cx.http_errors.keys().map(|name| &**name);
    let meant = expr::suggest::did_you_mean(word.value(), names);
    let reason = format!("there is no 'http-errors' section named '{}'", word.value());
    let found = Diagnostic::new(Severity::Alert, word.span(), reason);
    Err(Box::new(found.did_you_mean(meant)))
}

/// Reads an `http-errors` section; sections of one name add up.
pub(crate) fn read_section<'a>(cx: &mut Lowering<'a>, section: Section<'a>) {
    let Some(word) = section.name() else { return };
    let name = cx.name(word.value());
    let mut pages =
        cx.http_errors.get(&name).map(|pages| ErrorPages::clone(pages)).unwrap_or_default();
    for line in section.lines().filter(|line| line.keyword() == "errorfile") {
        let mut args = Args::new(line, 1, crate::ast::Prefix::None);
        let read = status(&mut args).and_then(|status| {
            let bytes = raw(cx, args.require("a file")?)?;
            args.end()?;
            Ok((status, bytes))
        });
        match read {
            Ok((status, bytes)) => {
                pages.by_status.insert(status, ErrorPage::Raw(bytes));
            }
            Err(found) => cx.diagnostics.push(*found),
        }
    }
    cx.http_errors.insert(name, Arc::new(pages));
}

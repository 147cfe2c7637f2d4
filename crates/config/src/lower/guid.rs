//! `guid`: names that are unique in the whole configuration (manual 4.2, 5.2).

use model::Name;

use super::args::{Args, Outcome, alert};
use super::context::Lowering;
use super::draft::Draft;
use crate::ast::Word;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::Span;

/// Longest one, bytes.
const MAX_BYTES: usize = 127;

/// A name and where it stands.
pub(crate) type Guid = (Name, Span);

/// Reads one.
pub(crate) fn read(cx: &mut Lowering<'_>, word: Word<'_>) -> Outcome<Guid> {
    let text = word.value();
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    if let Some((at, c)) = text.char_indices().find(|(_, c)| !allowed(*c)) {
        let span = word.span_of(at, c.len_utf8());
        let mut found = alert(span, format!("'guid': invalid character '{c}'"));
        found.hint = Some("it has letters, digits, '-', '_', '.' and ':'".to_owned());
        return Err(found);
    }
    if text.len() > MAX_BYTES {
        let reason = format!("'guid': longer than {MAX_BYTES} characters");
        return Err(alert(word.span(), reason));
    }
    Ok((cx.name(text), word.span()))
}

/// Takes one for something; nothing else may have it.
pub(crate) fn claim(cx: &mut Lowering<'_>, (guid, span): Guid, whose: String) -> Outcome {
    if let Some((other, first)) = cx.guids.get(&guid) {
        let reason = format!("'guid': duplicate entry with {other}");
        let found = Diagnostic::new(Severity::Alert, span, reason);
        return Err(Box::new(found.related(*first, "first used here")));
    }
    cx.guids.insert(guid, (whose, span));
    Ok(())
}

/// `guid` of a proxy.
pub(crate) fn proxy<'a>(
    cx: &mut Lowering<'a>,
    draft: &mut Draft<'a>,
    args: &mut Args<'a>,
) -> Outcome {
    let word = args.require("a name")?;
    let guid = read(cx, word)?;
    claim(cx, guid, format!("{} {}", draft.kind.keyword(), draft.name))
}

//! Options of `bind` and `server` lines that have no lowering: passed over, or refused.

use super::args::{Args, Outcome, alert};
use super::context::Lowering;
use crate::ast::Word;
use crate::keyword::{self, Context};
use crate::validate;

/// Does what the keyword table says about an option that nothing lowers.
pub(crate) fn option(
    cx: &mut Lowering<'_>,
    word: Word<'_>,
    args: &mut Args<'_>,
    context: Context,
) -> Outcome {
    let name = word.value();
    let line = if context == Context::Bind { "bind" } else { "server" };
    let Some(entry) = keyword::named(context, name) else {
        let mut found = alert(word.span(), format!("unknown {line} option '{name}'"));
        let meant = keyword::suggest(context, 0, name, "");
        found.hint = meant.map(|meant| format!("did you mean '{meant}'?"));
        return Err(found);
    };
    for _ in 0..entry.min_args {
        args.require("an argument")?;
    }
    validate::status(entry.name, entry.status, &|| word.span(), &mut cx.diagnostics);
    Ok(())
}

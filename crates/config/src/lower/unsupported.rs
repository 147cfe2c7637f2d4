//! Options of `bind` and `server` lines that have no lowering: the keyword table says why.

use super::args::{Args, Outcome, alert};
use super::context::Lowering;
use crate::ast::Word;
use crate::keyword::{self, Context, Found, Keyword, Status};
use crate::validate;

/// Which line the option is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// `bind`.
    Bind,
    /// `server` or `default-server`.
    Server,
}

/// Passes over an option that is ignored, reports one that is refused or unknown.
pub(crate) fn option(
    cx: &mut Lowering<'_>,
    word: Word<'_>,
    args: &mut Args<'_>,
    of: Of,
) -> Outcome {
    let (context, line) = match of {
        Of::Bind => (Context::Bind, "bind"),
        Of::Server => (Context::Server, "server"),
    };
    let name = word.value();
    let Found::Keyword(found, _) = keyword::find(context, |i| if i == 0 { name } else { "" })
    else {
        let mut unknown = alert(word.span(), format!("unknown {line} option '{name}'"));
        let meant = keyword::suggest(context, 0, name, "");
        unknown.hint = meant.map(|name| format!("did you mean '{name}'?"));
        return Err(unknown);
    };
    let Keyword { name, min_args, max_args, status, .. } = *found;
    let needed = usize::from(min_args);
    if args.rest().count() < needed {
        return Err(alert(args.last_span(), format!("'{name}' needs {needed} value(s)")));
    }
    args.skip(if max_args == keyword::ANY { needed } else { usize::from(max_args) });
    if status == Status::Supported {
        return Err(alert(word.span(), format!("'{name}' cannot stand on this line")));
    }
    validate::status(name, status, word.span(), &mut cx.diagnostics);
    Ok(())
}

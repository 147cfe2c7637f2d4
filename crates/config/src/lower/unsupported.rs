//! Options of `bind` and `server` lines that have no lowering here.

use super::args::{Args, Outcome, alert};
use super::context::Lowering;
use crate::ast::Word;

/// Which line the option is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    /// `bind`.
    Bind,
    /// `server` or `default-server`.
    Server,
}

/// Refuses the option.
pub(crate) fn option(_: &mut Lowering<'_>, word: Word<'_>, _: &mut Args<'_>, of: Of) -> Outcome {
    let line = match of {
        Of::Bind => "bind",
        Of::Server => "server",
    };
    Err(alert(word.span(), format!("unknown {line} option '{}'", word.value())))
}

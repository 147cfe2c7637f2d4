//! Which backend a request or TCP session goes to.

use std::sync::Arc;

use expr::{LogFormat, Verdict};
use model::BackendTarget;

use super::exchange::Exchange;
use crate::live::LiveBackend;

/// The first `use_backend` whose condition holds, else `default_backend`.
pub fn choose(ex: &Exchange) -> Option<Arc<LiveBackend>> {
    let frontend = &ex.frontend;
    for (rule, resolved) in frontend.model.use_backend.iter().zip(&frontend.routes) {
        let holds = rule.condition.as_ref().is_none_or(|c| c.eval(ex) == Verdict::True);
        if !holds {
            continue;
        }
        match &rule.action {
            BackendTarget::Static(_) => return resolved.clone(),
            BackendTarget::Format(format) => match named(ex, format) {
                Some(backend) => return Some(backend),
                None => break,
            },
        }
    }
    frontend.default.clone().or_else(|| {
        frontend.own_backend.as_ref().and_then(|name| ex.view.live.backends.get(name).cloned())
    })
}

fn named(ex: &Exchange, format: &LogFormat) -> Option<Arc<LiveBackend>> {
    let mut name = Vec::new();
    format.render(ex, &mut name);
    ex.view.live.backends.get(std::str::from_utf8(&name).ok()?).cloned()
}

//! The tables of lowering against the keyword table.

use super::{bind, global, proxy, rules, server_options};
use crate::keyword::{self, Context, Status};
use crate::section::SectionKind;

fn supported(context: Context) -> Vec<&'static str> {
    let fits = |k: &&keyword::Keyword| k.context == context && k.status == Status::Supported;
    keyword::all().filter(fits).map(|k| k.name).collect()
}

/// Names of the keyword table without lowering.
fn missing(context: Context, has: impl Fn(&str) -> bool) -> Vec<&'static str> {
    supported(context).into_iter().filter(|name| !has(name)).collect()
}

#[test]
fn every_supported_keyword_is_lowered() {
    let none: Vec<&str> = Vec::new();
    let global = Context::Section(SectionKind::Global);
    assert_eq!(missing(global, |name| global::KEYWORDS.find(name).is_some()), none);
    assert_eq!(missing(Context::Proxy, |name| proxy::KEYWORDS.find(name).is_some()), none);
    assert_eq!(missing(Context::Bind, |name| bind::OPTIONS.find(name).is_some()), none);
    assert_eq!(missing(Context::Server, |name| server_options::OPTIONS.find(name).is_some()), none);
    let action = |name: &str| {
        rules::HTTP_ACTIONS.find(name).is_some() || rules::TCP_ACTIONS.find(name).is_some()
    };
    assert_eq!(missing(Context::Action, action), none);
}

#[test]
fn actions_are_lowered_in_every_rule_set_that_takes_them() {
    use keyword::places::{HA, HQ, HR, TC, TP, TR, TS};
    let actions = keyword::all().filter(|k| k.context == Context::Action);
    for action in actions.filter(|k| k.status == Status::Supported) {
        let name = action.name;
        if action.places & (HQ | HR | HA) != 0 {
            assert!(rules::HTTP_ACTIONS.find(name).is_some(), "{name} in HTTP rules");
        }
        if action.places & (TC | TS | TR | TP) != 0 {
            assert!(rules::TCP_ACTIONS.find(name).is_some(), "{name} in TCP rules");
        }
    }
}

#[test]
fn what_is_lowered_is_called_supported() {
    let known = |context, name: &str| {
        keyword::named(context, name).is_some_and(|k| k.status == Status::Supported)
    };
    let global = Context::Section(SectionKind::Global);
    let unknown: Vec<&str> = global::KEYWORDS
        .names()
        .filter(|name| !known(global, name))
        .chain(proxy::KEYWORDS.names().filter(|name| !known(Context::Proxy, name)))
        .chain(bind::OPTIONS.names().filter(|name| !known(Context::Bind, name)))
        .chain(server_options::OPTIONS.names().filter(|name| !known(Context::Server, name)))
        .chain(rules::HTTP_ACTIONS.names().filter(|name| !known(Context::Action, name)))
        .chain(rules::TCP_ACTIONS.names().filter(|name| !known(Context::Action, name)))
        .collect();
    assert_eq!(unknown, Vec::<&str>::new());
}

#[test]
fn tables_are_sorted_for_their_lookups() {
    assert!(global::KEYWORDS.is_sorted());
    assert!(proxy::KEYWORDS.is_sorted());
    assert!(bind::OPTIONS.is_sorted());
    assert!(server_options::OPTIONS.is_sorted());
    assert!(rules::HTTP_ACTIONS.is_sorted());
    assert!(rules::TCP_ACTIONS.is_sorted());
}

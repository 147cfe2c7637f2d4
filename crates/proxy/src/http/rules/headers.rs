//! Actions on header fields.

use expr::Side;
use model::{HeaderMatch, HttpAction};
use wire::h1::Head;

use super::action::text;
use crate::session::exchange::Exchange;

fn head(ex: &mut Exchange, side: Side) -> &mut Head {
    match side {
        Side::Request => &mut ex.memory.request,
        Side::Response => &mut ex.memory.response,
    }
}

/// Runs a header action; other actions have no effect here.
pub fn run(ex: &mut Exchange, action: &HttpAction, side: Side) {
    match action {
        HttpAction::SetHeader(name, format) => {
            let value = rendered(ex, format);
            let _ = head(ex, side).set(name, &value);
            ex.memory.text = value;
        }
        HttpAction::AddHeader(name, format) => {
            let value = rendered(ex, format);
            let _ = head(ex, side).append(name, &value);
            ex.memory.text = value;
        }
        HttpAction::DelHeader(matcher) => delete(head(ex, side), matcher),
        HttpAction::ReplaceHeader(name, regex, format) => {
            let template = text(ex, format);
            replace_values(head(ex, side), name, |value| regex.replace(value, &template, false));
        }
        HttpAction::ReplaceValue(name, regex, format) => {
            let template = text(ex, format);
            replace_values(head(ex, side), name, |value| {
                replace_items(value, |item| regex.replace(item, &template, false))
            });
        }
        _ => {}
    }
}

/// A format rendered into the exchange's own memory.
fn rendered(ex: &mut Exchange, format: &expr::LogFormat) -> Vec<u8> {
    let mut value = std::mem::take(&mut ex.memory.text);
    value.clear();
    format.render(&*ex, &mut value);
    value
}

fn delete(head: &mut Head, matcher: &HeaderMatch) {
    let lower = |name: &[u8]| name.to_ascii_lowercase();
    match matcher {
        HeaderMatch::Name(name) => {
            head.remove(name);
        }
        HeaderMatch::Beg(text) => {
            let text = text.to_ascii_lowercase();
            head.retain(|name, _| !lower(name).starts_with(text.as_bytes()));
        }
        HeaderMatch::End(text) => {
            let text = text.to_ascii_lowercase();
            head.retain(|name, _| !lower(name).ends_with(text.as_bytes()));
        }
        HeaderMatch::Sub(text) => {
            let text = text.to_ascii_lowercase();
            head.retain(|name, _| memchr::memmem::find(&lower(name), text.as_bytes()).is_none());
        }
        HeaderMatch::Reg(regex) => head.retain(|name, _| !regex.is_match(name)),
    }
}

fn replace_values(
    head: &mut Head,
    name: &wire::http::FieldName,
    replace: impl Fn(&[u8]) -> Option<Vec<u8>>,
) {
    for index in 0..head.fields().len() {
        let Some(field) = head.fields().get(index).copied() else { return };
        if !head.bytes(field.name).eq_ignore_ascii_case(name.as_bytes()) {
            continue;
        }
        if let Some(value) = replace(head.bytes(field.value)) {
            let _ = head.replace(index, &value);
        }
    }
}

/// Replaces the items of a comma-separated value one by one. The blanks before an item that stays
/// stay as well, those before a replaced one go, as in HAProxy.
fn replace_items(value: &[u8], replace: impl Fn(&[u8]) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(value.len());
    let mut changed = false;
    for (i, item) in value.split(|b| *b == b',').enumerate() {
        if i > 0 {
            out.push(b',');
        }
        match replace(item.trim_ascii()) {
            Some(new) => {
                changed = true;
                out.extend_from_slice(&new);
            }
            None => out.extend_from_slice(item.trim_ascii_end()),
        }
    }
    changed.then_some(out)
}

#[cfg(test)]
mod tests {
    use super::replace_items;

    #[test]
    fn items_are_replaced_one_by_one() {
        let swap = |i: &[u8]| (i == b"a").then(|| b"x".to_vec());
        assert_eq!(replace_items(b"a, b, a", swap).as_deref(), Some(&b"x, b,x"[..]));
        assert_eq!(replace_items(b"b,c", swap), None);
    }
}

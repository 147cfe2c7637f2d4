//! Variables in addresses, which need no quotes there (manual 4.2 `bind`, 5.2, 11.1).

use super::env::Environment;
use super::lex::{Expansion, Token};

/// Replaces `$NAME` and `${NAME}` in the words of a line that are addresses; unset is empty.
pub(super) fn fill(line: &str, words: &mut [Token], environment: &Environment) {
    if !line.contains('$') {
        return;
    }
    let mut before = "";
    let texts: Vec<String> = words.iter().map(|word| value(line, word).to_owned()).collect();
    let Some(keyword) = texts.first() else { return };
    for (at, text) in texts.iter().enumerate().skip(1) {
        let place = match (keyword.as_str(), at) {
            ("bind" | "log" | "source" | "usesrc", 1) | ("server" | "peer" | "nameserver", 2) => {
                true
            }
            ("stats", 2) => before == "socket",
            ("server" | "default-server", _) => matches!(before, "addr" | "source" | "usesrc"),
            _ => false,
        };
        if place && text.contains('$') {
            let text = filled(text, environment).into();
            words[at].expanded = Some(Expansion { text, bytes: None });
        }
        before = text;
    }
}

fn value<'t>(line: &'t str, word: &'t Token) -> &'t str {
    let (start, len) = (word.start as usize, word.len as usize);
    word.expanded.as_ref().map_or_else(|| line.get(start..start + len).unwrap_or(""), |e| &e.text)
}

fn filled(text: &str, environment: &Environment) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once('$') {
        out.push_str(plain);
        let (braced, inner) = match after.strip_prefix('{') {
            Some(inner) => (true, inner),
            None => (false, after),
        };
        let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let (name, tail) = inner.split_at(end.unwrap_or(inner.len()));
        out.push_str(environment.value(name).unwrap_or(""));
        rest = if braced { tail.strip_prefix('}').unwrap_or(tail) } else { tail };
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_replaced_and_unset_ones_are_empty() {
        let environment: Environment = [("A", "127.0.0.1"), ("P_1", "80")].into_iter().collect();
        let table = [
            ("${A}:${P_1}", "127.0.0.1:80"),
            ("$A:$P_1", "127.0.0.1:80"),
            ("fd@${NONE}", "fd@"),
            ("${A-x}", "127.0.0.1-x}"),
            ("a$", "a"),
        ];
        for (text, expected) in table {
            assert_eq!(filled(text, &environment), expected, "{text}");
        }
    }
}

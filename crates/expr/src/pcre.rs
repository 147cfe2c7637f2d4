//! Patterns in PCRE's notation, rewritten where the regex engines read the same text otherwise.

/// Rewrites a pattern. What is not known is left for the engine to judge.
pub(crate) fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\\' => escape(rest, false, &mut out),
            '[' => class(rest, &mut out),
            '{' if quantifier(rest).is_none() => {
                out.push_str("\\{");
                1
            }
            '{' => {
                let length = quantifier(rest).unwrap_or(1);
                out.push_str(rest.get(..length).unwrap_or_default());
                length
            }
            '}' => {
                out.push_str("\\}");
                1
            }
            other => {
                out.push(other);
                other.len_utf8()
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    out
}

/// Length of `{n}`, `{n,}` or `{n,m}` at the start of the text.
fn quantifier(text: &str) -> Option<usize> {
    let end = text.find('}')?;
    let inside = text.get(1..end)?;
    let (low, high) = inside.split_once(',').unwrap_or((inside, "0"));
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    (!low.is_empty() && number(low) && number(high)).then_some(end + 1)
}

/// Takes an escape sequence; gives its length in the pattern.
fn escape(text: &str, in_class: bool, out: &mut String) -> usize {
    let Some(next) = text.chars().nth(1) else {
        out.push('\\');
        return 1;
    };
    match next {
        // A quoted stretch, literal up to its end.
        'Q' => {
            let inside = text.get(2..).unwrap_or_default();
            let (literal, end) = match inside.find("\\E") {
                Some(end) => (inside.get(..end).unwrap_or_default(), 2 + end + 2),
                None => (inside, text.len()),
            };
            out.push_str(&regex::escape(literal));
            end
        }
        'E' => 2,
        'h' => {
            out.push_str(if in_class { " \\t" } else { "[ \\t]" });
            2
        }
        'e' => {
            out.push_str("\\x1b");
            2
        }
        // Punctuation is itself; the engines know fewer such escapes than PCRE.
        '<' | '>' | '_' | '"' | '\'' | ' ' | ',' | ';' | ':' | '=' | '!' | '%' | '@' | '`' => {
            out.push(next);
            2
        }
        other => {
            out.push('\\');
            out.push(other);
            1 + other.len_utf8()
        }
    }
}

/// Takes a bracketed class; gives its length in the pattern.
fn class(text: &str, out: &mut String) -> usize {
    let mut at = 1;
    out.push('[');
    if text.get(at..).is_some_and(|rest| rest.starts_with('^')) {
        out.push('^');
        at += 1;
    }
    let first = at;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let next = rest.chars().next().unwrap_or(']');
        at += match next {
            ']' if at > first => {
                out.push(']');
                return at + 1;
            }
            '\\' => escape(rest, true, out),
            '[' if rest.starts_with("[:") && rest.contains(":]") => {
                let end = rest.find(":]").unwrap_or(0) + 2;
                out.push_str(rest.get(..end).unwrap_or_default());
                end
            }
            // A hyphen that joins no two plain characters is itself.
            '-' if !joins(text, first, at) => {
                out.push_str("\\-");
                1
            }
            '[' | ']' | '&' | '~' => {
                out.push('\\');
                out.push(next);
                1
            }
            other => {
                out.push(other);
                other.len_utf8()
            }
        };
    }
    at
}

/// Whether the hyphen at an offset of a class makes a range.
fn joins(text: &str, first: usize, at: usize) -> bool {
    let before = text.get(first..at).unwrap_or_default();
    let after = text.get(at + 1..).unwrap_or_default();
    let class_escape = |text: &str| {
        let mut chars = text.chars();
        chars.next() == Some('\\') && chars.next().is_some_and(|c| "dDwWsSh".contains(c))
    };
    let mut last = before.char_indices().rev();
    let ends_in_class = match (last.next(), last.next()) {
        (Some((_, letter)), Some((at, '\\'))) => {
            "dDwWsSh".contains(letter) && !before.get(..at).unwrap_or_default().ends_with('\\')
        }
        _ => false,
    };
    // The second bound of a range can't begin another: in `0-9-_` the second hyphen is itself.
    let ends_in_range = {
        let mut chars = before.chars().rev();
        matches!((chars.next(), chars.next(), chars.next()), (Some(_), Some('-'), Some(_)))
    };
    !before.is_empty()
        && !after.is_empty()
        && !after.starts_with(']')
        && !class_escape(after)
        && !ends_in_class
        && !ends_in_range
        && !before.ends_with(":]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rewrites_what_the_engines_read_otherwise() {
        for (pattern, expected) in [
            (r"^/x/(.*)$", r"^/x/(.*)$"),
            (r"a{2,3}b{,5}{x}", r"a{2,3}b\{,5\}\{x\}"),
            (r"[a-z0-9-_.]", r"[a-z0-9\-_.]"),
            (r"[\w-.]", r"[\w\-.]"),
            (r"[a-\d]", r"[a\-\d]"),
            (r"[-a]", r"[\-a]"),
            (r"[a-]", r"[a\-]"),
            (r"[^[]", r"[^\[]"),
            (r"[]a]", r"[\]a]"),
            (r"[[:alpha:]_]", r"[[:alpha:]_]"),
            (r"[a&&b]", r"[a\&\&b]"),
            (r"\/\-\_\<\.", r"\/\-_<\."),
            (r"\Qa.b\E.", r"a\.b."),
            (r"a\", r"a\"),
            (r"[a", r"[a"),
        ] {
            assert_eq!(translate(pattern), expected, "{pattern}");
        }
    }
}

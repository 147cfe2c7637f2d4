//! Command lines: commands, words, payload marks.

/// Words of a command line: separated by blanks, a backslash takes the next character as it is.
#[must_use]
pub fn split_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' => words.extend(word.take()),
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Commands of one line: separated by `;`, unless a backslash stands before it.
#[must_use]
pub fn split_commands(line: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (i, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ';' => {
                out.push(&line[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    out.push(&line[start..]);
    out
}

/// A line that announces a payload: what comes before `<<`, and the line that ends the payload
/// (empty, or the mark after `<<`).
#[must_use]
pub fn payload_mark(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let (command, mark) = line.rsplit_once("<<")?;
    // Only the last word of a line announces one.
    let announces = command.is_empty() || command.ends_with([' ', '\t']);
    (announces && !mark.contains([' ', '\t', ';'])).then_some((command, mark))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_split_at_semicolons_and_blanks() {
        assert_eq!(split_commands("a b;c\\;d; e"), ["a b", "c\\;d", " e"]);
        assert_eq!(split_words("  set  server b\\ c\\;d "), ["set", "server", "b c;d"]);
    }

    #[test]
    fn what_is_quoted_stays_one_word() {
        for word in ["a", "a b;c", "\\", "a\\;b\\", "\t;; ", "<<", "\u{e4} ;"] {
            let quoted = crate::client::quote(word);
            assert_eq!(split_commands(&quoted), [quoted.as_str()], "{word:?}");
            assert_eq!(split_words(&quoted), [word], "{word:?}");
        }
    }

    #[test]
    fn only_the_last_word_announces_a_payload() {
        assert_eq!(payload_mark("add map #1 <<"), Some(("add map #1 ", "")));
        assert_eq!(payload_mark("add map #1 <<EOF\r"), Some(("add map #1 ", "EOF")));
        assert_eq!(payload_mark("add map #1 << "), None);
        assert_eq!(payload_mark("add map #1 a<<"), None);
        assert_eq!(payload_mark("show info"), None);
    }
}

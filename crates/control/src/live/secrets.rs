//! Passwords of a configuration, put out of sight.

use config::{Sheet, SheetLine};

/// What stands in their place.
const HIDDEN: &[u8] = b"***";
/// Header fields whose values let somebody in.
const FIELDS: [&str; 3] = ["authorization", "proxy-authorization", "cookie"];

/// Puts asterisks in the place of every password.
pub fn hide(sheet: &mut Sheet) {
    sheet.lines.iter_mut().for_each(of_line);
}

fn of_line(line: &mut SheetLine) {
    let text = |at: usize, line: &SheetLine| line.word(at).to_ascii_lowercase();
    for at in 0..line.words.len() {
        let before = at.checked_sub(1).map(|b| text(b, line)).unwrap_or_default();
        let account = line.word(0) == "user"
            && matches!(before.as_str(), "password" | "insecure-password")
            && at > 2;
        if account || at > 1 && FIELDS.contains(&before.as_str()) && names_a_field(line, at - 1) {
            line.words[at] = HIDDEN.to_vec();
        }
        if line.is("stats auth") && at == 2 {
            let user = line.word(2).split_once(':').map_or("", |(user, _)| user).to_owned();
            line.words[2] = [user.as_bytes(), b":", HIDDEN].concat();
        }
        if line.words[at].to_ascii_uppercase().starts_with(b"AUTH ") {
            line.words[at] = [&line.words[at][..5], HIDDEN].concat();
        }
    }
}

/// Whether the word at this place is the name of a field whose value follows.
fn names_a_field(line: &SheetLine, at: usize) -> bool {
    let before = at.checked_sub(1).map(|b| line.word(b)).unwrap_or_default();
    matches!(before, "hdr" | "set-header" | "add-header" | "header")
}

//! A value as somebody gave it, with who that was: what errors name and what configuration lines
//! are made of.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Name, Origin};

use super::Problem;

/// Longest value of a label or variable that is looked at, bytes.
pub const VALUE_MAX: usize = 64 << 10;

/// Who said something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// A container, by id, with its name.
    Container {
        /// Id.
        id: Name,
        /// Name.
        name: Name,
    },
    /// The balancer's own environment.
    Balancer,
}

impl By {
    /// Name for people.
    pub fn name(&self) -> Name {
        match self {
            Self::Container { name, .. } => name.clone(),
            Self::Balancer => "the balancer".into(),
        }
    }
}

/// A value with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Who said it.
    pub by: By,
    /// In which label or variable.
    pub label: Arc<str>,
    /// What.
    pub text: String,
}

impl Said {
    /// The same place with another text.
    pub fn with(&self, text: impl Into<String>) -> Self {
        Self { by: self.by.clone(), label: Arc::clone(&self.label), text: text.into() }
    }

    /// Where it was said.
    pub fn origin(&self) -> Origin {
        origin(&self.by, &self.label)
    }

    /// Something about it.
    pub fn problem(&self, reason: impl Into<String>) -> Problem {
        Problem { origin: self.origin(), reason: reason.into() }
    }
}

/// Where somebody said something.
pub fn origin(by: &By, label: &str) -> Origin {
    match by {
        By::Container { name, .. } => {
            Origin::Label { container: name.clone(), label: label.into() }
        }
        By::Balancer => Origin::Variable { name: label.into() },
    }
}

/// Labels or variables of one speaker.
pub struct Voice<'a> {
    by: By,
    values: Values<'a>,
}

enum Values<'a> {
    /// Names as they are written.
    Exact(&'a BTreeMap<String, String>),
    /// The few that are known, in any case.
    Folded(Vec<(&'a str, &'a str)>),
}

impl<'a> Values<'a> {
    fn find(&self, name: &str) -> Option<(&'a str, &'a str)> {
        match self {
            Self::Exact(map) => map.get_key_value(name).map(|(k, v)| (k.as_str(), v.as_str())),
            Self::Folded(list) => {
                let exact = list.iter().find(|(key, _)| *key == name);
                exact.or_else(|| list.iter().find(|(k, _)| k.eq_ignore_ascii_case(name))).copied()
            }
        }
    }
}

impl<'a> Voice<'a> {
    /// Names as they are written.
    pub fn exact(by: By, values: &'a BTreeMap<String, String>) -> Self {
        Self { by, values: Values::Exact(values) }
    }

    /// Names in any case, of those that are `known`.
    pub fn folded(
        by: By,
        values: &'a BTreeMap<String, String>,
        known: impl Fn(&str) -> bool,
    ) -> Self {
        let said = values.iter().filter(|(key, value)| !value.is_empty() && known(key));
        let list = said.map(|(key, value)| (key.as_str(), value.as_str())).collect();
        Self { by, values: Values::Folded(list) }
    }

    /// The value of a name, blanks around it taken off; `None` when it is absent or empty.
    ///
    /// # Errors
    /// When it holds what no configuration line may hold.
    pub fn value(&self, name: &str) -> Result<Option<Said>, Problem> {
        Ok(self.raw(name)?.map(|s| s.with(s.text.trim())).filter(|s| !s.text.is_empty()))
    }

    /// The same with its blanks; `None` when it is absent or empty.
    ///
    /// # Errors
    /// As [`Self::value`].
    pub fn raw(&self, name: &str) -> Result<Option<Said>, Problem> {
        self.checked(name, false)
    }

    /// The same; lines may follow each other.
    ///
    /// # Errors
    /// As [`Self::value`].
    pub fn lines(&self, name: &str) -> Result<Option<Said>, Problem> {
        self.checked(name, true)
    }

    fn checked(&self, name: &str, lines: bool) -> Result<Option<Said>, Problem> {
        let Some((key, text)) = self.values.find(name) else { return Ok(None) };
        let said = Said { by: self.by.clone(), label: key.into(), text: String::new() };
        match fault(text, lines) {
            Some(reason) => Err(said.problem(reason)),
            None if text.is_empty() => Ok(None),
            None => Ok(Some(said.with(text))),
        }
    }
}

/// What makes a text unfit for a configuration line.
fn fault(text: &str, lines: bool) -> Option<String> {
    if text.len() > VALUE_MAX {
        return Some(format!("{} bytes are too many ({VALUE_MAX} at most)", text.len()));
    }
    let allowed = |c: char| c == '\t' || lines && matches!(c, '\n' | '\r');
    if let Some(bad) = text.chars().find(|c| c.is_control() && !allowed(*c)) {
        return Some(format!("it holds the control character {}", bad.escape_unicode()));
    }
    text.contains('\u{fffd}').then(|| "it is not valid UTF-8".to_owned())
}

/// Whether a value means yes: anything but nothing, `0`, `false`, `no` and `off`.
pub fn truth(text: &str) -> bool {
    let no = ["", "0", "false", "no", "off"];
    !no.iter().any(|n| text.trim().eq_ignore_ascii_case(n))
}

/// Items between commas; a comma after a backslash belongs to its item. Empty items are dropped.
pub fn escaped_list(text: &str) -> Vec<String> {
    escaped_list_with_empty(text).into_iter().filter(|item| !item.is_empty()).collect()
}

/// The same, empty items kept.
pub fn escaped_list_with_empty(text: &str) -> Vec<String> {
    let (mut items, mut item, mut before) = (Vec::new(), String::new(), ' ');
    for c in text.chars() {
        match c {
            ',' if before == '\\' => {
                item.pop();
                item.push(',');
            }
            ',' => items.push(std::mem::take(&mut item)),
            c => item.push(c),
        }
        before = c;
    }
    items.push(item);
    items.into_iter().map(|item| item.trim().to_owned()).collect()
}

/// Items between all commas, empty ones dropped.
pub fn plain_list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// `NAME:REST` items of an escaped list; what has no colon is dropped.
pub fn pairs(text: &str) -> Vec<(String, String)> {
    let split = |item: String| {
        item.split_once(':').map(|(a, b)| (a.trim().to_owned(), b.trim().to_owned()))
    };
    escaped_list(text).into_iter().filter_map(split).collect()
}

/// Items for people, not all of a long list.
pub fn shown_list(items: &[String]) -> String {
    let mut text = items.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
    if items.len() > 5 {
        text.push_str(&format!(" and {} more", items.len() - 5));
    }
    text
}

/// A port, 1 to 65535.
pub fn port(text: &str) -> Option<u16> {
    text.trim().parse().ok().filter(|port| *port > 0)
}

/// A word that stands for itself in a configuration line, whatever is in it.
pub fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@%+=,^~()[]|?*".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_split_as_documented() {
        assert_eq!(escaped_list("a b, c\\,d ,e,,"), ["a b", "c,d", "e"]);
        assert_eq!(escaped_list("x\\\\,y"), ["x\\,y"], "a comma after any backslash is escaped");
        assert_eq!(plain_list(" a ,, b ").collect::<Vec<_>>(), ["a", "b"]);
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            pairs(" 443:accept-proxy , 80:name web ,none"),
            [pair("443", "accept-proxy"), pair("80", "name web")]
        );
        assert_eq!(pairs("ann:x\\,y,bob:z:1"), [pair("ann", "x,y"), pair("bob", "z:1")]);
    }

    #[test]
    fn no_means_no() {
        assert!(truth("1") && truth("True") && truth("anything"));
        assert!(!truth("0") && !truth("False") && !truth(" off ") && !truth(""));
    }

    #[test]
    fn what_no_line_may_hold_is_refused() {
        assert!(fault("a\nbind :1", false).is_some() && fault("a\nb", true).is_none());
        assert!(fault("a\0", true).is_some() && fault("a\u{fffd}", true).is_some());
        assert!(fault(&"x".repeat(VALUE_MAX + 1), false).is_some_and(|r| r.contains("too many")));
    }

    #[test]
    fn quoting_keeps_every_word_one_word() {
        assert_eq!(quoted("a.b-c_1"), "a.b-c_1");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}

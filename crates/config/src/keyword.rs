//! The keyword table: what every keyword of the HAProxy 3.2 manual means here.
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

use crate::section::SectionKind;

/// Longest name of a keyword, in bytes, its words joined by single blanks.
const MAX_NAME: usize = 64;
/// `max_args` of a keyword that takes as many as the line holds.
pub const ANY: u8 = u8::MAX;

/// What is done with a keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It works.
    Supported,
    /// It loads and does nothing; nobody is hurt by that.
    Ignored {
        /// Why.
        reason: &'static str,
        /// Whether it is too small a matter even for a warning.
        quiet: bool,
    },
    /// It does not load: to pass over it would change what the file does.
    Refused {
        /// Why.
        reason: &'static str,
    },
}

/// Where a keyword may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Context {
    /// In a section that does not describe a proxy.
    Section(SectionKind),
    /// In `defaults`, `frontend`, `listen` or `backend`; see [`places`].
    Proxy,
    /// After `http-request` and its kin; see [`places`].
    Action,
    /// On a `bind` line, after the address.
    Bind,
    /// On a `server` or `default-server` line.
    Server,
}

/// Bits of [`Keyword::places`].
pub mod places {
    /// In `defaults`.
    pub const D: u16 = 1;
    /// In `frontend`.
    pub const F: u16 = 2;
    /// In `listen`.
    pub const L: u16 = 4;
    /// In `backend`.
    pub const B: u16 = 8;
    /// Takes `no` and `default` in front.
    pub const NO: u16 = 16;
    /// After `quic-initial`.
    pub const QI: u16 = 1;
    /// After `tcp-request connection`.
    pub const TC: u16 = 2;
    /// After `tcp-request session`.
    pub const TS: u16 = 4;
    /// After `tcp-request content`.
    pub const TR: u16 = 8;
    /// After `tcp-response content`.
    pub const TP: u16 = 16;
    /// After `http-request`.
    pub const HQ: u16 = 32;
    /// After `http-response`.
    pub const HR: u16 = 64;
    /// After `http-after-response`.
    pub const HA: u16 = 128;
}

/// One entry of the table.
#[derive(Clone, Copy, Debug)]
pub struct Keyword {
    /// Where it stands.
    pub context: Context,
    /// Its name: one word, or several joined by blanks (`timeout client`).
    pub name: &'static str,
    /// What follows the name, in the manual's notation.
    pub synopsis: &'static str,
    /// Fewest words that must follow the name.
    pub min_args: u8,
    /// Most words that may follow the name; [`ANY`] for no bound of its own.
    pub max_args: u8,
    /// [`places`] within the context.
    pub places: u16,
    /// What is done with it.
    pub status: Status,
    /// One line for people.
    pub help: &'static str,
}

impl Keyword {
    /// Whether `no` and `default` may stand in front.
    pub fn is_invertible(&self) -> bool {
        self.context != Context::Action && self.places & places::NO != 0
    }

    /// Whether it may stand in this kind of proxy section.
    pub fn fits(&self, kind: SectionKind) -> bool {
        match self.context {
            Context::Section(own) => own == kind,
            Context::Proxy => self.places & place_of(kind) != 0,
            _ => false,
        }
    }
}

fn place_of(kind: SectionKind) -> u16 {
    match kind {
        SectionKind::Defaults => places::D,
        SectionKind::Frontend => places::F,
        SectionKind::Listen => places::L,
        SectionKind::Backend => places::B,
        _ => 0,
    }
}

/// The context that lines of a section are looked up in.
pub fn context_of(kind: SectionKind) -> Context {
    if kind.is_proxy() { Context::Proxy } else { Context::Section(kind) }
}

/// The rule set that a keyword takes actions for, as a [`places`] bit.
pub fn rule_set(name: &str) -> Option<u16> {
    Some(match name {
        "quic-initial" => places::QI,
        "tcp-request connection" => places::TC,
        "tcp-request session" => places::TS,
        "tcp-request content" => places::TR,
        "tcp-response content" => places::TP,
        "http-request" => places::HQ,
        "http-response" => places::HR,
        "http-after-response" => places::HA,
        _ => return None,
    })
}

/// FNV-1a: the keys are short and come from a file that its owner may slow down as he likes.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type ByName<T> = HashMap<(Context, &'static str), T, BuildHasherDefault<Fnv>>;

struct Index {
    by_name: ByName<&'static Keyword>,
    /// First words that others must follow, with the most words of a name.
    families: ByName<usize>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut by_name = ByName::default();
    let mut families = ByName::default();
    for keyword in all() {
        by_name.insert((keyword.context, keyword.name), keyword);
        if let Some((first, rest)) = keyword.name.split_once(' ') {
            let words = 2 + rest.matches(' ').count();
            let longest = families.entry((keyword.context, first)).or_insert(words);
            *longest = words.max(*longest);
        }
    }
    Index { by_name, families }
});

/// Every entry, in the table's order.
pub fn all() -> impl Iterator<Item = &'static Keyword> {
    crate::keywords::TABLES.iter().flat_map(|table| table.iter())
}

/// The entry with exactly this name.
pub fn named(context: Context, name: &str) -> Option<&'static Keyword> {
    INDEX.by_name.get(&(context, name)).copied()
}

/// What a look-up came to.
#[derive(Clone, Copy, Debug)]
pub enum Found {
    /// An entry, and how many words its name took.
    Keyword(&'static Keyword, usize),
    /// The first word is the start of longer names, but none fits.
    Incomplete,
    /// No such keyword.
    Nothing,
}

/// Looks up the keyword that a line starts with; the longest name wins.
///
/// `word` yields the words by position, empty beyond the last. What is in parentheses at the end of
/// the last word is no part of the name.
pub fn find<'a>(context: Context, word: impl Fn(usize) -> &'a str) -> Found {
    let first = word(0);
    let longest = INDEX.families.get(&(context, first)).copied().unwrap_or(1);
    let mut buffer = [0; MAX_NAME];
    for count in (1..=longest).rev() {
        let Some(name) = join(&mut buffer, (0..count).map(&word)) else { continue };
        if let Some(keyword) = named(context, name) {
            return Found::Keyword(keyword, count);
        }
    }
    if longest > 1 { Found::Incomplete } else { Found::Nothing }
}

/// Joins words by single blanks, without the parenthesis at the end; `None` when one is missing.
fn join<'b, 'a>(
    buffer: &'b mut [u8; MAX_NAME],
    words: impl Iterator<Item = &'a str>,
) -> Option<&'b str> {
    let mut len = 0;
    for word in words {
        let word = word.split('(').next().unwrap_or(word);
        if word.is_empty() {
            return None;
        }
        if len > 0 {
            *buffer.get_mut(len)? = b' ';
            len += 1;
        }
        buffer.get_mut(len..len + word.len())?.copy_from_slice(word.as_bytes());
        len += word.len();
    }
    std::str::from_utf8(buffer.get(..len)?).ok()
}

/// Whether the section knows a keyword that starts with this word.
pub fn is_known(kind: SectionKind, word: &str) -> bool {
    let context = context_of(kind);
    let word = if matches!(word, "no" | "default") { return true } else { word };
    INDEX.families.contains_key(&(context, word))
        || named(context, word.split('(').next().unwrap_or(word)).is_some()
}

/// The name in this context that `words` may have been meant to be.
///
/// A family's members are compared by what follows the first word.
pub fn suggest(context: Context, place: u16, first: &str, second: &str) -> Option<&'static str> {
    let here =
        || all().filter(move |k| k.context == context && (place == 0 || k.places & place != 0));
    if INDEX.families.contains_key(&(context, first)) {
        let members = here().filter_map(|k| k.name.split_once(' ').filter(|(f, _)| *f == first));
        let rest = expr::suggest::did_you_mean(second, members.map(|(_, rest)| rest))?;
        return here()
            .find(|k| k.name.strip_prefix(first).and_then(|k| k.strip_prefix(' ')) == Some(rest))
            .map(|k| k.name);
    }
    let firsts = here().map(|k| k.name.split(' ').next().unwrap_or(k.name));
    expr::suggest::did_you_mean(first, firsts)
}

/// The section's own status: what is done with all of its lines.
pub fn section_status(kind: SectionKind) -> Status {
    crate::keywords::section_status(kind)
}

/// [`places`] bit of a section kind, 0 for those that are no proxies.
pub fn place(kind: SectionKind) -> u16 {
    place_of(kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn on<'a>(words: &'a [&'a str]) -> impl Fn(usize) -> &'a str {
        |index| words.get(index).copied().unwrap_or("")
    }

    #[test]
    fn rows_are_complete_and_unique() {
        let mut seen = HashSet::new();
        for keyword in all() {
            let Keyword { name, help, min_args, max_args, .. } = *keyword;
            assert!(seen.insert((keyword.context, name)), "{name} stands twice");
            assert!(!name.is_empty() && name.len() < MAX_NAME, "{name}");
            assert!(help.ends_with('.') && help.len() < 90, "{name}: {help}");
            assert!(min_args <= max_args, "{name}");
            let silent = keyword.synopsis.is_empty() && keyword.context != Context::Action;
            assert!(max_args == 0 || !silent, "{name} has no synopsis");
            let proxy = matches!(keyword.context, Context::Proxy | Context::Action);
            assert!(!proxy || keyword.places & 0xff != 0, "{name} stands nowhere");
        }
        assert!(seen.len() > 700);
    }

    #[test]
    fn the_longest_name_is_found() {
        let find = |words: &[&str]| match find(Context::Proxy, on(words)) {
            Found::Keyword(keyword, count) => (keyword.name, count),
            Found::Incomplete => ("incomplete", 0),
            Found::Nothing => ("nothing", 0),
        };
        assert_eq!(find(&["bind", ":80"]), ("bind", 1));
        assert_eq!(find(&["timeout", "client", "5s"]), ("timeout client", 2));
        assert_eq!(find(&["capture", "request", "header", "x"]), ("capture request header", 3));
        assert_eq!(find(&["http-check", "set-var(check.a)", "x"]), ("http-check set-var", 2));
        assert_eq!(find(&["timeout", "nothing"]), ("incomplete", 0));
        assert_eq!(find(&["timeout"]), ("incomplete", 0));
        assert_eq!(find(&["nothing"]), ("nothing", 0));
        assert_eq!(find(&[""]), ("nothing", 0));
        assert_eq!(find(&[&"x".repeat(500)]), ("nothing", 0));
    }

    #[test]
    fn suggestions_stay_in_the_family() {
        assert_eq!(suggest(Context::Proxy, 0, "timeout", "cleint"), Some("timeout client"));
        assert_eq!(suggest(Context::Proxy, 0, "blance", ""), Some("balance"));
        assert_eq!(suggest(Context::Server, 0, "chek", ""), Some("check"));
        assert_eq!(suggest(Context::Proxy, 0, "frobnicate", ""), None);
    }

    #[test]
    fn what_may_stand_where() {
        let bind = named(Context::Proxy, "bind").expect("bind is in the table");
        assert!(bind.fits(SectionKind::Listen) && !bind.fits(SectionKind::Backend));
        assert!(is_known(SectionKind::Backend, "http-check"));
        assert!(!is_known(SectionKind::Global, "http-check"));
    }
}

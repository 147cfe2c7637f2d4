//! Commands about maps and the lists of patterns of ACLs.

use std::fmt::Write;
use std::sync::Arc;

use model::{
    Config, Found, PatternCell, PatternError, PatternKey, PatternList, PatternMatch, ValueKind,
};

use super::{Args, Command, Reply, Run, Severity, commands};
use crate::ports::{House, Level};

pub(super) const COMMANDS: &[Command] = commands! {
    "add acl" "[@<ver>] <acl> <pattern>" Admin "a pattern more":
        Run::Now(add_acl);
    "add map" "[@<ver>] <map> <key> <value>" Admin
        "a key more; in a payload one key and value a line": Run::Now(add_map);
    "clear acl" "[@<ver>] <acl>" Admin "forget all patterns":
        Run::Now(|house, args| clear(house, args, Of::Acl));
    "clear map" "[@<ver>] <map>" Admin "forget all keys":
        Run::Now(|house, args| clear(house, args, Of::Map));
    "commit acl" "@<ver> <acl>" Admin "a prepared version takes effect":
        Run::Now(|house, args| commit(house, args, Of::Acl));
    "commit map" "@<ver> <map>" Admin "a prepared version takes effect":
        Run::Now(|house, args| commit(house, args, Of::Map));
    "del acl" "<acl> [<pattern>|#<ref>]" Admin "forget a pattern":
        Run::Now(|house, args| delete(house, args, Of::Acl));
    "del map" "<map> [<key>|#<ref>]" Admin "forget a key":
        Run::Now(|house, args| delete(house, args, Of::Map));
    "get acl" "<acl> <value>" User "which pattern matches a value":
        Run::Now(|house, args| get(house, args, Of::Acl));
    "get map" "<map> <value>" User "which key matches a value, and what it gives":
        Run::Now(|house, args| get(house, args, Of::Map));
    "prepare acl" "<acl>" Admin "a new version, to be filled and committed":
        Run::Now(|house, args| prepare(house, args, Of::Acl));
    "prepare map" "<map>" Admin "a new version, to be filled and committed":
        Run::Now(|house, args| prepare(house, args, Of::Map));
    "set map" "<map> [<key>|#<ref>] <value>" Admin "another value for a key": Run::Now(set_map);
    "show acl" "[[@<ver>] <acl>]" User "all ACLs, or the patterns of one":
        Run::Now(|house, args| show(house, args, Of::Acl));
    "show map" "[[@<ver>] <map>]" User "all maps, or the keys and values of one":
        Run::Now(|house, args| show(house, args, Of::Map));
};

/// Which of the two a command speaks of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Acl,
    Map,
}

impl Of {
    /// As messages call it.
    fn name(self) -> &'static str {
        match self {
            Self::Acl => "ACL",
            Self::Map => "map",
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Acl => "acl",
            Self::Map => "map",
        }
    }

    fn has(self, list: &PatternList) -> bool {
        match self {
            Self::Acl => list.is_acl,
            Self::Map => list.is_map,
        }
    }
}

/// The version that a command begins with, and the words behind it.
fn version<'w, 'a>(words: &'w [&'a str]) -> (Option<u32>, &'w [&'a str]) {
    match words.split_first() {
        Some((first, rest)) if first.starts_with('@') => {
            // As in HAProxy, what is no number means 0, the version that was read.
            (Some(number(first.trim_start_matches('@'))), rest)
        }
        _ => (None, words),
    }
}

/// The number a text begins with; 0 when there is none.
fn number(text: &str) -> u32 {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..digits).and_then(|d| d.parse().ok()).unwrap_or(0)
}

fn find<'c>(config: Option<&'c Arc<Config>>, name: &str, of: Of) -> Option<&'c PatternList> {
    let mut lists = config?.patterns.iter().filter(|list| of.has(list));
    match name.strip_prefix('#') {
        Some("") => None,
        Some(id) => {
            let id: u32 = id.parse().ok()?;
            lists.find(|list| list.id == id)
        }
        None => lists.find(|list| {
            list.file.is_some() && (list.name() == name || list.file.as_deref() == Some(name))
        }),
    }
}

/// Runs `f` on the list that is named.
fn with_list(
    house: &dyn House,
    name: Option<&&str>,
    of: Of,
    f: impl FnOnce(&PatternCell) -> Reply,
) -> Reply {
    let config = house.config();
    match name.and_then(|name| find(config.as_ref(), name, of)) {
        Some(list) => f(&list.cell),
        None => {
            Reply::error(format!("Unknown {} identifier. Please use #<id> or <file>.", of.name()))
        }
    }
}

/// A key, or the number of an entry as listings show it.
fn key(word: &str) -> PatternKey<'_> {
    let seq = word.strip_prefix('#').map(|seq| seq.strip_prefix("0x").unwrap_or(seq));
    match seq.and_then(|seq| u64::from_str_radix(seq, 16).ok()) {
        Some(seq) => PatternKey::Seq(seq),
        None => PatternKey::Key(word.as_bytes()),
    }
}

fn outcome(done: Result<(), PatternError>, of: Of) -> Reply {
    let text = match done {
        Ok(()) => return Reply::done(),
        Err(PatternError::Version) => {
            format!("Version number in the future, please use 'prepare {}' before.", of.word())
        }
        Err(PatternError::Value(value)) => format!("unable to parse '{value}'."),
        Err(PatternError::NotFound) => "entry not found.".to_owned(),
        Err(PatternError::Full) => "Too many entries in prepared versions.".to_owned(),
        Err(PatternError::Pattern { method, key, why }) => match method {
            PatternMatch::Ip => format!("'{key}' is not a valid IPv4 or IPv6 address."),
            PatternMatch::Bin => "an even number of hex digit is expected.".to_owned(),
            PatternMatch::Int | PatternMatch::Len if key.contains(':') => {
                format!("'{key}' is not a valid number range.")
            }
            PatternMatch::Int | PatternMatch::Len => format!("'{key}' is not a number."),
            _ => format!("{why}."),
        },
    };
    Reply::error(text)
}

fn show(house: &dyn House, args: Args<'_>, of: Of) -> Reply {
    let (version, words) = version(args.words);
    if words.is_empty() && version.is_none() {
        return Reply::listing(overview(house, of));
    }
    with_list(house, words.first(), of, |list| {
        let mut out = String::new();
        for entry in list.entries(version) {
            let _ = write!(out, "0x{:012x} {}", entry.seq, String::from_utf8_lossy(&entry.key));
            if let Some(value) = &entry.value {
                let _ = write!(out, " {}", String::from_utf8_lossy(value));
            }
            out.push('\n');
        }
        Reply::listing(out)
    })
}

fn overview(house: &dyn House, of: Of) -> String {
    let mut out = "# id (file) description\n".to_owned();
    let config = house.config();
    for list in config.iter().flat_map(|c| &c.patterns).filter(|list| of.has(list)) {
        let (current, newest, entries) = list.cell.figures();
        let _ = writeln!(
            out,
            "{} ({}) {}. curr_ver={current} next_ver={newest} entry_cnt={entries}",
            list.id,
            list.name(),
            list.description,
        );
    }
    out
}

fn get(house: &dyn House, args: Args<'_>, of: Of) -> Reply {
    let [name, value, ..] = args.words else {
        return Reply::error(format!("Missing {} identifier and/or key.", of.name()));
    };
    with_list(house, Some(name), of, |list| {
        let found = list.find(value.as_bytes());
        Reply::listing(found.iter().fold(String::new(), |out, found| out + &answer(found, of)))
    })
}

/// What one way of matching finds.
fn answer(found: &Found, of: Of) -> String {
    let case = if found.ignore_case { "insensitive" } else { "sensitive" };
    let word = if of == Of::Map { "found" } else { "match" };
    let mut out = format!("type={}, case={case}, {word}=", found.method);
    let Some(entry) = &found.entry else { return out + "no\n" };
    let index = if found.tree { "tree" } else { "list" };
    let key = String::from_utf8_lossy(&entry.key);
    let name = if of == Of::Map { "key" } else { "pattern" };
    let _ = write!(out, "yes, idx={index}, {name}=\"{key}\"");
    if of == Of::Map {
        let value = String::from_utf8_lossy(entry.value.as_deref().unwrap_or_default());
        let kind = match found.value {
            ValueKind::None => return out + ", value=none\n",
            ValueKind::Str => "str",
            ValueKind::Int => "sint",
            ValueKind::Ip if value.contains(':') => "ipv6",
            ValueKind::Ip => "ipv4",
        };
        let _ = write!(out, ", value=\"{value}\", type=\"{kind}\"");
    }
    out + "\n"
}

fn add_acl(house: &dyn House, args: Args<'_>) -> Reply {
    let (version, words) = version(args.words);
    let [name, pattern, ..] = words else {
        return Reply::error("'add acl' expects two parameters: ACL identifier and pattern.");
    };
    with_list(house, Some(name), Of::Acl, |list| {
        if list.has_values() {
            return Reply::error(
                "This ACL is shared with a map containing samples. You must use the command 'add \
                 map' to add values.",
            );
        }
        outcome(list.add(version, [(pattern.as_bytes(), None)]), Of::Acl)
    })
}

fn add_map(house: &dyn House, args: Args<'_>) -> Reply {
    let (version, words) = version(args.words);
    match (words, args.payload) {
        ([name, key, value, ..], None) => with_list(house, Some(name), Of::Map, |list| {
            outcome(list.add(version, [(key.as_bytes(), Some(value.as_bytes()))]), Of::Map)
        }),
        ([name], Some(payload)) => with_list(house, Some(name), Of::Map, |list| {
            let (lines, wrong) = pairs(payload);
            let entries = lines.iter().map(|(k, v)| (k.as_bytes(), Some(v.as_bytes())));
            let done = list.add(version, entries);
            match wrong.filter(|_| done.is_ok()) {
                Some(key) => Reply::error(format!("Missing value for key '{key}'.")),
                None => outcome(done, Of::Map),
            }
        }),
        _ => Reply::error(
            "'add map' expects three parameters (map identifier, key and value) or one parameter \
             (map identifier) and a payload",
        ),
    }
}

/// Keys and values of a payload, one a line, up to the first key without a value.
#[must_use]
pub fn pairs(payload: &str) -> (Vec<(&str, &str)>, Option<&str>) {
    let mut all = Vec::new();
    for line in payload.lines().filter(|line| !line.is_empty()) {
        match line.split_once([' ', '\t']) {
            Some((key, value)) => all.push((key, value.trim_start_matches([' ', '\t']))),
            None => return (all, Some(line)),
        }
    }
    (all, None)
}

fn set_map(house: &dyn House, args: Args<'_>) -> Reply {
    let [name, word, value, ..] = args.words else {
        return Reply::error("'set map' expects three parameters: map identifier, key and value.");
    };
    with_list(house, Some(name), Of::Map, |list| {
        let key = key(word);
        match (list.set(key, value.as_bytes()), key) {
            (Err(PatternError::NotFound), PatternKey::Seq(_)) => {
                Reply::error("key or pattern not found.")
            }
            (done, _) => outcome(done, Of::Map),
        }
    })
}

fn delete(house: &dyn House, args: Args<'_>, of: Of) -> Reply {
    let [name, word, ..] = args.words else {
        return Reply::error(format!(
            "This command expects two parameters: {} identifier and key.",
            of.name()
        ));
    };
    with_list(house, Some(name), of, |list| match list.delete(key(word)) {
        Err(PatternError::NotFound) => Reply::error("Key not found."),
        done => outcome(done, of),
    })
}

fn clear(house: &dyn House, args: Args<'_>, of: Of) -> Reply {
    let (version, words) = version(args.words);
    if words.is_empty() {
        return Reply::error(format!("Missing {} identifier.", of.name()));
    }
    with_list(house, words.first(), of, |list| {
        list.clear(version);
        Reply::done()
    })
}

fn prepare(house: &dyn House, args: Args<'_>, of: Of) -> Reply {
    with_list(house, args.words.first(), of, |list| {
        let version = list.prepare();
        Reply::message(Severity::Info, format!("New version created: {version}"))
    })
}

fn commit(house: &dyn House, args: Args<'_>, of: Of) -> Reply {
    let (Some(version), words) = version(args.words) else {
        return Reply::error("Missing version number.");
    };
    if words.is_empty() {
        return Reply::error(format!("Missing {} identifier.", of.name()));
    }
    with_list(house, words.first(), of, |list| match list.commit(version) {
        Ok(()) => Reply::done(),
        Err(_) => Reply::error("Version number out of range."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_lines_of_key_and_value() {
        let (all, wrong) = pairs("a b\n\nc  d e \n\tx\nlone\nf g\n");
        assert_eq!(all, [("a", "b"), ("c", "d e "), ("", "x")]);
        assert_eq!(wrong, Some("lone"));
        assert_eq!(pairs("").1, None);
    }

    #[test]
    fn versions_and_references_are_read_as_haproxy_does() {
        assert_eq!(version(&["@12", "m"]), (Some(12), &["m"][..]));
        assert_eq!(version(&["@x"]), (Some(0), &[][..]));
        assert_eq!(version(&["m"]), (None, &["m"][..]));
        assert_eq!(key("#0x1f"), PatternKey::Seq(31));
        assert_eq!(key("#zz"), PatternKey::Key(b"#zz"));
        assert_eq!(key("zz"), PatternKey::Key(b"zz"));
    }
}

//! docs/keywords.md, made from the keyword table.
use std::fmt::Write;

use config::SectionKind;
use config::keyword::{self, Context, Keyword, Status, places};

use crate::page::Page;

/// The page.
pub(crate) fn page() -> Page {
    Page { path: "docs/keywords.md", made_by: "keywords", text: text() }
}

/// A group of entries with a heading of its own.
struct Group {
    title: String,
    keywords: Vec<&'static Keyword>,
}

fn groups() -> Vec<Group> {
    let of = |title: &str, context: Context| Group {
        title: title.to_owned(),
        keywords: keyword::all().filter(|keyword| keyword.context == context).collect(),
    };
    let mut groups = vec![
        of("global", Context::Section(SectionKind::Global)),
        of("defaults, frontend, listen, backend", Context::Proxy),
        of("Actions of rules", Context::Action),
        of("Options of bind", Context::Bind),
        of("Options of server and default-server", Context::Server),
    ];
    for kind in SectionKind::ALL {
        let group = of(kind.keyword(), Context::Section(kind));
        if kind != SectionKind::Global && !group.keywords.is_empty() {
            groups.push(group);
        }
    }
    groups
}

/// How many are supported, ignored and refused.
fn count<'a>(keywords: impl Iterator<Item = &'a Keyword>) -> [usize; 3] {
    let mut counts = [0; 3];
    for keyword in keywords {
        let index = match keyword.status {
            Status::Supported => 0,
            Status::Ignored { .. } => 1,
            Status::Refused { .. } => 2,
        };
        counts[index] += 1;
    }
    counts
}

/// The whole text.
fn text() -> String {
    let mut out = String::from(
        "# Keywords\n\n\
         Every keyword of HAProxy 3.2 and what Evenkeel does with it. This page is made from the\n\
         keyword table by `cargo xtask keywords`; change the table, not the page.\n\n\
         - **yes**: it works as the HAProxy manual says.\n\
         - **ignored**: it loads and does nothing; where that may be noticed, a warning says so.\n\
         - **refused**: a file that uses it does not load, because to leave it out would change\n  \
         what the file does.\n\n\
         Samples and converters have a page of their own.\n\n\
         ## Coverage\n\n\
         | where | yes | ignored | refused | all |\n|---|--:|--:|--:|--:|\n",
    );
    let groups = groups();
    for group in &groups {
        coverage(&mut out, &group.title, count(group.keywords.iter().copied()));
    }
    coverage(&mut out, "**together**", count(keyword::all()));
    for group in &groups {
        section(&mut out, group);
    }
    out
}

fn coverage(out: &mut String, title: &str, [yes, ignored, refused]: [usize; 3]) {
    let all = yes + ignored + refused;
    let _ = writeln!(out, "| {title} | {yes} | {ignored} | {refused} | {all} |");
}

fn section(out: &mut String, group: &Group) {
    let placed = group.keywords.iter().any(|keyword| !where_to(keyword).is_empty());
    let _ = writeln!(out, "\n## {}\n", group.title);
    let (column, rule) = if placed { (" where |", "---|") } else { ("", "") };
    let _ = writeln!(out, "| keyword |{column} status | what it does |\n|---|{rule}---|---|");
    for keyword in &group.keywords {
        let gap =
            if keyword.synopsis.is_empty() || keyword.synopsis.starts_with('(') { "" } else { " " };
        let usage = format!("{}{gap}{}", keyword.name, keyword.synopsis);
        let usage = usage.replace('|', "\\|");
        let (status, reason) = match keyword.status {
            Status::Supported => ("yes", ""),
            Status::Ignored { reason, .. } => ("ignored", reason),
            Status::Refused { reason } => ("refused", reason),
        };
        let place = if placed { format!(" {} |", where_to(keyword)) } else { String::new() };
        let reason = if reason.is_empty() { String::new() } else { format!(" *{reason}*") };
        let _ = writeln!(out, "| `{usage}` |{place} {status} | {}{reason} |", keyword.help);
    }
}

/// Which sections or rule sets take it, in a few letters.
fn where_to(keyword: &Keyword) -> String {
    let names: &[(u16, &str)] = match keyword.context {
        Context::Proxy => &[(places::D, "D"), (places::F, "F"), (places::L, "L"), (places::B, "B")],
        Context::Action => &[
            (places::QI, "quic"),
            (places::TC, "conn"),
            (places::TS, "sess"),
            (places::TR, "tcp req"),
            (places::TP, "tcp res"),
            (places::HQ, "req"),
            (places::HR, "res"),
            (places::HA, "after"),
        ],
        _ => &[],
    };
    let fit = names.iter().filter(|(bit, _)| keyword.places & bit != 0);
    let fit: Vec<&str> = fit.map(|(_, name)| *name).collect();
    let gap = if keyword.context == Context::Proxy { "" } else { ", " };
    fit.join(gap)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_committed_page_is_current() {
        assert_eq!(super::page().check().map_err(|problems| problems.join("\n")).err(), None);
    }

    #[test]
    fn the_page_names_every_keyword() {
        let page = super::text();
        for keyword in config::keyword::all() {
            assert!(page.contains(keyword.name), "{}", keyword.name);
        }
    }
}

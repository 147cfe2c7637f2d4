//! Servers that commands added inherit nothing from `default-server`: where there are such lines,
//! they are written into the servers that do.

use config::Sheet;

use super::{By, Live};

/// Writes `default-server` lines into the servers that they are for, if a server was added where
/// they would reach it.
pub fn inline(live: &Live<'_>, sections: &mut [(By, Sheet)]) {
    let mut reach: Vec<Vec<Vec<u8>>> = Vec::with_capacity(sections.len());
    let mut last: Option<usize> = None;
    for (at, (_, sheet)) in sections.iter().enumerate() {
        let from = sheet.from().and_then(|name| {
            let named = |(_, s): &(By, Sheet)| s.keyword() == "defaults" && s.name() == name;
            sections[..at].iter().rposition(named)
        });
        let parent = match sheet.keyword() {
            "defaults" => from,
            "frontend" | "listen" | "backend" => from.or(last),
            _ => None,
        };
        reach.push(parent.map(|p| all_of(&reach[p], &sections[p].1)).unwrap_or_default());
        if sheet.keyword() == "defaults" {
            last = Some(at);
        }
    }
    let concerned = sections.iter().zip(&reach).any(|((_, sheet), inherited)| {
        sheet.is_back()
            && live.patches.added_to(sheet.name()).next().is_some()
            && !all_of(inherited, sheet).is_empty()
    });
    if !concerned {
        return;
    }
    for ((_, sheet), inherited) in sections.iter_mut().zip(reach) {
        let mut words = inherited;
        for line in &mut sheet.lines {
            let at = match line.word(0) {
                "server" => 3,
                "server-template" => 4,
                "default-server" => {
                    words.extend(line.words.iter().skip(1).cloned());
                    continue;
                }
                _ => continue,
            };
            let at = at.min(line.words.len());
            line.words.splice(at..at, words.iter().cloned());
        }
        sheet.lines.retain(|l| !l.is("default-server"));
    }
}

/// What a section says to the servers behind it, with what it inherited.
fn all_of(inherited: &[Vec<u8>], sheet: &Sheet) -> Vec<Vec<u8>> {
    let own = sheet.lines.iter().filter(|l| l.is("default-server"));
    let own = own.flat_map(|l| l.words.iter().skip(1).cloned());
    inherited.iter().cloned().chain(own).collect()
}

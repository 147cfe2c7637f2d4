//! Numbers of proxies, listeners and servers, where they would not come out as they are by
//! themselves.

use std::collections::HashMap;

use config::{Sheet, SheetLine};
use model::Config;

use super::{By, Live};

/// Which proxies need their number written.
pub struct Numbers<'a> {
    live: HashMap<&'a str, u32>,
    /// Those of the files, too.
    all: bool,
}

fn of(config: &Config) -> HashMap<&str, u32> {
    let backs = config.backends.iter().map(|b| (&*b.name, b.id));
    backs.chain(config.frontends.iter().map(|f| (&*f.name, f.id))).collect()
}

/// Looks at the proxies of the files: their numbers follow from their order only as long as all of
/// them are there and have them.
pub fn proxies<'a>(live: &Live<'a>, sections: &[(By, Sheet)]) -> Numbers<'a> {
    let (now, base) = (of(live.config), of(live.files.0));
    let present = |name: &str| {
        let proxy = |s: &Sheet| s.is_front() || s.is_back();
        sections.iter().any(|(by, s)| *by == By::Files && proxy(s) && s.name() == name)
    };
    let all = base.iter().any(|(name, id)| now.get(name) != Some(id) || !present(name));
    Numbers { live: now, all }
}

impl Numbers<'_> {
    /// Writes the number of a proxy into its section.
    pub fn write(&self, by: By, sheet: &mut Sheet) {
        let proxy = sheet.is_front() || sheet.is_back();
        let needed = self.all || by != By::Files;
        let Some(id) = self.live.get(sheet.name()).filter(|_| proxy && needed) else { return };
        // Containers and files are numbered apart; in one file every number stands once.
        let alone = self.live.values().filter(|other| *other == id).count() == 1;
        if alone || by != By::Containers {
            sheet.set("id", &id.to_string());
        }
    }
}

/// Writes the number of a server or listener into its line.
pub fn write(line: &mut SheetLine, id: u32) {
    line.set_option("id", &id.to_string());
}

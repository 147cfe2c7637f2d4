//! What a run leaves behind: a table to read, a JSON file to compare, the machine it ran on.

mod json;
mod machine;
mod text;

use std::path::{Path, PathBuf};
use std::{fs, io};

pub use machine::Machine;

use crate::scenarios::{Bench, Table};

/// A run with all its tables.
pub struct Run<'a> {
    /// Where.
    pub machine: Machine,
    /// What was compared, and how long.
    pub bench: &'a Bench,
    /// The results.
    pub tables: Vec<Table>,
}

impl Run<'_> {
    /// The tables as Markdown, readable as they are.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!(
            "{}\n\n{} rounds of {} ms; \
             one proxy worker on one CPU, clients and servers on another.\n\
             Ratios: against {} in the same round. Median, with quartiles in brackets.\n",
            self.machine,
            self.bench.rounds,
            self.bench.slice.as_millis(),
            self.reference(),
        );
        for table in &self.tables {
            text.push('\n');
            text.push_str(&text::table(table));
        }
        text
    }

    /// Writes `run.md` and `run.json` into a directory under `runs` named after day and machine.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn save(&self, runs: &Path) -> io::Result<PathBuf> {
        let directory = runs.join(self.machine.run_name());
        fs::create_dir_all(&directory)?;
        fs::write(directory.join("run.md"), self.text())?;
        fs::write(directory.join("run.json"), json::run(self))?;
        Ok(directory)
    }

    fn reference(&self) -> &str {
        let proxy = self.bench.reference().and_then(|place| self.bench.proxies.get(place));
        proxy.map_or("nothing", |proxy| proxy.name.as_str())
    }
}

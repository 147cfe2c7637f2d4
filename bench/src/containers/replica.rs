//! The program in the containers: a server that knows its name, goes on for a while after TERM and
//! leaves a note of when it was asked.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::PORT;
use crate::backend::{Backend, Behaviour, now_ns};
use crate::signals;

/// How it is started.
#[derive(Debug, Clone)]
pub struct Replica {
    /// Its name, which begins with its service.
    pub name: String,
    /// How long it serves after TERM; `None` waits without serving anything.
    pub linger: Option<Duration>,
    /// Where its note goes.
    pub notes: PathBuf,
}

/// What a replica tells when it has ended in order; nanoseconds since 1970, 0 for never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Note {
    /// When it began to listen.
    pub listening_ns: u64,
    /// When TERM came.
    pub stopped_ns: u64,
    /// When the first request came.
    pub first_ns: u64,
    /// When the last request came.
    pub last_ns: u64,
}

impl Note {
    /// Reads the note of this replica, if it has left one.
    #[must_use]
    pub fn of(notes: &Path, name: &str) -> Option<Self> {
        let text = std::fs::read_to_string(notes.join(name)).ok()?;
        let mut words = text.split_whitespace().map(|w| w.parse().ok());
        let mut next = || words.next().flatten();
        Some(Self {
            listening_ns: next()?,
            stopped_ns: next()?,
            first_ns: next()?,
            last_ns: next()?,
        })
    }

    fn write(&self, notes: &Path, name: &str) -> std::io::Result<()> {
        let Self { listening_ns, stopped_ns, first_ns, last_ns } = self;
        let hidden = notes.join(format!(".{name}"));
        std::fs::write(&hidden, format!("{listening_ns} {stopped_ns} {first_ns} {last_ns}\n"))?;
        std::fs::rename(hidden, notes.join(name))
    }
}

impl Replica {
    /// Serves until TERM and as long after it as it is told. Open WebSockets are told to go half
    /// way, and those that came later at the end.
    ///
    /// # Errors
    /// When it cannot listen or write.
    pub fn run(&self) -> std::io::Result<()> {
        signals::hold_term()?;
        let Some(linger) = self.linger else { return signals::wait_for_term() };
        let address = (Ipv4Addr::UNSPECIFIED, PORT).into();
        let backend = Backend::start_at(address, Behaviour::new(&self.name))?;
        let listening_ns = now_ns();
        signals::wait_for_term()?;
        let stopped_ns = now_ns();
        std::thread::sleep(linger / 2);
        backend.farewell();
        std::thread::sleep(linger / 2);
        let (first_ns, last_ns) = backend.first_and_last_ns();
        backend.farewell();
        Note { listening_ns, stopped_ns, first_ns, last_ns }.write(&self.notes, &self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::Note;

    #[test]
    fn notes_come_back() {
        let folder = std::env::temp_dir().join(format!("evenkeel-notes-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let note = Note { listening_ns: 1, stopped_ns: 2, first_ns: 0, last_ns: 4 };
        note.write(&folder, "shop-1").expect("written");
        assert_eq!(Note::of(&folder, "shop-1"), Some(note));
        assert_eq!(Note::of(&folder, "shop-2"), None);
        std::fs::remove_dir_all(&folder).expect("removed");
    }
}

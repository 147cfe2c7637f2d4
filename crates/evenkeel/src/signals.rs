//! Signals as values: what each means depends on the name the program was called under.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// HUP, or USR2 as HAProxy's master takes it: read the configuration now.
    Reload(&'static str),
    /// USR1: stop accepting, finish what is there, within `hard-stop-after`.
    Finish,
    /// TERM.
    Terminate,
    /// INT.
    Interrupt,
}

/// The signals that are listened to.
pub struct Signals {
    hup: Signal,
    usr1: Signal,
    usr2: Signal,
    term: Signal,
    int: Signal,
}

impl Signals {
    /// Listens. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// As the system calls.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            hup: signal(SignalKind::hangup())?,
            usr1: signal(SignalKind::user_defined1())?,
            usr2: signal(SignalKind::user_defined2())?,
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
        })
    }

    /// The next one.
    pub async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.hup.recv() => Asked::Reload("HUP"),
            _ = self.usr2.recv() => Asked::Reload("USR2"),
            _ = self.usr1.recv() => Asked::Finish,
            _ = self.term.recv() => Asked::Terminate,
            _ = self.int.recv() => Asked::Interrupt,
        }
    }
}

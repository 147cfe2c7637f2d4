//! Why and in which phase a session ended (manual 8.5): the session error type.

/// Who or what ended the session: the first letter of the termination code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// `-`: normal.
    #[default]
    None,
    /// `C`: the client aborted.
    ClientAbort,
    /// `S`: the server aborted or refused.
    ServerAbort,
    /// `P`: the proxy refused (rule, security, bad message).
    Proxy,
    /// `L`: answered locally (redirect, return, statistics).
    Local,
    /// `R`: a resource is exhausted.
    Resource,
    /// `I`: internal error.
    Internal,
    /// `D`: killed because the server went down.
    Down,
    /// `U`: killed because a preferred server came up.
    Up,
    /// `K`: killed by an administrator.
    Killed,
    /// `c`: client time-out.
    ClientTimeout,
    /// `s`: server time-out.
    ServerTimeout,
}

/// How far the session was: the second letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum At {
    /// `-`: after the end of the transfer.
    #[default]
    End,
    /// `R`: waiting for a complete request.
    Request,
    /// `Q`: in a queue.
    Queue,
    /// `C`: connecting.
    Connect,
    /// `H`: waiting for response headers.
    Headers,
    /// `D`: transferring data.
    Data,
    /// `L`: last data to the client while the server is done.
    Last,
    /// `T`: in the tarpit.
    Tarpit,
}

/// Cause and phase; prints as two letters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Termination {
    /// First letter.
    pub cause: Cause,
    /// Second letter.
    pub at: At,
}

impl Termination {
    /// A termination.
    #[must_use]
    pub const fn new(cause: Cause, at: At) -> Self {
        Self { cause, at }
    }

    /// The two letters as the log prints them.
    #[must_use]
    pub const fn code(self) -> [u8; 2] {
        let cause = match self.cause {
            Cause::None => b'-',
            Cause::ClientAbort => b'C',
            Cause::ServerAbort => b'S',
            Cause::Proxy => b'P',
            Cause::Local => b'L',
            Cause::Resource => b'R',
            Cause::Internal => b'I',
            Cause::Down => b'D',
            Cause::Up => b'U',
            Cause::Killed => b'K',
            Cause::ClientTimeout => b'c',
            Cause::ServerTimeout => b's',
        };
        let at = match self.at {
            At::End => b'-',
            At::Request => b'R',
            At::Queue => b'Q',
            At::Connect => b'C',
            At::Headers => b'H',
            At::Data => b'D',
            At::Last => b'L',
            At::Tarpit => b'T',
        };
        [cause, at]
    }

    /// Whether the session ended as it should.
    #[must_use]
    pub const fn is_normal(self) -> bool {
        matches!(self.cause, Cause::None | Cause::Local)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_the_letters_of_the_manual() {
        assert_eq!(&Termination::default().code(), b"--");
        assert_eq!(&Termination::new(Cause::ServerTimeout, At::Headers).code(), b"sH");
        assert_eq!(&Termination::new(Cause::ClientAbort, At::Data).code(), b"CD");
        assert_eq!(&Termination::new(Cause::Local, At::Request).code(), b"LR");
    }
}

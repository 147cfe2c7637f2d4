//! What a check can come to, in HAProxy's words (manual 9.1, field `check_status`).

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckStatus {
    /// It said nothing about up or down.
    Checked,
    /// Socket error.
    SockErr,
    /// Connected.
    L4Ok,
    /// No connection in time.
    L4Tout,
    /// Connection refused, reset or impossible.
    L4Con,
    /// TLS handshake done.
    L6Ok,
    /// TLS handshake not done in time.
    L6Tout,
    /// TLS handshake failed.
    L6Rsp,
    /// The answer is right.
    L7Ok,
    /// The answer says: keep what you have, send nothing new.
    L7Okc,
    /// No answer in time.
    L7Tout,
    /// Not the answer that was wanted.
    L7Rsp,
    /// Not the status that was wanted.
    L7Sts,
    /// Traffic showed too many errors (`observe`).
    Hana,
}

/// What it means for the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Good.
    Passed,
    /// Good for those it has, not for new ones.
    Conditional,
    /// Bad.
    Failed,
}

impl CheckStatus {
    const ALL: [Self; 13] = [
        Self::SockErr,
        Self::L4Ok,
        Self::L4Tout,
        Self::L4Con,
        Self::L6Ok,
        Self::L6Tout,
        Self::L6Rsp,
        Self::L7Ok,
        Self::L7Okc,
        Self::L7Tout,
        Self::L7Rsp,
        Self::L7Sts,
        Self::Hana,
    ];

    /// The short word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Checked => "CHECKED",
            Self::SockErr => "SOCKERR",
            Self::L4Ok => "L4OK",
            Self::L4Tout => "L4TOUT",
            Self::L4Con => "L4CON",
            Self::L6Ok => "L6OK",
            Self::L6Tout => "L6TOUT",
            Self::L6Rsp => "L6RSP",
            Self::L7Ok => "L7OK",
            Self::L7Okc => "L7OKC",
            Self::L7Tout => "L7TOUT",
            Self::L7Rsp => "L7RSP",
            Self::L7Sts => "L7STS",
            Self::Hana => "HANA",
        }
    }

    /// The status of a short word (`ok-status`, `error-status`, `tout-status`).
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.word().eq_ignore_ascii_case(word))
    }

    /// The description.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::Checked => "No status change",
            Self::SockErr => "Socket error",
            Self::L4Ok => "Layer4 check passed",
            Self::L4Tout => "Layer4 timeout",
            Self::L4Con => "Layer4 connection problem",
            Self::L6Ok => "Layer6 check passed",
            Self::L6Tout => "Layer6 timeout",
            Self::L6Rsp => "Layer6 invalid response",
            Self::L7Ok => "Layer7 check passed",
            Self::L7Okc => "Layer7 check conditionally passed",
            Self::L7Tout => "Layer7 timeout",
            Self::L7Rsp => "Layer7 invalid response",
            Self::L7Sts => "Layer7 wrong status",
            Self::Hana => "Health analyze",
        }
    }

    /// What it means for the server.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        match self {
            Self::L4Ok | Self::L6Ok | Self::L7Ok => Outcome::Passed,
            Self::L7Okc | Self::Checked => Outcome::Conditional,
            _ => Outcome::Failed,
        }
    }
}

/// A finished check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckResult {
    /// How it ended.
    pub status: CheckStatus,
    /// HTTP status, 0 for a passed tcp-check.
    pub code: Option<u16>,
    /// More, for people.
    pub info: String,
    /// How long it took, milliseconds.
    pub duration_ms: u64,
}

impl CheckResult {
    pub(crate) fn new(status: CheckStatus) -> Self {
        Self { status, code: None, info: String::new(), duration_ms: 0 }
    }

    pub(crate) fn with(status: CheckStatus, code: Option<u16>, info: impl Into<String>) -> Self {
        Self { status, code, info: info.into(), duration_ms: 0 }
    }
}

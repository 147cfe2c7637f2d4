//! The kinds of sections a configuration may have (manual chapter 2, 3, 4 and 12).

/// What a section is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum SectionKind {
    /// `global`: the process.
    Global,
    /// `defaults [name] [from other]`: what later proxies inherit.
    Defaults,
    /// `frontend name`: where clients arrive.
    Frontend,
    /// `listen name`: frontend and backend in one.
    Listen,
    /// `backend name`: servers.
    Backend,
    /// `userlist name`: users and groups.
    Userlist,
    /// `resolvers name`: DNS servers.
    Resolvers,
    /// `peers name`: stick table replication.
    Peers,
    /// `mailers name`: alert mails.
    Mailers,
    /// `cache name`: small object cache.
    Cache,
    /// `http-errors name`: sets of error files.
    HttpErrors,
    /// `ring name`: buffers for logs and traces.
    Ring,
    /// `log-forward name`: syslog relay.
    LogForward,
    /// `log-profile name`: log formats by step.
    LogProfile,
    /// `fcgi-app name`: FastCGI applications.
    FcgiApp,
    /// `crt-store [name]`: certificates by alias.
    CrtStore,
    /// `program name`: commands run beside.
    Program,
    /// `traces`: trace sources.
    Traces,
    /// `acme name`: certificate authorities.
    Acme,
    /// A section whose keyword is not known; its lines are not looked at.
    Unknown,
}

impl SectionKind {
    /// Every known kind.
    pub const ALL: [Self; 19] = [
        Self::Global,
        Self::Defaults,
        Self::Frontend,
        Self::Listen,
        Self::Backend,
        Self::Userlist,
        Self::Resolvers,
        Self::Peers,
        Self::Mailers,
        Self::Cache,
        Self::HttpErrors,
        Self::Ring,
        Self::LogForward,
        Self::LogProfile,
        Self::FcgiApp,
        Self::CrtStore,
        Self::Program,
        Self::Traces,
        Self::Acme,
    ];

    /// The keyword that opens it.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Defaults => "defaults",
            Self::Frontend => "frontend",
            Self::Listen => "listen",
            Self::Backend => "backend",
            Self::Userlist => "userlist",
            Self::Resolvers => "resolvers",
            Self::Peers => "peers",
            Self::Mailers => "mailers",
            Self::Cache => "cache",
            Self::HttpErrors => "http-errors",
            Self::Ring => "ring",
            Self::LogForward => "log-forward",
            Self::LogProfile => "log-profile",
            Self::FcgiApp => "fcgi-app",
            Self::CrtStore => "crt-store",
            Self::Program => "program",
            Self::Traces => "traces",
            Self::Acme => "acme",
            Self::Unknown => "?",
        }
    }

    /// The kind that this keyword opens.
    pub fn from_keyword(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.keyword() == word)
    }

    /// Whether it is one of the four that describe proxies.
    pub fn is_proxy(self) -> bool {
        matches!(self, Self::Defaults | Self::Frontend | Self::Listen | Self::Backend)
    }

    /// Whether a name must follow the keyword.
    pub fn needs_name(self) -> bool {
        !matches!(
            self,
            Self::Global | Self::Defaults | Self::CrtStore | Self::Traces | Self::Unknown
        )
    }

    /// Most words the opening line may have after the keyword; what `ring` and others take
    /// beyond is passed over.
    pub fn max_args(self) -> usize {
        match self {
            Self::Global | Self::Traces => 0,
            Self::Defaults | Self::Frontend | Self::Listen | Self::Backend => 3,
            Self::Unknown | Self::Ring => usize::MAX,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_keyword_leads_back_to_its_kind() {
        for kind in SectionKind::ALL {
            assert_eq!(SectionKind::from_keyword(kind.keyword()), Some(kind));
        }
        assert_eq!(SectionKind::from_keyword("Frontend"), None);
    }
}

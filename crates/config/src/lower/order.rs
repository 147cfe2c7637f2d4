//! The order in which rules run, against the order in which they were written (manual 4.2).

/// Kinds of rules in the order in which a request meets them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RuleKind {
    /// `tcp-request connection`.
    Connection,
    /// `tcp-request session`.
    Session,
    /// `tcp-request content`.
    Content,
    /// `monitor fail`.
    Monitor,
    /// `http-request`.
    Http,
    /// `redirect`.
    Redirect,
    /// `use_backend`.
    UseBackend,
    /// `use-server`.
    UseServer,
}

impl RuleKind {
    /// The keyword.
    pub(crate) fn keyword(self) -> &'static str {
        match self {
            Self::Connection => "tcp-request connection",
            Self::Session => "tcp-request session",
            Self::Content => "tcp-request content",
            Self::Monitor => "monitor fail",
            Self::Http => "http-request",
            Self::Redirect => "redirect",
            Self::UseBackend => "use_backend",
            Self::UseServer => "use-server",
        }
    }
}

/// Which kinds of rules a section has had so far.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RuleOrder(u8);

impl RuleOrder {
    /// Notes a rule; gives the earliest kind that was written before it although it runs later.
    pub(crate) fn saw(&mut self, kind: RuleKind) -> Option<RuleKind> {
        const ALL: [RuleKind; 8] = [
            RuleKind::Connection,
            RuleKind::Session,
            RuleKind::Content,
            RuleKind::Monitor,
            RuleKind::Http,
            RuleKind::Redirect,
            RuleKind::UseBackend,
            RuleKind::UseServer,
        ];
        let bit = |kind: RuleKind| 1_u8 << (kind as u8);
        let later = ALL.into_iter().find(|other| *other > kind && self.0 & bit(*other) != 0);
        self.0 |= bit(kind);
        later
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_runs_later_is_named() {
        let mut order = RuleOrder::default();
        assert_eq!(order.saw(RuleKind::Http), None);
        assert_eq!(order.saw(RuleKind::UseBackend), None);
        assert_eq!(order.saw(RuleKind::Redirect), Some(RuleKind::UseBackend));
        assert_eq!(order.saw(RuleKind::Content), Some(RuleKind::Http));
    }
}

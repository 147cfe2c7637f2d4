//! What is known about a server: a product of facts, not one enum.

/// One reason of an administrator (or of the environment) to keep traffic away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum AdminReason {
    /// `disabled` in the configuration.
    ConfigMaint = 1,
    /// `set server ... state maint` at run time.
    RuntimeMaint = 2,
    /// The server it tracks is in maintenance.
    InheritedMaint = 4,
    /// Its name does not resolve.
    Unresolved = 8,
    /// Drain asked at run time.
    RuntimeDrain = 16,
    /// The server it tracks is in drain.
    InheritedDrain = 32,
    /// Its container received its stop signal.
    Stopping = 64,
}

/// A set of [`AdminReason`]s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AdminReasons(pub u8);

impl AdminReasons {
    /// Whether the reason is in the set.
    #[must_use]
    pub fn has(self, r: AdminReason) -> bool {
        self.0 & r as u8 != 0
    }
    /// The set with the reason.
    #[must_use]
    pub fn with(self, r: AdminReason) -> Self {
        Self(self.0 | r as u8)
    }
    /// The set without the reason.
    #[must_use]
    pub fn without(self, r: AdminReason) -> Self {
        Self(self.0 & !(r as u8))
    }
    /// In maintenance: nothing new, not even sticky clients.
    #[must_use]
    pub fn is_maint(self) -> bool {
        const MAINT: u8 = AdminReason::ConfigMaint as u8
            | AdminReason::RuntimeMaint as u8
            | AdminReason::InheritedMaint as u8
            | AdminReason::Unresolved as u8
            | AdminReason::Stopping as u8;
        self.0 & MAINT != 0
    }
    /// In drain: only sticky clients.
    #[must_use]
    pub fn is_drain(self) -> bool {
        const DRAIN: u8 = AdminReason::RuntimeDrain as u8 | AdminReason::InheritedDrain as u8;
        self.0 & DRAIN != 0
    }
}

/// What checks and observed traffic say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Operational {
    /// Down.
    Down = 0,
    /// Up, warming up (`slowstart`).
    Starting = 1,
    /// Up.
    Running = 2,
    /// Up but asked to get nothing new (`disable-on-404`).
    Stopping = 3,
}

/// Where the rise/fall counter stands, for status pages ("UP 1/3").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckState {
    /// Whether the server is checked at all.
    pub checked: bool,
    /// Consecutive results in the direction of a change.
    pub streak: u32,
    /// Results needed for the change.
    pub needed: u32,
}

/// All facts about one server's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerStatus {
    /// Reasons of administrators.
    pub admin: AdminReasons,
    /// What checks say.
    pub operational: Operational,
    /// Rise/fall progress.
    pub check: CheckState,
}

impl ServerStatus {
    /// May take new sessions that are not sticky.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !self.admin.is_maint()
            && !self.admin.is_drain()
            && matches!(self.operational, Operational::Running | Operational::Starting)
    }
}

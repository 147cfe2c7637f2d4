//! What the control wing asks of the data plane; the binary implements it over the engine.

use std::fmt;

use model::{Address, Name, Operational, Origin, Snapshot};

/// The data plane as the control wing sees it.
pub trait DataPlane {
    /// Makes a snapshot the running one, whole or not at all.
    ///
    /// # Errors
    /// [`Refusal`]; what was running goes on untouched.
    fn apply(&self, snapshot: &Snapshot) -> Result<Opened, Refusal>;

    /// Carries out one order about a server that is running.
    ///
    /// # Errors
    /// When there is no such backend or server, or the value is out of range.
    fn order(&self, order: &ServerOrder) -> Result<(), OrderError>;
}

/// What an applied snapshot did to listening addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Listened on now and not before.
    pub opened: Vec<Address>,
    /// No longer listened on.
    pub closed: Vec<Address>,
}

/// Why the data plane kept the running snapshot.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// A newer generation is running.
    OldGeneration {
        /// The running one.
        running: u64,
    },
    /// Addresses that could not be opened, all of them.
    Binds(Vec<BindRefusal>),
    /// Threads, memory or descriptors ran out.
    Resources(String),
}

/// One listening address that could not be opened.
#[derive(Clone, Debug, PartialEq)]
pub struct BindRefusal {
    /// The frontend that wants it.
    pub frontend: Name,
    /// The address.
    pub address: Address,
    /// Where it is configured.
    pub origin: Origin,
    /// The system's reason.
    pub reason: String,
}

impl Refusal {
    /// Whether the same snapshot may succeed later without anybody changing it.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        !matches!(self, Self::OldGeneration { .. })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OldGeneration { running } => {
                write!(f, "generation {running} is running and newer")
            }
            Self::Resources(reason) => f.write_str(reason),
            Self::Binds(list) => {
                for (i, b) in list.iter().enumerate() {
                    let separator = if i == 0 { "" } else { "\n" };
                    write!(
                        f,
                        "{separator}{}: frontend {} cannot listen on {}: {}",
                        b.origin, b.frontend, b.address, b.reason
                    )?;
                }
                Ok(())
            }
        }
    }
}

/// An order about one running server, as the runtime API gives it (manual 9.3, `set server`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOrder {
    /// Backend.
    pub backend: Name,
    /// Server.
    pub server: Name,
    /// What to do.
    pub what: ServerOrderKind,
}

/// What a [`ServerOrder`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerOrderKind {
    /// `health up`, `stopping`, `down`: as if checks had found that.
    Health(Operational),
    /// `enable health`, `disable health`.
    Checks(bool),
    /// `enable agent`, `disable agent`.
    Agent(bool),
    /// `agent up`, `agent down`: as if its agent had said that.
    AgentSays(bool),
    /// `shutdown sessions server`: whoever is served is cut off.
    Shutdown,
    /// `state ready`: ends maintenance and drain asked at run time.
    Ready,
    /// `state drain`: only sticky clients.
    Drain,
    /// `state maint`: nothing new, no checks.
    Maintenance,
    /// `weight N`: 0 to 256.
    Weight(u16),
    /// `weight N%`: 0 to 100 percent of the configured weight.
    WeightPercent(u16),
}

/// Why an order was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderError {
    /// No backend of this name.
    NoBackend,
    /// No server of this name in the backend.
    NoServer,
    /// The algorithm does not allow weights other than 0 and 100 percent at run time.
    FixedWeight,
    /// The value is out of range.
    Range,
    /// Its health is not checked.
    NoCheck,
    /// It has no agent, or nobody asks it now.
    NoAgent,
}

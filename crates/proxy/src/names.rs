//! Who asks the DNS for `do-resolve`: the data plane knows no name servers.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;

use model::observed::Question;

/// The address to come; `None` = the name has none, nobody answers, or too many wait already.
pub type Resolving = Pin<Box<dyn Future<Output = Option<IpAddr>> + Send>>;

/// Asks for names on behalf of sessions. Every question ends within the times of its `resolvers`
/// section, so that sessions need no limit of their own.
pub trait NameService: Send + Sync {
    /// Begins to ask.
    fn resolve(&self, question: Question) -> Resolving;
}

//! What HTTP requests and TCP sessions share: routing, choosing a server, reaching it, the end.

pub mod abort;
pub mod assign;
pub mod connect;
pub mod exchange;
pub mod finish;
mod key;
pub mod persistence;
pub mod phase;
pub mod resolve;
pub mod route;
mod scratch;
pub mod subject;

pub use scratch::ScratchShelf;

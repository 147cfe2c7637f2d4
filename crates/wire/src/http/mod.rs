//! The vocabulary of HTTP shared by every version: methods, versions, statuses, names, tokens.

mod known;
mod method;
pub(crate) mod scan;
mod status;
pub mod token;
mod version;

pub use known::{FieldName, Known, KnownSet};
pub use method::Method;
pub use status::{append_decimal, append_hex, reason_phrase};
pub use version::Version;

//! Lists of patterns, and of patterns with values, that can be changed while they are looked up:
//! files named by `-f` and maps, and the patterns of an ACL line (manual 7.1, management 9.3).
//!
//! A [`PatternCell`] holds the entries under a lock. What looks them up asks an index, one for
//! each way of matching, which is replaced as a whole: looking up takes no lock.
mod cell;
mod index;
mod registry;
mod table;

use std::sync::Arc;

pub use cell::{PatternCell, PatternError, PatternKey, PatternUse};
pub use index::{Found, ValueKind};
pub(crate) use index::{Kind, Operator, operand};
pub(crate) use registry::alone;
pub use registry::{PatternFile, PatternList, PatternStore, Registry};

/// A pattern, and its value in a map.
#[derive(Debug)]
pub struct Entry {
    /// Names it among the entries of its list, in the order in which they came.
    pub seq: u64,
    /// Line of the file, 0 when it came otherwise.
    pub line: u32,
    /// The pattern as it was written.
    pub key: Arc<[u8]>,
    /// The value as it was written.
    pub value: Option<Arc<[u8]>>,
}

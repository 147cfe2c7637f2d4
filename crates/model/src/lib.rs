//! The validated nouns of a configuration, their identities, the Snapshot and its diff.
#![forbid(unsafe_code)]

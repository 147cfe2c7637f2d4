//! Expressions, ACLs and formats against an in-memory subject.
mod acls;
mod golden;
mod properties;
mod subject;

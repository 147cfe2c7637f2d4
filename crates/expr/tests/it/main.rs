//! Expressions, ACLs and formats against an in-memory subject.
mod acls;
mod golden;
mod lists;
mod logs;
mod places;
mod properties;
mod subject;

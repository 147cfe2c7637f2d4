//! Users and groups for basic authentication (manual 12.2, `userlist`).

use crate::Name;

/// A `userlist` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Userlist {
    /// Section name.
    pub name: Name,
    /// Its users; group membership written at either end is already merged in.
    pub users: expr::auth::Userlist,
}

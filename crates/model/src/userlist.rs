//! Users and groups for basic authentication (manual 12.2, `userlist`).

use crate::Name;

/// A `userlist` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Userlist {
    /// Section name.
    pub name: Name,
    /// Its users; group membership written at either end is already merged in.
    pub users: Vec<User>,
    /// Groups that are declared.
    pub groups: Vec<Name>,
}

/// One user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: Name,
    /// The password: a crypt(3) hash, or plain text when `insecure`.
    pub password: Name,
    /// `insecure-password`.
    pub insecure: bool,
    /// Groups the user is in.
    pub groups: Vec<Name>,
}

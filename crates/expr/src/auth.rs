//! Lists of users for HTTP authentication (manual 12.2): who, with which password, in which groups.
use std::collections::BTreeMap;
use std::fmt;

/// How a password is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum Password {
    /// `insecure-password`: in clear.
    Plain(String),
    /// `password`: a crypt(3) hash.
    Crypt(String),
}

impl fmt::Debug for Password {
    /// Never prints the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain(..)",
            Self::Crypt(_) => "Crypt(..)",
        })
    }
}

/// One user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The password, if the user may log in at all.
    pub password: Password,
    /// Groups of the user.
    pub groups: Vec<String>,
}

/// A `userlist` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Userlist {
    /// Users by name.
    pub users: BTreeMap<String, User>,
}

impl Userlist {
    /// The user if name and password are right.
    pub fn verify(&self, name: &[u8], password: &[u8]) -> Option<&User> {
        let user = self.users.get(std::str::from_utf8(name).ok()?)?;
        let good = match &user.password {
            Password::Plain(secret) => same(secret.as_bytes(), password),
            Password::Crypt(hash) => crypt_matches(hash, password),
        };
        good.then_some(user)
    }
}

/// Whether the request carries name and password of one of these users (Basic scheme).
pub fn is_authenticated(subject: &dyn crate::Subject, list: &Userlist) -> bool {
    crate::fetches::auth::basic(subject).found().is_some_and(|(user, password)| {
        // The check takes its time whether or not there is such a user.
        list.verify(&user, &password).is_some()
    })
}

/// Compares without telling by its duration where the difference is.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |acc, (x, y)| acc | (x ^ y)) == 0
}

fn crypt_matches(hash: &str, password: &[u8]) -> bool {
    pwhash::unix::verify(password, hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_hashes_of_crypt() {
        for hash in [
            "abzlUXK5ed5rs",
            "$1$abcdefgh$IQtUouv7y7Q9dRWkQEPCc.",
            "$5$abcdefgh$ijtOJ//yvc/9bq1g0llFn9dB688BwBDRD90DlKKSKE1",
            concat!(
                "$6$abcdefgh$KQeXafAQAaOoKTevphVU215RvJdgzyfASRasIOuh12hO8u0r1bGW92ZnTmC9IjsiQ8",
                "VPiTXBiZF49dFL1U4wX/"
            ),
        ] {
            assert!(crypt_matches(hash, b"pw"), "{hash}");
            assert!(!crypt_matches(hash, b"pW"), "{hash}");
        }
        assert!(!crypt_matches("nonsense", b"pw"));
    }

    #[test]
    fn verifies_users() {
        let user = User { password: Password::Plain("s".to_owned()), groups: Vec::new() };
        let list = Userlist { users: [("u".to_owned(), user)].into() };
        assert!(list.verify(b"u", b"s").is_some());
        assert!(list.verify(b"u", b"S").is_none());
        assert!(list.verify(b"v", b"s").is_none());
        assert!(!format!("{list:?}").contains("\"s\""));
    }
}

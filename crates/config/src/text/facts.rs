//! What conditions may ask about the program that reads the file (manual chapter 2.4).

use super::env::Environment;

/// Answers to `feature()`, `enabled()` and the version predicates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The HAProxy version whose language this is, such as `3.2.26`.
    pub version: String,
    /// Names that `feature()` finds.
    pub features: Vec<String>,
    /// Names that `enabled()` finds.
    pub enabled: Vec<String>,
    /// The TLS library's name, for `ssllib_name_startswith()`.
    pub ssl_library: String,
    /// The OpenSSL version whose interface it offers.
    pub openssl_version: String,
    /// The AWS-LC interface number, when that is the library.
    pub awslc_api: Option<u32>,
    /// Diagnostic mode (`-dD`): `.diag` speaks up.
    pub diagnostic_mode: bool,
}

/// Names that HAProxy builds may have and this program has not: `-NAME` in a list of features.
pub const ABSENT_FEATURES: &[&str] = &[
    "DEVICEATLAS",
    "LUA",
    "NS",
    "OPENSSL",
    "PCRE",
    "PCRE2",
    "QUIC",
    "SLZ",
    "SSL",
    "TPROXY",
    "WURFL",
    "ZLIB",
];

/// The version of HAProxy's language that is spoken here.
pub const LANGUAGE_VERSION: &str = "3.2.26";

impl Facts {
    /// Sets the variables that HAProxy defines itself (manual chapter 2.3), whatever they were:
    /// version, branch and log formats. `HAPROXY_LOCALPEER` is the caller's to set.
    pub fn publish(&self, environment: &mut Environment) {
        let variables = [
            ("HAPROXY_BRANCH", self.branch()),
            ("HAPROXY_STARTUP_VERSION", &self.version),
            ("HAPROXY_HTTP_LOG_FMT", expr::HTTP),
            ("HAPROXY_HTTP_CLF_LOG_FMT", expr::HTTP_CLF),
            ("HAPROXY_HTTPS_LOG_FMT", expr::HTTPS),
            ("HAPROXY_TCP_LOG_FMT", expr::TCP),
            ("HAPROXY_TCP_CLF_LOG_FMT", expr::TCP_CLF),
        ];
        for (name, value) in variables {
            environment.set(name, value);
        }
    }

    /// Major and minor number of the version, such as `3.2` (`HAPROXY_BRANCH`).
    pub fn branch(&self) -> &str {
        let end = self.version.match_indices('.').nth(1).map(|(at, _)| at);
        &self.version[..end.unwrap_or(self.version.len())]
    }
}

impl Default for Facts {
    fn default() -> Self {
        let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
        Self {
            version: LANGUAGE_VERSION.to_owned(),
            features: names(&[
                "ACCEPT4",
                "CPU_AFFINITY",
                "CRYPT_H",
                "EPOLL",
                "GETADDRINFO",
                "LINUX_SPLICE",
                "POLL",
                "PRCTL",
                "PROMEX",
                "TFO",
                "THREAD",
            ]),
            enabled: names(&[
                "EPOLL",
                "FAST-FORWARD",
                "GETADDRINFO",
                "POLL",
                "REUSEPORT",
                "SPLICE",
            ]),
            ssl_library: "AWS-LC".to_owned(),
            openssl_version: "1.1.1".to_owned(),
            awslc_api: Some(35),
            diagnostic_mode: false,
        }
    }
}

/// A version as HAProxy orders them: development versions come before the release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Version {
    numbers: [u32; 2],
    released: bool,
    last: u32,
}

impl Version {
    /// `3.2.26`, `3.3-dev4`, `2.8`; what is missing or no number counts as zero.
    pub(crate) fn parse(text: &str) -> Self {
        let (release, suffix) = text.split_once('-').unwrap_or((text, ""));
        let mut parts = release.split('.').map(leading_number);
        let numbers = [parts.next().unwrap_or(0), parts.next().unwrap_or(0)];
        match suffix.strip_prefix("dev") {
            Some(dev) => Self { numbers, released: false, last: leading_number(dev) },
            None => Self { numbers, released: true, last: parts.next().unwrap_or(0) },
        }
    }
}

/// `1.1.1w` and `3.5.0` as numbers that can be compared; the letter counts last.
pub(crate) fn openssl_version(text: &str) -> [u32; 4] {
    let mut parts = text.split('.').map(leading_number);
    let mut next = || parts.next().unwrap_or(0);
    let numbers = [next(), next(), next()];
    let letter = text.bytes().last().filter(u8::is_ascii_lowercase);
    [numbers[0], numbers[1], numbers[2], letter.map_or(0, |l| u32::from(l - b'a') + 1)]
}

fn leading_number(text: &str) -> u32 {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_sort_as_haproxy_sorts_them() {
        let sorted = ["x", "2.4-dev19", "2.4", "2.4.1", "2.10", "3.2-dev5", "3.2.26", "3.3-dev0"];
        for pair in sorted.windows(2) {
            assert!(Version::parse(pair[0]) < Version::parse(pair[1]), "{pair:?}");
        }
        assert_eq!(Version::parse("3.2.26-1"), Version::parse("3.2.26"));
        assert!(openssl_version("1.1.1") < openssl_version("1.1.1w"));
        assert!(openssl_version("1.1.1w") < openssl_version("3.0"));
    }

    #[test]
    fn the_branch_has_two_numbers() {
        assert_eq!(Facts::default().branch(), "3.2");
        assert_eq!(Facts { version: "3".to_owned(), ..Facts::default() }.branch(), "3");
    }
}

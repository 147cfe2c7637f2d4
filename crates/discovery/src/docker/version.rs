//! The version of the API that both sides speak, said in every request: an engine that is asked
//! without one answers by its newest, which the library may not know yet.

use bollard::{ClientVersion, Docker};

/// The oldest version that has all that is asked for: that of Docker 1.12.
const OLDEST: (usize, usize) = (1, 24);

/// A client that keeps to the version it has negotiated.
///
/// # Errors
/// When the engine is too old, and what helps.
pub fn agreed(docker: Docker) -> Result<Docker, String> {
    let version = docker.client_version();
    if (version.major_version, version.minor_version) < OLDEST {
        let (major, minor) = OLDEST;
        return Err(format!(
            "it speaks the API up to version {version}, evenkeel from {major}.{minor} on: use a \
             newer engine (Docker 1.12 or later)"
        ));
    }
    // The library makes addresses with the version, and loses it where it adds the path (0.21).
    Ok(docker.with_request_modifier(move |mut request| {
        if let Ok(uri) = versioned(&request.uri().to_string(), &version).parse() {
            *request.uri_mut() = uri;
        }
        request
    }))
}

/// An address `SCHEME://HOST/PATH` with the version before its path, once.
pub fn versioned(uri: &str, version: &ClientVersion) -> String {
    let host = uri.find("://").map_or(0, |at| at + 3);
    let path = uri[host..].find('/').map_or(uri.len(), |at| host + at);
    let (host, path) = uri.split_at(path);
    let prefix = format!("/v{version}");
    match path.strip_prefix(&prefix).is_some_and(|rest| rest.starts_with('/')) {
        true => uri.to_owned(),
        false => format!("{host}{prefix}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_stands_before_the_path_once() {
        let version = ClientVersion { major_version: 1, minor_version: 41 };
        let path = |uri| versioned(uri, &version);
        assert_eq!(path("unix://2f72/info"), "unix://2f72/v1.41/info");
        assert_eq!(path("http://a:1/events?since=1"), "http://a:1/v1.41/events?since=1");
        assert_eq!(path("http://a:1/v1.41/info"), "http://a:1/v1.41/info");
        assert_eq!(path("http://a:1/v1.4/x"), "http://a:1/v1.41/v1.4/x");
        assert_eq!(path(""), "/v1.41");
    }
}

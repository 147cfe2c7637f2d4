//! Which requests an engine gets to see from balancers: those that read what is needed, written
//! anew so that nothing else rides along.

/// Calls of the Docker API that read what a balancer needs.
const CALLS: [&str; 8] =
    ["/_ping", "/version", "/info", "/events", "/containers/json", "/services", "/tasks", "/nodes"];
/// Header fields that the engine gets.
const FIELDS: &str = "Host: docker\r\nConnection: close\r\n";
/// Longest name or id of a container.
const NAME_MAX: usize = 256;

/// The request that the engine gets, or why it gets none. Only the request line counts: header
/// fields and a body are not passed on, and the connection ends with the answer.
///
/// # Errors
/// A reason for the one who asked.
pub fn admit(head: &[u8]) -> Result<String, String> {
    let line = head.split(|b| *b == b'\r').next().unwrap_or_default();
    let line = std::str::from_utf8(line).map_err(|_| "this is no request".to_owned())?;
    let words: Vec<&str> = line.split(' ').collect();
    let [method, target, "HTTP/1.1" | "HTTP/1.0"] = words[..] else {
        return Err("this is no request".to_owned());
    };
    if !matches!(method, "GET" | "HEAD") {
        return Err(format!("only GET is passed on, not {}", shown(method)));
    }
    if !target.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
        return Err("the path has bytes that none has".to_owned());
    }
    let path = target.split('?').next().unwrap_or_default();
    match reads(unversioned(path)) {
        true => Ok(format!("{method} {target} HTTP/1.1\r\n{FIELDS}\r\n")),
        false => Err(format!("{} is not passed on", shown(path))),
    }
}

/// The path without `/v1.41`.
fn unversioned(path: &str) -> &str {
    let Some((version, _)) = path.strip_prefix("/v").and_then(|p| p.split_once('/')) else {
        return path;
    };
    let good = !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if good { &path[2 + version.len()..] } else { path }
}

fn reads(path: &str) -> bool {
    if CALLS.contains(&path) {
        return true;
    }
    let name = path.strip_prefix("/containers/").and_then(|p| p.strip_suffix("/json"));
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    name.is_some_and(|n| {
        (1..=NAME_MAX).contains(&n.len()) && n.bytes().all(good) && n.bytes().any(|b| b != b'.')
    })
}

/// Little enough for a message.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admitted(line: &str) -> bool {
        admit(format!("{line} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).is_ok()
    }

    #[test]
    fn what_is_read_passes_and_nothing_else() {
        for line in [
            "GET /_ping",
            "HEAD /_ping",
            "GET /version",
            "GET /v1.24/info",
            "GET /v1.52/events?since=1&filters=%7B%7D",
            "GET /containers/json?all=true",
            "GET /v1.41/containers/0123abcdef/json",
            "GET /v1.41/tasks?filters=%7B%7D",
            "GET /services",
            "GET /v1.44/nodes",
        ] {
            assert!(admitted(line), "{line}");
        }
        for line in [
            "POST /containers/create",
            "DELETE /v1.41/containers/a",
            "POST /v1.41/containers/a/json",
            "GET /containers/a/archive?path=/etc",
            "GET /containers/a/logs",
            "GET /containers/../images/json",
            "GET /containers/a/b/json",
            "GET /containers/%61/json",
            "GET /images/json",
            "GET /secrets",
            "GET /services/a/logs",
            "GET /swarm/unlockkey",
            "POST /services/create",
            "DELETE /services/a",
            "POST /nodes/a/update",
            "GET /v1.41/v1.41/info",
            "GET /vx/info",
            "GET http://docker/info",
            "GET //info",
            "GET /info\u{7f}",
            "get /info",
            "GET  /info",
        ] {
            assert!(!admitted(line), "{line}");
        }
    }

    #[test]
    fn nothing_rides_along() {
        let head =
            b"GET /info HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\nUpgrade: tcp\r\n\r\nPOST /";
        let passed = admit(head).expect("passed on");
        assert_eq!(passed, "GET /info HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n");
        assert!(admit(b"GET /info\nX: HTTP/1.1\r\n\r\n").is_err());
        assert!(admit(b"\xff\xfe\r\n\r\n").is_err());
        assert!(admit(b"").is_err());
    }
}

//! What a hash algorithm hashes, taken from the request.

use balance::{Key, UriOptions};
use model::{Algorithm, Backend, HashFunction};

use super::exchange::Exchange;

/// The key of a request, `None` where the algorithm has none (round robin then). `text` holds
/// what has to be made.
pub fn of<'a>(ex: &'a Exchange, backend: &'a Backend, text: &'a mut Vec<u8>) -> Option<Key<'a>> {
    let head = &ex.memory.request;
    match &backend.algorithm {
        Algorithm::Source => ex.facts.src.get().map(|a| Key::Hash(balance::source_key(a.ip()))),
        Algorithm::Uri { len, depth, whole, path_only } => {
            let options =
                UriOptions { len: *len, depth: *depth, whole: *whole, path_only: *path_only };
            Some(Key::Bytes(balance::uri_key(head.target(), options)))
        }
        Algorithm::UrlParam { name, check_post } => {
            let found = head.query().and_then(|q| param_value(q, name.as_bytes()));
            let body = || {
                let body = ex.waited_body.as_deref().filter(|_| *check_post)?;
                param_value(body, name.as_bytes())
            };
            found.or_else(body).map(Key::Bytes)
        }
        Algorithm::Hdr { name, use_domain_only } => {
            let value = head.value(name, -1)?;
            Some(Key::Bytes(if *use_domain_only { balance::host_domain_key(value) } else { value }))
        }
        Algorithm::Hash(expression) => {
            let sample = expression.eval(ex).found()?;
            match sample {
                expr::Sample::Int(n) if backend.hash_type.function == HashFunction::None => {
                    return Some(Key::Hash(n as u32));
                }
                // Numbers and addresses are hashed as HAProxy holds them: in network order.
                expr::Sample::Int(n) => text.extend_from_slice(&n.to_be_bytes()),
                expr::Sample::V4(ip) => text.extend_from_slice(&ip.octets()),
                expr::Sample::V6(ip) => text.extend_from_slice(&ip.octets()),
                other => text.extend_from_slice(&other.into_bytes()),
            }
            Some(Key::Bytes(text))
        }
        _ => None,
    }
}

/// The value of one parameter of a query or form body.
fn param_value<'a>(query: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    query
        .split(|b| matches!(b, b'&' | b';'))
        .filter_map(|item| {
            let at = memchr::memchr(b'=', item)?;
            (&item[..at] == name).then(|| &item[at + 1..])
        })
        .next()
}

#[cfg(test)]
mod tests {
    use super::param_value;

    #[test]
    fn parameters_are_found_by_exact_name() {
        assert_eq!(param_value(b"xid=1&id=2&id=3", b"id"), Some(&b"2"[..]));
        assert_eq!(param_value(b"id=&a", b"id"), Some(&b""[..]));
        assert_eq!(param_value(b"id&a=1", b"id"), None);
    }
}

//! `do-resolve`: a session waits for the DNS, and its worker goes on with all others meanwhile.

use expr::{Sample, Subject};
use model::DoResolve;
use model::observed::Question;

use super::exchange::Exchange;

/// Longest name that is asked for (RFC 1035 section 3.1 allows 255 bytes on the wire).
const NAME_MAX_BYTES: usize = 253;

/// Asks for the name that the expression gives and stores its address. Where there is none, the
/// variable stays as it was (manual 4.4).
pub async fn run(ex: &mut Exchange, action: &DoResolve) {
    let Some(service) = ex.worker.shared.names.clone() else { return };
    let name = match action.name.eval(&*ex).found().map(Sample::into_bytes) {
        Some(name) if !name.is_empty() && name.len() <= NAME_MAX_BYTES => name,
        _ => return,
    };
    // Names compare without regard to case: one question for all spellings.
    let Ok(name) = String::from_utf8(name.to_ascii_lowercase()) else { return };
    let question = Question {
        resolvers: action.resolvers.clone(),
        name: name.into(),
        prefer_ipv6: action.prefer_ipv6,
    };
    if let Some(ip) = service.resolve(question).await {
        let value = match ip {
            std::net::IpAddr::V4(ip) => Sample::V4(ip),
            std::net::IpAddr::V6(ip) => Sample::V6(ip),
        };
        ex.set_variable(&action.variable, Some(value));
    }
}

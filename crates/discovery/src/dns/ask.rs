//! One resolution of a name: families, retries, name servers, and the records of an answer.

use std::collections::HashMap;
use std::net::IpAddr;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use model::Resolvers;
use model::observed::{NameFailure, NameRecord, Question};

use super::exchange::exchange;

/// Targets of SRV records that are asked for when an answer does not bring their addresses.
const TARGETS_MAX: usize = 64;

type Answer = Result<Vec<NameRecord>, NameFailure>;

/// What the name stands for now.
pub(super) async fn resolve(question: &Question, resolvers: &Resolvers) -> Answer {
    let Ok(mut name) = Name::from_ascii(&*question.name) else {
        return Err(NameFailure::NoSuchName);
    };
    name.set_fqdn(true);
    if question.name.starts_with('_') {
        return services(&name, question.prefer_ipv6, resolvers).await;
    }
    let addresses = addresses(&name, question.prefer_ipv6, resolvers).await?;
    Ok(addresses.into_iter().map(|ip| NameRecord { ip, service: None }).collect())
}

/// The addresses of one family: the preferred one, where there are any.
async fn addresses(
    name: &Name,
    prefer_ipv6: bool,
    resolvers: &Resolvers,
) -> Result<Vec<IpAddr>, NameFailure> {
    let families = match prefer_ipv6 {
        true => [RecordType::AAAA, RecordType::A],
        false => [RecordType::A, RecordType::AAAA],
    };
    let mut last = NameFailure::Timeout;
    for family in families {
        match ask(name, family, resolvers).await {
            Ok(message) => {
                let found = addresses_in(&message.answers, family, None);
                if !found.is_empty() {
                    return Ok(found);
                }
                last = NameFailure::Empty;
            }
            // Whoever does not answer will not answer the other question.
            Err(NameFailure::Timeout) => return Err(NameFailure::Timeout),
            // That one family is unknown is no news where the other is only empty.
            Err(failure) if last != NameFailure::Empty => last = failure,
            Err(_) => {}
        }
    }
    Err(last)
}

/// The services of an SRV name (RFC 2782), each with the first address of its target.
async fn services(name: &Name, prefer_ipv6: bool, resolvers: &Resolvers) -> Answer {
    let message = ask(name, RecordType::SRV, resolvers).await?;
    let mut known: HashMap<Name, Option<IpAddr>> = HashMap::new();
    let mut found = Vec::new();
    for record in &message.answers {
        let RData::SRV(service) = &record.data else { continue };
        // "." says that the service is decidedly not there.
        if service.target.is_root() {
            continue;
        }
        let ip = match known.get(&service.target) {
            Some(ip) => *ip,
            None if known.len() < TARGETS_MAX => {
                let ip = target(&service.target, prefer_ipv6, resolvers, &message).await;
                known.insert(service.target.clone(), ip);
                ip
            }
            None => None,
        };
        if let Some(ip) = ip {
            found.push(NameRecord { ip, service: Some((service.port, service.weight)) });
        }
    }
    if found.is_empty() { Err(NameFailure::Empty) } else { Ok(found) }
}

async fn target(
    name: &Name,
    prefer_ipv6: bool,
    resolvers: &Resolvers,
    message: &Message,
) -> Option<IpAddr> {
    let brought = |family| addresses_in(&message.additionals, family, Some(name)).first().copied();
    let (v4, v6) = (brought(RecordType::A), brought(RecordType::AAAA));
    match if prefer_ipv6 { v6.or(v4) } else { v4.or(v6) } {
        Some(ip) => Some(ip),
        None => addresses(name, prefer_ipv6, resolvers).await.ok()?.first().copied(),
    }
}

/// Addresses of a family in these records, of one owner or of whomever a chain of aliases led to.
fn addresses_in(
    records: &[hickory_proto::rr::Record],
    family: RecordType,
    owner: Option<&Name>,
) -> Vec<IpAddr> {
    let of_owner = |name: &Name| owner.is_none_or(|owner| owner.eq_ignore_root(name));
    let mut found = Vec::new();
    for record in records.iter().filter(|r| of_owner(&r.name)) {
        let ip: IpAddr = match (&record.data, family) {
            (RData::A(a), RecordType::A) => a.0.into(),
            (RData::AAAA(aaaa), RecordType::AAAA) => aaaa.0.into(),
            _ => continue,
        };
        if !found.contains(&ip) {
            found.push(ip);
        }
    }
    found
}

/// Asks all name servers at once, as often as `resolve_retries` says while none answers.
async fn ask(name: &Name, kind: RecordType, resolvers: &Resolvers) -> Result<Message, NameFailure> {
    let mut last = NameFailure::Timeout;
    for _ in 0..resolvers.retries.max(1) {
        let mut answers: FuturesUnordered<_> = resolvers
            .nameservers
            .iter()
            .map(|server| exchange(server, name, kind, resolvers))
            .collect();
        last = NameFailure::Timeout;
        while let Some(answer) = answers.next().await {
            match answer.map_err(|_| NameFailure::Timeout).and_then(judge) {
                Ok(message) => return Ok(message),
                // Silence of one says less than a word of another.
                Err(NameFailure::Timeout) => {}
                Err(failure) => last = failure,
            }
        }
        if last != NameFailure::Timeout {
            break;
        }
    }
    Err(last)
}

fn judge(message: Message) -> Result<Message, NameFailure> {
    match message.metadata.response_code {
        ResponseCode::NoError => Ok(message),
        ResponseCode::NXDomain => Err(NameFailure::NoSuchName),
        ResponseCode::Refused => Err(NameFailure::Refused),
        _ => Err(NameFailure::Other),
    }
}

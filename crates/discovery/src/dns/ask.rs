//! One resolution of a name: families, retries, name servers, and the records of an answer.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, UdpSocket};
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use model::Resolvers;
use model::observed::{NameFailure, NameRecord, Question};

use super::exchange::{Asked, exchange};
use super::figures::{Books, Figures, count};

/// Targets of SRV records that are asked for when an answer does not bring their addresses.
const TARGETS_MAX: usize = 64;

/// Aliases that are followed within one answer.
const ALIASES_MAX: usize = 16;

/// The records, and the position of the name server that answered.
pub(super) type Answer = Result<(Vec<NameRecord>, usize), NameFailure>;

/// The name servers of a section, with their figures.
#[derive(Clone)]
pub(super) struct Asker {
    resolvers: Arc<Resolvers>,
    figures: Vec<Arc<Figures>>,
}

impl Asker {
    pub(super) fn new(resolvers: Arc<Resolvers>, books: &Books) -> Self {
        let figures = books.section(&resolvers);
        Self { resolvers, figures }
    }

    /// What the name stands for now.
    pub(super) async fn resolve(&self, question: &Question) -> Answer {
        let Ok(mut name) = Name::from_ascii(&*question.name) else {
            return Err(NameFailure::NoSuchName);
        };
        name.set_fqdn(true);
        if question.name.starts_with('_') {
            return self.services(&name, question.prefer_ipv6).await;
        }
        let (addresses, by) = self.addresses(&name, question.prefer_ipv6).await?;
        let records = addresses.into_iter().map(|ip| NameRecord { ip, service: None });
        Ok((records.collect(), by))
    }

    /// Whether IPv4 and IPv6 addresses are taken.
    fn accepted(&self) -> (bool, bool) {
        let families = self.resolvers.families;
        (families.ipv4, families.ipv6 || (families.ipv6_where_routed && has_ipv6_route()))
    }

    /// The addresses of one family: the preferred one, where there are any.
    async fn addresses(
        &self,
        name: &Name,
        prefer_ipv6: bool,
    ) -> Result<(Vec<IpAddr>, usize), NameFailure> {
        let families = match prefer_ipv6 {
            true => [RecordType::AAAA, RecordType::A],
            false => [RecordType::A, RecordType::AAAA],
        };
        let (accept4, accept6) = self.accepted();
        let accepted = |family: &RecordType| match family {
            RecordType::A => accept4,
            _ => accept6,
        };
        let mut last = NameFailure::Timeout;
        for family in families.into_iter().filter(accepted) {
            match self.ask(name, family).await {
                Ok((message, by)) => {
                    let found = addresses_of(&message.answers, family, name);
                    if !found.is_empty() {
                        return Ok((found, by));
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
    async fn services(&self, name: &Name, prefer_ipv6: bool) -> Answer {
        let (message, by) = self.ask(name, RecordType::SRV).await?;
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
                    let ip = self.target(&service.target, prefer_ipv6, &message).await;
                    known.insert(service.target.clone(), ip);
                    ip
                }
                None => None,
            };
            if let Some(ip) = ip {
                found.push(NameRecord { ip, service: Some((service.port, service.weight)) });
            }
        }
        if found.is_empty() { Err(NameFailure::Empty) } else { Ok((found, by)) }
    }

    async fn target(&self, name: &Name, prefer_ipv6: bool, message: &Message) -> Option<IpAddr> {
        let (accept4, accept6) = self.accepted();
        let brought = |family, accepted: bool| {
            let found = addresses_of(&message.additionals, family, name);
            found.first().copied().filter(|_| accepted)
        };
        let v4 = brought(RecordType::A, accept4);
        let v6 = brought(RecordType::AAAA, accept6);
        match if prefer_ipv6 { v6.or(v4) } else { v4.or(v6) } {
            Some(ip) => Some(ip),
            None => self.addresses(name, prefer_ipv6).await.ok()?.0.first().copied(),
        }
    }

    /// Asks all name servers at once, as often as `resolve_retries` says while none answers.
    async fn ask(&self, name: &Name, kind: RecordType) -> Result<(Message, usize), NameFailure> {
        let mut last = NameFailure::Timeout;
        for _ in 0..self.resolvers.retries.max(1) {
            let mut answers: FuturesUnordered<_> = (0..self.resolvers.nameservers.len())
                .map(|at| self.ask_one(at, name, kind))
                .collect();
            last = NameFailure::Timeout;
            while let Some((at, asked)) = answers.next().await {
                let judged = match asked {
                    Ok(message) => judge(message),
                    Err(_) => Err(NameFailure::Timeout),
                };
                if let Some(figures) = self.figures.get(at) {
                    tell(figures, &judged, name, kind);
                }
                match judged {
                    Ok(message) => {
                        self.too_late(answers);
                        return Ok((message, at));
                    }
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

    fn ask_one(
        &self,
        at: usize,
        name: &Name,
        kind: RecordType,
    ) -> impl Future<Output = (usize, Asked)> + Send + use<> {
        let (resolvers, name) = (Arc::clone(&self.resolvers), name.clone());
        let figures = self.figures.get(at).cloned().unwrap_or_default();
        async move {
            let asked = match resolvers.nameservers.get(at) {
                Some(server) => exchange(server, &name, kind, &resolvers, &figures).await,
                None => Err(std::io::ErrorKind::NotFound.into()),
            };
            (at, asked)
        }
    }

    /// One has answered: what the others say still counts for their figures.
    fn too_late<F>(&self, mut answers: FuturesUnordered<F>)
    where
        F: Future<Output = (usize, Asked)> + Send + 'static,
    {
        if answers.is_empty() {
            return;
        }
        let all = self.figures.clone();
        tokio::spawn(async move {
            while let Some((at, asked)) = answers.next().await {
                let Some(figures) = all.get(at) else { continue };
                count(if asked.is_ok() { &figures.outdated } else { &figures.timeout });
            }
        });
    }
}

/// The owners of what was asked for: the name itself and whatever its aliases lead to.
fn owners(records: &[Record], name: &Name) -> Vec<Name> {
    let mut owners = vec![name.clone()];
    while let Some(last) = owners.last().filter(|_| owners.len() <= ALIASES_MAX) {
        let next = records.iter().find_map(|record| match &record.data {
            RData::CNAME(alias) if record.name.eq_ignore_root(last) => Some(alias.0.clone()),
            _ => None,
        });
        match next {
            Some(next) if !owners.iter().any(|known| known.eq_ignore_root(&next)) => {
                owners.push(next);
            }
            _ => break,
        }
    }
    owners
}

/// Addresses of a family that these records give to a name.
pub(super) fn addresses_of(records: &[Record], family: RecordType, name: &Name) -> Vec<IpAddr> {
    let owners = owners(records, name);
    let mut found = Vec::new();
    for record in records {
        let ip: IpAddr = match (&record.data, family) {
            (RData::A(a), RecordType::A) => a.0.into(),
            (RData::AAAA(aaaa), RecordType::AAAA) => aaaa.0.into(),
            _ => continue,
        };
        if !found.contains(&ip) && owners.iter().any(|owner| owner.eq_ignore_root(&record.name)) {
            found.push(ip);
        }
    }
    found
}

fn judge(message: Message) -> Result<Message, NameFailure> {
    match message.metadata.response_code {
        ResponseCode::NoError => Ok(message),
        ResponseCode::NXDomain => Err(NameFailure::NoSuchName),
        ResponseCode::Refused => Err(NameFailure::Refused),
        _ => Err(NameFailure::Other),
    }
}

/// Counts an answer.
fn tell(figures: &Figures, answer: &Result<Message, NameFailure>, name: &Name, kind: RecordType) {
    let figure = match answer {
        Ok(message) => {
            let alias = owners(&message.answers, name).len() > 1;
            let has = match kind {
                RecordType::SRV => message.answers.iter().any(|r| r.record_type() == kind),
                _ => !addresses_of(&message.answers, kind, name).is_empty(),
            };
            if alias && has {
                count(&figures.cname);
            }
            match (has, alias) {
                (true, _) => &figures.valid,
                (false, true) => &figures.cname_error,
                (false, false) => &figures.any_err,
            }
        }
        Err(NameFailure::NoSuchName) => &figures.nx,
        Err(NameFailure::Refused) => &figures.refused,
        Err(NameFailure::Timeout) => &figures.timeout,
        Err(_) => &figures.other,
    };
    count(figure);
}

/// Whether the system knows a way to IPv6 addresses beyond its own links. Nothing is sent.
fn has_ipv6_route() -> bool {
    // An address of the documentation (RFC 3849): no network has a route of its own to it.
    let somewhere = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0));
    socket.is_ok_and(|socket| socket.connect((somewhere, 53)).is_ok())
}

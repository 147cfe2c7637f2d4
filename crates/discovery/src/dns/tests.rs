//! Against name servers of the test's own: families, cut answers, silence and lies.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, SRV};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use model::observed::{NameFailure, NameRecord, Question};
use model::{Nameserver, Resolvers};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use super::ask::Asker;
use super::figures::Books;

/// What a server makes of a question: nothing = silence.
type Zone = fn(&Message, bool) -> Option<Message>;

/// A port that is free for UDP may be taken for TCP: others are tried then.
async fn both_sockets() -> (UdpSocket, TcpListener, SocketAddr) {
    for _ in 0..50 {
        let tcp = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = tcp.local_addr().expect("it is bound");
        if let Ok(udp) = UdpSocket::bind(address).await {
            return (udp, tcp, address);
        }
    }
    panic!("no port is free for UDP and TCP");
}

/// A name server on UDP and TCP of one port, until the runtime ends.
async fn server(zone: Zone) -> SocketAddr {
    let (udp, tcp, address) = both_sockets().await;
    tokio::spawn(async move {
        let mut bytes = [0; 2048];
        while let Ok((length, from)) = udp.recv_from(&mut bytes).await {
            let question = Message::from_vec(&bytes[..length]).expect("a question");
            assert!(question.edns.as_ref().is_some_and(|e| e.max_payload() >= 512));
            if let Some(answer) = zone(&question, false) {
                let _ = udp.send_to(&answer.to_vec().expect("an answer"), from).await;
            }
        }
    });
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = tcp.accept().await {
            let length = stream.read_u16().await.expect("a length");
            let mut bytes = vec![0; usize::from(length)];
            stream.read_exact(&mut bytes).await.expect("a question");
            let question = Message::from_vec(&bytes).expect("a question");
            if let Some(answer) = zone(&question, true) {
                let bytes = answer.to_vec().expect("an answer");
                stream.write_u16(bytes.len() as u16).await.expect("sent");
                stream.write_all(&bytes).await.expect("sent");
            }
        }
    });
    address
}

fn answer(question: &Message, records: Vec<RData>) -> Option<Message> {
    let mut answer = Message::response(question.metadata.id, question.metadata.op_code);
    let asked = question.queries.first()?.clone();
    for data in records {
        answer.add_answer(Record::from_rdata(asked.name.clone(), 1, data));
    }
    answer.add_query(asked);
    Some(answer)
}

fn code(question: &Message, code: ResponseCode) -> Option<Message> {
    let mut answer = answer(question, Vec::new())?;
    answer.metadata.response_code = code;
    Some(answer)
}

fn kind(question: &Message) -> RecordType {
    question.queries.first().expect("one question").query_type
}

fn ip4(last: u8) -> RData {
    RData::A(A([10, 0, 0, last].into()))
}

fn ip6() -> RData {
    RData::AAAA(AAAA("2001:db8::1".parse().expect("an address")))
}

/// Asks these servers, with short times.
fn ask(zones: &[Zone], name: &str, prefer_ipv6: bool) -> Result<Vec<NameRecord>, NameFailure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let mut resolvers = Resolvers::new("d".into());
        resolvers.timeout_retry = Duration::from_millis(300);
        for (n, zone) in zones.iter().enumerate() {
            let address = server(*zone).await;
            let name = n.to_string().into();
            resolvers.nameservers.push(Nameserver { name, address, tcp: false });
        }
        let question = Question { resolvers: "d".into(), name: name.into(), prefer_ipv6 };
        let asker = Asker::new(resolvers.into(), &Books::default());
        asker.resolve(&question).await.map(|(records, _)| records)
    })
}

fn ips(found: &[NameRecord]) -> Vec<String> {
    found.iter().map(|r| r.ip.to_string()).collect()
}

#[test]
fn the_preferred_family_counts_and_the_other_stands_in() {
    let both: Zone = |q, _| match kind(q) {
        RecordType::A => answer(q, vec![ip4(1), ip4(2)]),
        _ => answer(q, vec![ip6()]),
    };
    let found = ask(&[both], "web.test", false).expect("addresses");
    assert_eq!(ips(&found), ["10.0.0.1", "10.0.0.2"]);
    assert_eq!(ips(&ask(&[both], "web.test", true).expect("an address")), ["2001:db8::1"]);
    let four: Zone = |q, _| match kind(q) {
        RecordType::A => answer(q, vec![ip4(1)]),
        _ => answer(q, Vec::new()),
    };
    assert_eq!(ips(&ask(&[four], "web.test", true).expect("an address")), ["10.0.0.1"]);
}

#[test]
fn a_cut_answer_is_asked_for_by_tcp() {
    let long: Zone = |q, tcp| {
        let mut answer = answer(q, if tcp { (1..=200).map(ip4).collect() } else { vec![ip4(1)] })?;
        answer.metadata.truncation = !tcp;
        Some(answer)
    };
    assert_eq!(ask(&[long], "web.test", false).expect("addresses").len(), 200);
}

#[test]
fn failures_have_their_kind() {
    let cases: [(Zone, NameFailure); 5] = [
        (|q, _| code(q, ResponseCode::NXDomain), NameFailure::NoSuchName),
        (|q, _| code(q, ResponseCode::Refused), NameFailure::Refused),
        (|q, _| code(q, ResponseCode::ServFail), NameFailure::Other),
        (|q, _| code(q, ResponseCode::NoError), NameFailure::Empty),
        (|_, _| None, NameFailure::Timeout),
    ];
    for (zone, failure) in cases {
        assert_eq!(ask(&[zone], "web.test", false), Err(failure));
    }
}

#[test]
fn one_good_server_is_enough() {
    let silent: Zone = |_, _| None;
    let bad: Zone = |q, _| code(q, ResponseCode::ServFail);
    let good: Zone = |q, _| answer(q, vec![ip4(1)]);
    assert_eq!(ips(&ask(&[silent, bad, good], "a.test", false).expect("one")), ["10.0.0.1"]);
}

#[test]
fn answers_to_other_questions_do_not_count() {
    let liar: Zone = |q, _| {
        let mut answer = answer(q, vec![ip4(9)])?;
        answer.metadata.id = answer.metadata.id.wrapping_add(1);
        Some(answer)
    };
    assert_eq!(ask(&[liar], "web.test", false), Err(NameFailure::Timeout));
}

#[test]
fn services_come_with_the_address_of_their_target() {
    let zone: Zone = |q, _| {
        let name = |text| Name::from_ascii(text).expect("a name");
        if kind(q) != RecordType::SRV {
            return answer(q, if kind(q) == RecordType::A { vec![ip4(2)] } else { Vec::new() });
        }
        let one = RData::SRV(SRV::new(0, 10, 81, name("one.test.")));
        let two = RData::SRV(SRV::new(0, 600, 82, name("two.test.")));
        let mut answer = answer(q, vec![one, two])?;
        answer.add_additional(Record::from_rdata(name("one.test."), 1, ip4(1)));
        Some(answer)
    };
    let found = ask(&[zone], "_http._tcp.test", true).expect("services");
    let at = |last: u8, service| NameRecord {
        ip: IpAddr::from([10, 0, 0, last]),
        service: Some(service),
    };
    assert_eq!(found, [at(1, (81, 10)), at(2, (82, 600))]);
}

#[tokio::test]
async fn names_are_asked_for_until_nobody_wants_them() {
    let zone: Zone = |q, _| answer(q, vec![ip4(1)]);
    let address = server(zone).await;
    let mut resolvers = Resolvers::new("d".into());
    resolvers.timeout_resolve = Duration::from_millis(20);
    resolvers.nameservers.push(Nameserver { name: "n".into(), address, tcp: false });
    let question = Question { resolvers: "d".into(), name: "a".into(), prefer_ipv6: false };
    let (mut asking, mut hear) = super::Asking::new(Books::default());
    asking.follow(vec![(question.clone(), resolvers.into())]);
    for _ in 0..3 {
        let heard = hear.recv().await.expect("an answer");
        assert_eq!((heard.question.clone(), heard.outcome.is_ok()), (question.clone(), true));
    }
    asking.follow(Vec::new());
    tokio::time::sleep(Duration::from_millis(50)).await;
    while hear.try_recv().is_ok() {}
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(hear.try_recv().is_err(), "nobody asks any more");
}

#[tokio::test]
async fn sessions_share_questions_and_answers() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let zone: Zone = |q, _| {
        let name = q.queries.first()?.name.to_ascii();
        match name.as_str() {
            "many.test." if kind(q) == RecordType::A => {
                ASKED.fetch_add(1, Relaxed);
                answer(q, vec![ip4(1), ip4(2)])
            }
            _ => code(q, ResponseCode::NXDomain),
        }
    };
    let address = server(zone).await;
    let mut resolvers = Resolvers::new("d".into());
    resolvers.hold.valid = Duration::from_millis(300);
    resolvers.nameservers.push(Nameserver { name: "n".into(), address, tcp: false });
    let resolvers = std::sync::Arc::new(resolvers);
    let books = Books::default();
    let (desk, lookups) = super::Lookups::new(books.clone());
    tokio::spawn(lookups.serve(move |name| (name == "d").then(|| resolvers.clone())));
    let question = |section: &str, name: &str| Question {
        resolvers: section.into(),
        name: name.into(),
        prefer_ipv6: false,
    };
    let all = (0..20).map(|_| desk.ask(question("d", "many.test")));
    let found = futures_util::future::join_all(all).await;
    let of = |last: u8| found.iter().filter(|ip| **ip == Some([10, 0, 0, last].into())).count();
    assert_eq!((of(1), of(2)), (10, 10), "they take turns: {found:?}");
    assert_eq!(ASKED.load(Relaxed), 1, "one question for all");
    assert_eq!(desk.ask(question("d", "none.test")).await, None);
    assert_eq!(desk.ask(question("gone", "many.test")).await, None, "no such section");
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert!(desk.ask(question("d", "many.test")).await.is_some());
    assert_eq!(ASKED.load(Relaxed), 2, "the answer was no longer good");
    let figures = books.of(&"d".into(), &"n".into()).all();
    let figure = |name| figures.iter().find(|(n, _)| *n == name).map(|(_, value)| *value);
    assert_eq!((figure("sent"), figure("valid"), figure("nx")), (Some(4), Some(2), Some(2)));
}

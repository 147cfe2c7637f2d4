//! Answers that are wrong on purpose: none is believed, and none does harm.

use hickory_proto::op::Message;
use hickory_proto::rr::rdata::{A, CNAME};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::ask::addresses_of;
use super::exchange::{question, read};

fn name(text: &str) -> Name {
    Name::from_ascii(text).expect("a name")
}

fn asked() -> Message {
    question(&name("web.test."), RecordType::A, 512)
}

fn a(owner: &str, last: u8) -> Record {
    Record::from_rdata(name(owner), 1, RData::A(A([10, 0, 0, last].into())))
}

fn alias(owner: &str, target: &str) -> Record {
    Record::from_rdata(name(owner), 1, RData::CNAME(CNAME(name(target))))
}

/// A good answer with these records.
fn answer(asked: &Message, records: Vec<Record>) -> Message {
    let mut answer = Message::response(asked.metadata.id, asked.metadata.op_code);
    for query in &asked.queries {
        answer.add_query(query.clone());
    }
    for record in records {
        answer.add_answer(record);
    }
    answer
}

/// What is made of these records as an answer to `web.test`, last bytes of the addresses.
fn found(records: Vec<Record>) -> Vec<u8> {
    let asked = asked();
    let bytes = answer(&asked, records).to_vec().expect("an answer");
    let message = read(&bytes, &asked).expect("it answers the question");
    let last = |ip: std::net::IpAddr| match ip {
        std::net::IpAddr::V4(ip) => ip.octets()[3],
        std::net::IpAddr::V6(_) => 0,
    };
    addresses_of(&message.answers, RecordType::A, &name("web.test."))
        .into_iter()
        .map(last)
        .collect()
}

#[test]
fn only_the_name_and_its_aliases_have_a_say() {
    assert_eq!(found(vec![a("web.test.", 1), a("other.test.", 2)]), [1]);
    let chain = vec![alias("web.test.", "b.test."), alias("b.test.", "c.test."), a("c.test.", 3)];
    assert_eq!(found(chain.clone()), [3]);
    // In any order, and whatever the case of the letters.
    assert_eq!(found(chain.into_iter().rev().collect()), [3]);
    assert_eq!(found(vec![alias("WEB.test.", "B.test."), a("b.TEST.", 4)]), [4]);
    // Round in circles, to oneself, too far.
    let circle =
        vec![alias("web.test.", "b.test."), alias("b.test.", "web.test."), a("d.test.", 5)];
    assert!(found(circle).is_empty());
    assert!(found(vec![alias("web.test.", "web.test."), a("d.test.", 5)]).is_empty());
    let mut far = vec![alias("web.test.", "n0.test.")];
    far.extend((0..40).map(|n| alias(&format!("n{n}.test."), &format!("n{}.test.", n + 1))));
    far.push(a("n40.test.", 6));
    assert!(found(far).is_empty());
}

#[test]
fn answers_to_something_else_are_none() {
    let asked = asked();
    let good = || answer(&asked, vec![a("web.test.", 1)]);
    let believed = |message: Message| read(&message.to_vec().expect("bytes"), &asked).is_some();
    assert!(believed(good()));
    let mut other = good();
    other.metadata.id = other.metadata.id.wrapping_add(1);
    assert!(!believed(other));
    let mut other = good();
    other.queries.clear();
    assert!(!believed(other), "no question");
    let mut other = good();
    other.queries = question(&name("evil.test."), RecordType::A, 512).queries;
    assert!(!believed(other), "another name");
    let mut other = good();
    other.queries = question(&name("web.test."), RecordType::AAAA, 512).queries;
    assert!(!believed(other), "another type");
    let mut other = good();
    other.add_query(asked.queries[0].clone());
    assert!(!believed(other), "two questions");
    assert!(!believed(asked.clone()), "the question itself");
}

#[test]
fn names_that_point_to_themselves_or_beyond_the_end_are_refused() {
    let asked = asked();
    let mut bytes = answer(&asked, Vec::new()).to_vec().expect("bytes");
    bytes[7] = 1;
    let end = bytes.len() as u8;
    let record = [0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 10, 0, 0, 9];
    // To itself, to the next pointer, far beyond the end, a label without an end.
    for owner in [&[0xc0, end][..], &[0xc0, end + 2, 0xc0, end], &[0xff, 0xff], &[63, 1, 2]] {
        let hostile = [&bytes, owner, &record[..]].concat();
        assert!(read(&hostile, &asked).is_none(), "{owner:?}");
    }
    // More records than there are bytes.
    bytes[6] = 0xff;
    assert!(read(&bytes, &asked).is_none());
}

#[test]
fn whatever_the_bytes_are_nothing_breaks() {
    let asked = asked();
    let chain = vec![alias("web.test.", "b.test."), a("b.test.", 1), a("b.test.", 2)];
    let good = answer(&asked, chain).to_vec().expect("bytes");
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |below: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random % below.max(1) as u64) as usize
    };
    let mut believed = 0;
    for _ in 0..20_000 {
        let mut bytes = good.clone();
        for _ in 0..=next(4) {
            let at = next(bytes.len());
            match next(4) {
                0 => bytes.truncate(at),
                1 => bytes.insert(at, next(256) as u8),
                2 => bytes.extend_from_slice(&good[next(good.len())..]),
                _ => bytes.iter_mut().skip(at).take(1).for_each(|b| *b = next(256) as u8),
            }
        }
        if let Some(message) = read(&bytes, &asked) {
            believed += 1;
            assert_eq!(message.metadata.id, asked.metadata.id);
            let found = addresses_of(&message.answers, RecordType::A, &name("web.test."));
            assert!(found.len() <= message.answers.len());
        }
    }
    assert!(believed > 0, "the changes are too heavy to reach the records");
}

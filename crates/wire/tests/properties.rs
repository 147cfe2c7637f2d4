//! What holds for any bytes and any split of them.

use evenkeel_wire::h1::framing::{self, BodyLength};
use evenkeel_wire::h1::{Chunk, Chunked, Head, HeadError, Limits, Parse};
use evenkeel_wire::h1::{parse_request, parse_response};
use evenkeel_wire::http::{FieldName, Method};
use evenkeel_wire::{proxy_protocol, tls};
use proptest::prelude::*;

/// Lines that come close to the grammar, so that a good part of the heads is accepted.
fn start_line() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "(GET|POST|OPTIONS|CONNECT|X-Y) (/|/a\\?b|\\*|http://h/p|h:80) HTTP/(1\\.[01]|2\\.0)",
        2 => "HTTP/1\\.[01] (100|101|200|204|304|404)( (OK|Not  Found)?)?",
        1 => "[ -~\t]{0,20}",
    ]
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "(Host|host|X-A|Cookie|Te|Connection): ?[a-h]{0,3}",
        2 => "Content-Length:[ \t]{0,2}[0-9]{1,3}(, ?[0-9])?",
        1 => "Transfer-Encoding: (chunked|gzip|gzip, chunked)",
        1 => "Connection: (close|keep-alive|upgrade|x-a, te)",
        1 => "[ \t][a-z]{0,3}",
        1 => "[!-~]{0,8}[ :\t]{0,2}[ -~\t\r\u{0}]{0,8}",
    ]
}

fn line_end() -> impl Strategy<Value = &'static str> {
    prop_oneof![8 => Just("\r\n"), 1 => Just("\n")]
}

prop_compose! {
    fn head_bytes()(
        before in prop_oneof![5 => Just(""), 1 => Just("\r\n")],
        start in start_line(),
        start_end in line_end(),
        fields in prop::collection::vec((field(), line_end()), 0..8),
        last in line_end(),
        rest in "[ -~\r\n]{0,6}",
    ) -> Vec<u8> {
        let mut out = format!("{before}{start}{start_end}");
        for (line, end) in fields {
            out.push_str(&line);
            out.push_str(end);
        }
        out.push_str(last);
        out.push_str(&rest);
        out.into_bytes()
    }
}

type Parser = fn(&[u8], &Limits, &mut Head) -> Result<Parse, HeadError>;
const PARSERS: [Parser; 2] = [parse_request, parse_response];

/// Everything a reader of the head can see.
fn view(head: &Head, parsed: Parse) -> String {
    format!(
        "{parsed:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        head.version(),
        head.method_bytes(),
        head.target(),
        head.path_and_query(),
        head.authority(),
        (head.status(), head.reason()),
        head.iter().collect::<Vec<_>>(),
        framing::request_body(head),
        framing::response_body(head, Method::Get),
    )
}

fn written(head: &Head) -> Vec<u8> {
    let mut out = Vec::new();
    head.write_to(&mut out);
    out
}

fn whole(parser: Parser, bytes: &[u8]) -> Option<(Head, usize)> {
    let mut head = Head::new();
    match parser(bytes, &Limits::default(), &mut head) {
        Ok(Parse::Complete { head_len }) => Some((head, head_len)),
        _ => None,
    }
}

proptest! {
    #[test]
    fn a_head_reads_the_same_however_it_arrives(
        bytes in head_bytes(),
        cuts in prop::collection::vec(0_usize..200, 0..6),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
        cuts.sort_unstable();
        for parser in PARSERS {
            let mut once = Head::new();
            let at_once = parser(&bytes, &Limits::default(), &mut once);
            let mut head = Head::new();
            let mut split = Ok(Parse::Partial);
            for cut in cuts.iter().copied().chain([bytes.len()]) {
                split = parser(&bytes[..cut], &Limits::default(), &mut head);
                if split != Ok(Parse::Partial) {
                    break;
                }
            }
            match (at_once, split) {
                (Ok(a), Ok(b)) => prop_assert_eq!(view(&once, a), view(&head, b)),
                (Err(a), Err(b)) => prop_assert_eq!(a, b),
                (a, b) => prop_assert!(false, "{:?} at once, {:?} in pieces", a, b),
            }
        }
    }

    #[test]
    fn what_is_written_reads_the_same_and_is_written_the_same(bytes in head_bytes()) {
        for parser in PARSERS {
            let Some((head, _)) = whole(parser, &bytes) else { continue };
            let out = written(&head);
            let Some((again, len)) = whole(parser, &out) else {
                return Err(TestCaseError::fail(format!("refused: {out:?}")));
            };
            prop_assert_eq!(len, out.len());
            prop_assert_eq!(&written(&again), &out);
            let fields = |h: &Head| -> Vec<(Vec<u8>, Vec<u8>)> {
                h.iter().map(|(n, v)| (n.to_vec(), v.to_vec())).collect()
            };
            prop_assert_eq!(fields(&again), fields(&head));
            prop_assert_eq!(framing::request_body(&again), framing::request_body(&head));
            prop_assert_eq!(
                framing::response_body(&again, Method::Get),
                framing::response_body(&head, Method::Get)
            );
            // Nothing but complete lines of visible bytes.
            prop_assert!(!out.windows(2).any(|w| (w[0] == b'\r') != (w[1] == b'\n')));
        }
    }

    #[test]
    fn edits_show_and_nothing_else_changes(bytes in head_bytes(), value in "[ -~]{0,12}") {
        let Some((mut head, _)) = whole(parse_request, &bytes) else { return Ok(()) };
        let name = FieldName::new(b"X-New").unwrap();
        let before: Vec<(Vec<u8>, Vec<u8>)> =
            head.iter().map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
        head.set(&name, value.as_bytes()).unwrap();
        head.append(&name, b"second").unwrap();
        prop_assert_eq!(head.value(&name, -1), Some(&b"second"[..]));
        prop_assert_eq!(head.value(&name, 1), Some(value.trim_matches(' ').as_bytes()));
        let (again, _) = whole(parse_request, &written(&head)).unwrap();
        prop_assert_eq!(again.values(&name).count(), 2);
        prop_assert_eq!(head.remove(&name), 2);
        let after: Vec<(Vec<u8>, Vec<u8>)> =
            head.iter().map(|(n, v)| (n.to_vec(), v.to_vec())).collect();
        prop_assert_eq!(before, after);
    }

    #[test]
    fn no_value_escapes_its_line(value in prop::collection::vec(any::<u8>(), 0..20)) {
        let mut head = Head::new();
        head.build_request(b"GET", b"/", Default::default()).unwrap();
        let name = FieldName::new(b"X-New").unwrap();
        let bad = value.iter().any(|&b| b != b'\t' && (b < b' ' || b == 0x7f));
        prop_assert_eq!(head.append(&name, &value).is_err(), bad);
        let (again, _) = whole(parse_request, &written(&head)).unwrap();
        prop_assert_eq!(again.fields().len(), usize::from(!bad));
        let _ = head.set_path(&value);
        let _ = head.set_query(&value);
        let _ = head.set_method(&value);
        prop_assert!(whole(parse_request, &written(&head)).is_some());
    }

    #[test]
    fn chunks_decode_to_what_was_encoded(
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..6),
        piece in 1_usize..30,
        next in "[ -~]{0,5}",
    ) {
        let mut body = Vec::new();
        for part in &parts {
            evenkeel_wire::h1::chunked::write_chunk_start(&mut body, part.len() as u64);
            body.extend(part);
            body.extend(evenkeel_wire::h1::chunked::CHUNK_END);
        }
        body.extend(evenkeel_wire::h1::chunked::LAST_CHUNK);
        let len = body.len();
        body.extend(next.as_bytes());
        let (mut decoder, mut follower) = (Chunked::new(), Chunked::new());
        let (mut data, mut used, mut followed) = (Vec::<u8>::new(), 0, 0);
        for buf in body.chunks(piece) {
            let mut at = 0;
            used += loop {
                match decoder.next(buf, at).unwrap() {
                    Chunk::Data(range) => {
                        data.extend(&buf[range.clone()]);
                        at = range.end;
                    }
                    Chunk::More => break buf.len(),
                    Chunk::End(end) => break end,
                }
            };
            followed += follower.follow(buf, &mut Vec::new()).unwrap().used;
        }
        prop_assert_eq!(data, parts.concat());
        prop_assert_eq!((used, followed), (len, len));
        prop_assert!(decoder.is_done() && follower.is_done());
    }

    #[test]
    fn any_bytes_are_judged_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for parser in PARSERS {
            let mut head = Head::new();
            let _ = parser(&bytes, &Limits::default(), &mut head);
        }
        let _ = Chunked::new().follow(&bytes, &mut Vec::new());
        let _ = proxy_protocol::parse(&bytes);
        let _ = tls::peek(&bytes);
    }

    #[test]
    fn a_length_is_never_guessed(bytes in head_bytes()) {
        let Some((head, _)) = whole(parse_request, &bytes) else { return Ok(()) };
        let Ok(length) = framing::request_body(&head) else { return Ok(()) };
        let out = String::from_utf8_lossy(&written(&head)).to_lowercase();
        let lengths = out.matches("\r\ncontent-length: ").count();
        let codings = out.matches("\r\ntransfer-encoding: chunked\r\n").count();
        let wanted = match length {
            BodyLength::Chunked => (0, 1),
            BodyLength::Length(_) => (1, 0),
            BodyLength::Empty => (lengths.min(1), 0),
            other => return Err(TestCaseError::fail(format!("{other:?} for a request"))),
        };
        prop_assert_eq!((lengths, codings), wanted);
    }
}

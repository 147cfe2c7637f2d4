//! The tables of malformed, ambiguous and untidy messages in `data/`: each is refused or comes out
//! clean, in one piece or byte by byte.

use evenkeel_wire::h1::chunked::write_chunk_start;
use evenkeel_wire::h1::framing::{self, BodyLength};
use evenkeel_wire::h1::{
    Answer, Chunk, Chunked, Head, Limits, Parse, parse_request, parse_response,
};
use evenkeel_wire::http::Method;

struct Case {
    verdict: String,
    input: Vec<u8>,
    output: Option<Vec<u8>>,
    name: String,
}

fn cases(table: &str) -> Vec<Case> {
    let lines = table.lines().filter(|l| !l.starts_with('#') && !l.is_empty());
    lines
        .map(|line| {
            let parts: Vec<&str> = line.split(" | ").collect();
            let [verdict, input, output, why] = parts[..] else { panic!("four columns: {line}") };
            Case {
                verdict: verdict.to_owned(),
                input: unescape(input),
                output: (output != "-").then(|| unescape(output)),
                name: format!("{verdict} | {input} ({why})"),
            }
        })
        .collect()
}

/// `~` is CR LF, `{n}` that many letters, `{n fields}` that many field lines.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        rest = &rest[first.len_utf8()..];
        match first {
            '~' => out.extend(b"\r\n"),
            '{' if rest.starts_with(|c: char| c.is_ascii_digit()) => {
                let (inside, after) = rest.split_once('}').unwrap();
                rest = after;
                match inside.strip_suffix(" fields") {
                    Some(n) => out.extend(b"x: y\r\n".repeat(n.parse().unwrap())),
                    None => out.extend(b"a".repeat(inside.parse().unwrap())),
                }
            }
            '\\' => {
                let kind = rest.chars().next().unwrap();
                rest = &rest[1..];
                match kind {
                    'x' => {
                        out.push(u8::from_str_radix(&rest[..2], 16).unwrap());
                        rest = &rest[2..];
                    }
                    'r' => out.push(b'\r'),
                    'n' => out.push(b'\n'),
                    't' => out.push(b'\t'),
                    '0' => out.push(0),
                    '\\' => out.push(b'\\'),
                    other => panic!("unknown escape {other}"),
                }
            }
            other => out.extend(other.to_string().as_bytes()),
        }
    }
    out
}

fn name_of(length: BodyLength, head: &Head) -> String {
    let close = if framing::must_close(head) { " +close" } else { "" };
    let length = match length {
        BodyLength::Empty => "empty".to_owned(),
        BodyLength::Length(n) => format!("length {n}"),
        BodyLength::Chunked => "chunked".to_owned(),
        BodyLength::UntilClose => "until close".to_owned(),
        BodyLength::Tunnel => "tunnel".to_owned(),
    };
    length + close
}

fn answer_name(answer: Answer) -> String {
    match answer {
        Answer::Status(status) => status.to_string(),
        Answer::Close => "close".to_owned(),
    }
}

/// Verdict, bytes written and length of the head.
type Outcome = (String, Option<Vec<u8>>, usize);

fn read(
    steps: &[&[u8]],
    parse: fn(&[u8], &Limits, &mut Head) -> Result<Parse, evenkeel_wire::h1::HeadError>,
    length: impl Fn(&Head) -> Result<BodyLength, String>,
    refused: impl Fn(Answer) -> String,
) -> Outcome {
    let mut head = Head::new();
    for buf in steps {
        match parse(buf, &Limits::default(), &mut head) {
            Ok(Parse::Partial) => {}
            Ok(Parse::Complete { head_len }) => {
                return match length(&head) {
                    Ok(length) => {
                        let mut out = Vec::new();
                        head.write_to(&mut out);
                        (name_of(length, &head), Some(out), head_len)
                    }
                    Err(verdict) => (verdict, None, 0),
                };
            }
            Err(error) => return (refused(error.answer()), None, 0),
        }
    }
    ("partial".to_owned(), None, 0)
}

fn check(case: &Case, outcome: impl Fn(&[&[u8]]) -> Outcome, verdict: &str) {
    let input = case.input.as_slice();
    let (got, written, head_len) = outcome(&[input]);
    assert_eq!(got, verdict, "{}", case.name);
    let growing: Vec<&[u8]> = (1..=input.len()).map(|n| &input[..n]).collect();
    let (again, written_again, _) = outcome(&growing);
    assert_eq!((&again, &written_again), (&got, &written), "byte by byte: {}", case.name);
    let Some(written) = written else {
        assert_eq!(case.output, None, "{}", case.name);
        return;
    };
    let wanted = case.output.clone().unwrap();
    let wanted = if wanted == b"=" { input[..head_len].to_vec() } else { wanted };
    assert_eq!(
        String::from_utf8_lossy(&written),
        String::from_utf8_lossy(&wanted),
        "{}",
        case.name
    );
    // What is written reads as the same message and is written the same.
    let (last, rewritten, _) = outcome(&[&written]);
    assert_eq!(rewritten.as_deref(), Some(&written[..]), "{}", case.name);
    assert_eq!(last, got.trim_end_matches(" +close"), "{}", case.name);
}

#[test]
fn requests() {
    let cases = cases(include_str!("data/requests.txt"));
    assert!(cases.len() >= 100);
    for case in &cases {
        let outcome = |steps: &[&[u8]]| {
            let length = |h: &Head| framing::request_body(h).map_err(|e| answer_name(e.answer()));
            read(steps, parse_request, length, answer_name)
        };
        check(case, outcome, &case.verdict);
    }
}

#[test]
fn responses() {
    for case in &cases(include_str!("data/responses.txt")) {
        let (method, verdict) = match case.verdict.split_once(": ") {
            Some((method, verdict)) => (Method::from_bytes(method.as_bytes()), verdict),
            None => (Method::Get, case.verdict.as_str()),
        };
        let outcome = |steps: &[&[u8]]| {
            let length = |h: &Head| framing::response_body(h, method).map_err(|_| "502".to_owned());
            read(steps, parse_response, length, |_| "502".to_owned())
        };
        check(case, outcome, verdict);
    }
}

/// Data and bytes used, or none when refused; `over` tells whether the end was found.
fn decode(input: &[u8], piece: usize) -> Option<(Vec<u8>, usize, Chunked)> {
    let mut chunked = Chunked::new();
    let (mut data, mut used) = (Vec::new(), 0);
    for buf in input.chunks(piece) {
        let mut at = 0;
        loop {
            match chunked.next(buf, at).ok()? {
                Chunk::Data(range) => {
                    data.extend(&buf[range.clone()]);
                    at = range.end;
                }
                Chunk::More => {
                    used += buf.len();
                    break;
                }
                Chunk::End(end) => return Some((data, used + end, chunked)),
            }
        }
    }
    Some((data, used, chunked))
}

/// What is passed on, bytes used and whether the end was found; none when refused.
fn follow(input: &[u8], piece: usize) -> Option<(Vec<u8>, usize, bool)> {
    let mut chunked = Chunked::new();
    let (mut passed, mut clean, mut total) = (Vec::new(), Vec::new(), 0);
    for buf in input.chunks(piece) {
        let followed = chunked.follow(buf, &mut clean).ok()?;
        passed.extend_from_slice(if followed.rewritten { &clean } else { &buf[..followed.used] });
        total += followed.used;
        if followed.over {
            return Some((passed, total, true));
        }
    }
    Some((passed, total, false))
}

#[test]
fn chunked_bodies() {
    for case in &cases(include_str!("data/chunked.txt")) {
        let input = case.input.as_slice();
        for piece in [1, 2, 3, 7, input.len()] {
            let decoded = decode(input, piece);
            let followed = follow(input, piece);
            assert_eq!(
                decoded.is_some(),
                case.verdict != "refused",
                "{} in pieces of {piece}",
                case.name
            );
            assert_eq!(
                followed.is_some(),
                matches!(&*case.verdict, "ok" | "clean" | "more"),
                "{} in pieces of {piece}",
                case.name
            );
            let Some((data, used, chunked)) = decoded else { continue };
            assert_eq!(Some(&data), case.output.as_ref(), "{}", case.name);
            assert_eq!(chunked.is_done(), case.verdict != "more", "{}", case.name);
            if let Some((passed, followed, over)) = followed {
                assert_eq!((followed, over), (used, chunked.is_done()), "{}", case.name);
                assert_eq!(passed == input[..used], case.verdict != "clean", "{}", case.name);
                let again = decode(&passed, piece).expect("what is passed on is a body");
                assert_eq!((again.0, again.1), (data.clone(), passed.len()), "{}", case.name);
                let kept = passed.split(|b| *b == b'\n').any(|line| line.contains(&b';'));
                assert!(!kept, "{}: an extension is passed on", case.name);
            }
            if chunked.is_done() {
                let mut again = Vec::new();
                write_chunk_start(&mut again, data.len() as u64);
                again.extend(&data);
                again.extend(b"\r\n0\r\n");
                chunked.write_trailers(&mut again).unwrap();
                let len = again.len();
                assert_eq!(follow(&again, piece), Some((again, len, true)), "{}", case.name);
            }
        }
    }
}

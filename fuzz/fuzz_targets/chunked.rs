//! Any bytes as a chunked body: decoding and following agree, however the bytes are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::h1::{Chunk, Chunked};

/// Data, bytes used and whether the end was found; none when refused.
fn decode(bytes: &[u8], piece: usize) -> Option<(Vec<u8>, usize, bool)> {
    let mut chunked = Chunked::new();
    let (mut data, mut used) = (Vec::new(), 0);
    for buf in bytes.chunks(piece) {
        let mut at = 0;
        loop {
            match chunked.next(buf, at).ok()? {
                Chunk::Data(range) => {
                    assert!(range.start >= at && range.end > range.start);
                    data.extend(&buf[range.clone()]);
                    at = range.end;
                }
                Chunk::More => break,
                Chunk::End(end) => {
                    let mut out = Vec::new();
                    chunked.write_trailers(&mut out).unwrap();
                    assert!(out.ends_with(b"\r\n"));
                    return Some((data, used + end, true));
                }
            }
        }
        used += buf.len();
    }
    Some((data, used, false))
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = input;
    let piece = usize::from(piece).max(1);
    let whole = decode(bytes, bytes.len().max(1));
    assert_eq!(whole, decode(bytes, piece));
    let mut chunked = Chunked::new();
    let (mut total, mut clean, mut passed) = (0, Vec::new(), Vec::new());
    for buf in bytes.chunks(piece) {
        let Ok(followed) = chunked.follow(buf, &mut clean) else { return };
        passed.extend_from_slice(if followed.rewritten { &clean } else { &buf[..followed.used] });
        total += followed.used;
        if followed.over {
            break;
        }
    }
    let (data, used, over) = whole.expect("followed, so it decodes");
    assert_eq!((total, chunked.is_done()), (used, over));
    let again = decode(&passed, passed.len().max(1)).expect("what is passed on is a body");
    assert_eq!(again, (data, passed.len(), over));
});

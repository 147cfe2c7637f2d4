//! Any bytes as a PROXY header of either version; what is accepted can be written and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wire::proxy_protocol::{Parsed, V2, parse, write_v1, write_v2};

fuzz_target!(|bytes: &[u8]| {
    let parsed = parse(bytes);
    // A shorter beginning is never judged differently.
    if let Ok(Parsed::Complete(header)) = &parsed {
        assert!(header.len <= bytes.len());
        for cut in [header.len - 1, header.len / 2] {
            assert_eq!(parse(&bytes[..cut]), Ok(Parsed::Partial));
        }
        let tlvs: Vec<(u8, &[u8])> =
            header.tlvs().filter(|t| t.kind != 3).map(|t| (t.kind, t.value)).collect();
        let mut out = Vec::new();
        let v2 = V2 { addresses: header.addresses(), tlvs: &tlvs, crc32c: true };
        write_v2(&mut out, &v2);
        let Ok(Parsed::Complete(again)) = parse(&out) else { panic!("refused {out:?}") };
        assert_eq!(again.addresses(), header.addresses());
        out.clear();
        write_v1(&mut out, header.addresses());
        assert!(matches!(parse(&out), Ok(Parsed::Complete(h)) if h.len == out.len()));
    }
});

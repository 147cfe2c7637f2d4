//! PROXY headers of both versions, well formed and not, whole and in pieces.

use std::net::SocketAddr;

use evenkeel_wire::proxy_protocol::{
    Header, HeaderError, Parsed, Peer, SslTlv, V2, parse, tlv_type, write_v1, write_v2,
};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn addresses(source: &str, destination: &str) -> (SocketAddr, SocketAddr) {
    (source.parse().unwrap(), destination.parse().unwrap())
}

/// Reads a header that ends before `rest`; every shorter piece must ask for more.
fn whole(bytes: &[u8]) -> Header {
    for cut in 0..bytes.len() {
        assert_eq!(parse(&bytes[..cut]), Ok(Parsed::Partial), "first {cut} of {bytes:?}");
    }
    let mut more = bytes.to_vec();
    more.extend(b"GET / HTTP/1.1\r\n");
    match parse(&more) {
        Ok(Parsed::Complete(header)) => {
            assert_eq!(header.len, bytes.len());
            header
        }
        other => panic!("{other:?} for {bytes:?}"),
    }
}

fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let mut out = SIGNATURE.to_vec();
    out.extend([command, family]);
    out.extend((body.len() as u16).to_be_bytes());
    out.extend(body);
    out
}

#[test]
fn lines_of_version_1() {
    let v4 = whole(b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n");
    assert_eq!(v4.addresses(), Some(addresses("192.0.2.1:56324", "198.51.100.2:443")));
    let v6 = whole(b"PROXY TCP6 2001:db8::1 ::1 1 65535\r\n");
    assert_eq!(v6.addresses(), Some(addresses("[2001:db8::1]:1", "[::1]:65535")));
    assert_eq!(whole(b"PROXY UNKNOWN\r\n").peer, Peer::Unknown);
    assert_eq!(whole(b"PROXY UNKNOWN ffff:: what ever\r\n").peer, Peer::Unknown);
}

#[test]
fn bad_lines_of_version_1() {
    let cases: [&[u8]; 17] = [
        b"PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 \r\n",
        b"PROXY TCP4  192.0.2.1 198.51.100.2 56324 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\rX",
        b"PROXY TCP4 192.0.2.256 198.51.100.2 56324 443\r\n",
        b"PROXY TCP4 192.0.2.01 198.51.100.2 56324 443\r\n",
        b"PROXY TCP4 ::1 ::1 56324 443\r\n",
        b"PROXY TCP6 192.0.2.1 198.51.100.2 56324 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 +1 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 01 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 -1 443\r\n",
        b"PROXY UDP4 192.0.2.1 198.51.100.2 1 443\r\n",
        b"PROXY tcp4 192.0.2.1 198.51.100.2 1 443\r\n",
        b"PROXY \r\n",
        b"PROXY UNKNOWNX\r\n",
    ];
    for case in cases {
        assert_eq!(parse(case), Err(HeaderError::Line), "{}", String::from_utf8_lossy(case));
    }
    let mut long = b"PROXY UNKNOWN ".to_vec();
    long.resize(105, b'x');
    assert!(matches!(parse(&[&long[..], b"\r\n"].concat()), Ok(Parsed::Complete(_))));
    long.push(b'x');
    assert_eq!(parse(&long), Ok(Parsed::Partial));
    assert_eq!(parse(&[&long[..], b"\r\n"].concat()), Err(HeaderError::Line));
    for case in [&b"GET / HTTP/1.1\r\n"[..], b"proxy TCP4", b"PROXZ", b"\r\n\r\nX"] {
        assert_eq!(parse(case), Err(HeaderError::NotProxy));
    }
}

#[test]
fn addresses_of_version_2() {
    let v4 = whole(&v2(0x21, 0x11, &[192, 0, 2, 1, 198, 51, 100, 2, 0xdc, 4, 1, 0xbb]));
    assert_eq!(v4.addresses(), Some(addresses("192.0.2.1:56324", "198.51.100.2:443")));
    let udp = whole(&v2(0x21, 0x12, &[0; 12]));
    assert!(matches!(udp.peer, Peer::Inet { datagram: true, .. }));
    let mut body = [0; 36];
    (body[15], body[31], body[33], body[35]) = (1, 2, 3, 4);
    let v6 = whole(&v2(0x21, 0x21, &body));
    assert_eq!(v6.addresses(), Some(addresses("[::1]:3", "[::2]:4")));
    let mut body = [0; 216];
    body[..5].copy_from_slice(b"/a\0zz");
    body[108..111].copy_from_slice(b"\0ab");
    let unix = whole(&v2(0x21, 0x31, &body));
    let (source, destination) = (b"/a"[..].into(), b"\0ab"[..].into());
    assert_eq!(unix.peer, Peer::Unix { source, destination });
    assert_eq!(whole(&v2(0x20, 0, b"")).peer, Peer::Local);
    assert_eq!(whole(&v2(0x20, 0x11, b"anything")).peer, Peer::Local);
    assert_eq!(whole(&v2(0x21, 0, b"")).peer, Peer::Unknown);
}

#[test]
fn bad_headers_of_version_2() {
    assert_eq!(parse(&v2(0x11, 0x11, &[0; 12])), Err(HeaderError::Unsupported));
    assert_eq!(parse(&v2(0x22, 0x11, &[0; 12])), Err(HeaderError::Unsupported));
    assert_eq!(parse(&v2(0x21, 0x41, &[0; 12])), Err(HeaderError::Unsupported));
    assert_eq!(parse(&v2(0x21, 0x13, &[0; 12])), Err(HeaderError::Unsupported));
    assert_eq!(parse(&v2(0x21, 0x11, &[0; 11])), Err(HeaderError::TooShort));
    assert_eq!(parse(&v2(0x21, 0x11, &[0; 14])), Err(HeaderError::Tlv));
    assert_eq!(parse(&v2(0x21, 0, &[4, 0, 2, 0])), Err(HeaderError::Tlv));
    assert_eq!(parse(&v2(0x21, 0, &[3, 0, 4, 0, 0, 0, 0])), Err(HeaderError::Checksum));
    assert_eq!(parse(&v2(0x21, 0, &[3, 0, 3, 0, 0, 0])), Err(HeaderError::Tlv));
    assert_eq!(parse(&v2(0x21, 0, &[0; 20_000])), Err(HeaderError::TooLong));
}

#[test]
fn what_is_written_is_read() {
    let v4 = Some(addresses("192.0.2.1:56324", "198.51.100.2:443"));
    let v6 = Some(addresses("[2001:db8::1]:1", "[::1]:65535"));
    let mixed = Some(addresses("192.0.2.1:1", "[::1]:2"));
    let mut out = Vec::new();
    write_v1(&mut out, v4);
    assert_eq!(out, b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n");
    for (given, read) in [(v4, v4), (v6, v6), (mixed, None), (None, None)] {
        out.clear();
        write_v1(&mut out, given);
        assert_eq!(whole(&out).addresses(), read);
    }
    let mapped = Some(addresses("[::ffff:192.0.2.1]:1", "[::1]:2"));
    let ssl = [1, 0, 0, 0, 0, tlv_type::SSL_CN, 0, 2, b'c', b'n'];
    let tlvs: [(u8, &[u8]); 2] = [(tlv_type::AUTHORITY, b"a.org"), (tlv_type::SSL, &ssl)];
    for (given, read) in [(v4, v4), (v6, v6), (mixed, mapped)] {
        for crc32c in [false, true] {
            out.clear();
            write_v2(&mut out, &V2 { addresses: given, tlvs: &tlvs, crc32c });
            let header = whole(&out);
            assert_eq!(header.addresses(), read);
            assert_eq!(header.tlv(tlv_type::AUTHORITY), Some(&b"a.org"[..]));
            assert_eq!(header.tlv(tlv_type::CRC32C).is_some(), crc32c);
            let ssl = SslTlv::parse(header.tlv(tlv_type::SSL).unwrap()).unwrap();
            assert_eq!((ssl.client, ssl.verify), (1, 0));
            assert_eq!(ssl.tlvs.map(|t| t.value).collect::<Vec<_>>(), [b"cn"]);
        }
    }
    // One changed bit is seen.
    let last = out.len() - 20;
    out[last] ^= 1;
    assert_eq!(parse(&out), Err(HeaderError::Checksum));
}

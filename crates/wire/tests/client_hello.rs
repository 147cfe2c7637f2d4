//! ClientHellos built by hand: names, protocols and versions, whole, in pieces, over records.

use evenkeel_wire::tls::{ClientHello, NotTls, Peek, peek};

fn vector16(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes()[..], bytes].concat()
}

fn extension(kind: u16, value: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &vector16(value)].concat()
}

fn server_name(name: &[u8]) -> Vec<u8> {
    extension(0, &vector16(&[&[0][..], &vector16(name)].concat()))
}

fn alpn(names: &[&[u8]]) -> Vec<u8> {
    let list: Vec<u8> = names.iter().flat_map(|n| [&[n.len() as u8][..], n].concat()).collect();
    extension(16, &vector16(&list))
}

fn message(extensions: Option<&[Vec<u8>]>) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    body.extend(vector16(&[0x13, 1]));
    body.extend([1, 0]);
    if let Some(extensions) = extensions {
        body.extend(vector16(&extensions.concat()));
    }
    let len = (body.len() as u32).to_be_bytes();
    [&[1][..], &len[1..], &body].concat()
}

fn records(message: &[u8], piece: usize) -> Vec<u8> {
    message.chunks(piece).flat_map(|c| [&[22, 3, 1][..], &vector16(c)].concat()).collect()
}

fn hello(bytes: &[u8]) -> ClientHello {
    for cut in 0..bytes.len() {
        assert_eq!(peek(&bytes[..cut]), Ok(Peek::Partial), "first {cut}");
    }
    match peek(&[bytes, b"more"].concat()) {
        Ok(Peek::Hello(hello)) => hello,
        other => panic!("{other:?}"),
    }
}

#[test]
fn name_protocols_and_versions_are_found_over_any_records() {
    let extensions = [
        extension(0x1a1a, b""),
        server_name(b"www.example.org"),
        alpn(&[b"h2", b"http/1.1"]),
        extension(43, &[6, 0x3a, 0x3a, 3, 4, 3, 3]),
    ];
    let message = message(Some(&extensions));
    for piece in [message.len(), 50, 5] {
        let hello = hello(&records(&message, piece));
        assert_eq!(hello.sni(), Some(&b"www.example.org"[..]));
        assert_eq!(hello.alpn().collect::<Vec<_>>(), [&b"h2"[..], b"http/1.1"]);
        let versions = (hello.record_version, hello.legacy_version, hello.max_version);
        assert_eq!(versions, (0x0301, 0x0303, 0x0304));
        assert!(!hello.is_sslv2);
    }
}

#[test]
fn a_hello_without_extensions_has_no_name() {
    for message in [message(None), message(Some(&[]))] {
        let hello = hello(&records(&message, 1_000));
        assert_eq!((hello.sni(), hello.alpn().count(), hello.max_version), (None, 0, 0x0303));
    }
}

#[test]
fn malformed_hellos_are_refused() {
    let bad = [
        vec![server_name(b"")],
        vec![server_name(b"a\0b")],
        vec![server_name(b"a"), server_name(b"b")],
        vec![extension(0, b"\0\x05\0\0\x01a")],
        vec![alpn(&[])],
        vec![alpn(&[b""])],
        vec![alpn(&[b"h2"]), alpn(&[b"h2"])],
        vec![vec![0, 0, 0, 9, 1]],
    ];
    for extensions in bad {
        let bytes = records(&message(Some(&extensions)), 1_000);
        assert_eq!(peek(&bytes), Err(NotTls), "{extensions:?}");
    }
    let mut trailing = message(Some(&[]));
    trailing.push(0);
    trailing[3] += 1;
    assert_eq!(peek(&records(&trailing, 1_000)), Err(NotTls));
}

#[test]
fn other_bytes_are_told_apart() {
    assert_eq!(peek(b""), Ok(Peek::Partial));
    assert_eq!(peek(b"GET / HTTP/1.1"), Err(NotTls));
    assert_eq!(peek(&[22, 2]), Err(NotTls));
    assert_eq!(peek(&[22, 3, 1, 0, 0]), Err(NotTls));
    assert_eq!(peek(&[22, 3, 1, 0x40, 1]), Err(NotTls));
    assert_eq!(peek(&[21, 3, 1, 0, 2, 1, 0]), Err(NotTls));
    assert_eq!(peek(&[22, 3, 3, 0, 4, 2, 0, 0, 0]), Ok(Peek::Other(2)));
    // A message said to be of 16 MiB.
    assert_eq!(peek(&[22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff]), Err(NotTls));
    // Records without end of one byte each.
    assert_eq!(peek(&records(&message(Some(&[server_name(&[b'a'; 200])])), 1)), Err(NotTls));
}

#[test]
fn hellos_in_the_style_of_sslv2() {
    let mut bytes = vec![0x80, 0, 1, 3, 1, 0, 3, 0, 0, 0, 16, 0, 0, 0x2f];
    bytes.extend([9; 16]);
    bytes[1] = (bytes.len() - 2) as u8;
    let hello = hello(&bytes);
    assert!(hello.is_sslv2);
    assert_eq!((hello.max_version, hello.sni()), (0x0301, None));
    bytes[10] = 15;
    assert_eq!(peek(&bytes), Err(NotTls));
}

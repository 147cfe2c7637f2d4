//! Key bytes to a 32-bit hash (manual 4.2, `hash-type`), with the values HAProxy computes.

use model::{HashFunction, HashMethod, HashType};

use crate::pick::Key;

/// The hash of a key under a `hash-type`.
///
/// `wt6` is the exception to equality with HAProxy: its definition is not public outside of
/// HAProxy's source, so it stands for avalanched sdbm here and spreads keys as evenly.
#[must_use]
pub fn hash_key(key: Key<'_>, hash_type: HashType) -> u32 {
    let function = hash_type.function;
    let raw = match key {
        Key::Hash(n) => n,
        Key::Bytes(b) => match function {
            HashFunction::Sdbm => sdbm(b),
            HashFunction::Djb2 => djb2(b),
            HashFunction::Wt6 => avalanche(sdbm(b)),
            HashFunction::Crc32 => crc32(b),
            HashFunction::None => number(b),
        },
    };
    let by_default = hash_type.method == HashMethod::Consistent && function == HashFunction::Sdbm;
    if hash_type.avalanche.unwrap_or(by_default) { avalanche(raw) } else { raw }
}

fn sdbm(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |h: u32, &c| h.wrapping_mul(65_599).wrapping_add(u32::from(c)))
}

fn djb2(bytes: &[u8]) -> u32 {
    bytes.iter().fold(5381, |h: u32, &c| h.wrapping_mul(33).wrapping_add(u32::from(c)))
}

/// The reflected polynomial 0xEDB88320, as in Ethernet and gzip, a nibble at a time.
fn crc32(bytes: &[u8]) -> u32 {
    const NIBBLES: [u32; 16] = nibble_table();
    let step = |crc: u32, n: u32| (crc >> 4) ^ NIBBLES[((crc ^ n) & 15) as usize];
    !bytes.iter().fold(!0, |crc, &b| step(step(crc, u32::from(b)), u32::from(b >> 4)))
}

const fn nibble_table() -> [u32; 16] {
    let mut table = [0; 16];
    let mut i = 0;
    while i < 16 {
        let mut crc = i as u32;
        let mut bit = 0;
        while bit < 4 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[i] = crc;
        i += 1;
    }
    table
}

/// `none`: the leading decimal number of the text, cut to 32 bits; anything else is 0.
fn number(bytes: &[u8]) -> u32 {
    let (negative, digits) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, bytes),
    };
    let n = digits
        .iter()
        .take_while(|c| c.is_ascii_digit())
        .fold(0u32, |n, c| n.wrapping_mul(10).wrapping_add(u32::from(c - b'0')));
    if negative { n.wrapping_neg() } else { n }
}

/// Bob Jenkins' full avalanche for 4 bytes (public domain, burtleburtle.net/bob/hash), and then
/// the multiplication that HAProxy's results show on top of it.
#[must_use]
pub fn avalanche(key: u32) -> u32 {
    let mut a = key;
    a = a.wrapping_add(0x7ed5_5d16).wrapping_add(a << 12);
    a = (a ^ 0xc761_c23c) ^ (a >> 19);
    a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    a = a.wrapping_add(0xd3a2_646c) ^ (a << 9);
    a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    a = (a ^ 0xb55a_4f09) ^ (a >> 16);
    a.wrapping_mul(0xC000_0001)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from HAProxy 3.2's converters of the same names.
    #[test]
    fn hashes_are_haproxys() {
        assert_eq!(sdbm(b"a"), 97);
        assert_eq!(avalanche(sdbm(b"a")), 1_830_748_055);
        assert_eq!(avalanche(djb2(b"a")), 3_548_763_807);
        assert_eq!(avalanche(crc32(b"a")), 1_288_200_982);
        assert_eq!(avalanche(sdbm(b"b")), 3_356_184_089);
        assert_eq!(avalanche(crc32(b"j")), 167_841_439);
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn none_takes_the_number() {
        assert_eq!(number(b"4294967295"), u32::MAX);
        assert_eq!(number(b"4294967296"), 0);
        assert_eq!(number(b"-1"), u32::MAX);
        assert_eq!(number(b"abc"), 0);
        assert_eq!(number(b"12abc"), 12);
    }

    #[test]
    fn avalanche_is_the_default_of_consistent_sdbm_only() {
        let of = |method, function| HashType { method, function, avalanche: None };
        let key = Key::Bytes(b"a");
        assert_eq!(hash_key(key, of(HashMethod::MapBased, HashFunction::Sdbm)), 97);
        assert_eq!(hash_key(key, of(HashMethod::Consistent, HashFunction::Sdbm)), 1_830_748_055);
        assert_eq!(hash_key(key, of(HashMethod::Consistent, HashFunction::Djb2)), djb2(b"a"));
    }
}

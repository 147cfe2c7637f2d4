//! Scans over bytes, several at a time, for the characters that end an element of a message.
//!
//! The word tricks mark bytes by their top bit. Marks above the first true one may be false (a
//! borrow runs upwards), the lowest is always right, and only that is used.

use wide::u8x16;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Marks bytes below `n` (`n` at most 128).
#[inline]
const fn below(word: u64, n: u8) -> u64 {
    word.wrapping_sub(ONES * n as u64) & !word & HIGH
}

/// Marks bytes equal to `n`.
#[inline]
const fn equal(word: u64, n: u8) -> u64 {
    let x = word ^ (ONES * n as u64);
    x.wrapping_sub(ONES) & !x & HIGH
}

#[inline(always)]
fn equals(block: u8x16, n: u8) -> u8x16 {
    block.simd_eq(u8x16::splat(n))
}

#[inline(always)]
fn at_most(block: u8x16, n: u8) -> u8x16 {
    block.min(u8x16::splat(n)).simd_eq(block)
}

#[inline(always)]
fn at_least(block: u8x16, n: u8) -> u8x16 {
    block.max(u8x16::splat(n)).simd_eq(block)
}

/// Index in `bytes` of the first byte at or after `from` that `mark` marks and `test` confirms, or
/// the length of `bytes`. `block` marks sixteen bytes at a time.
#[inline(always)]
fn find(
    bytes: &[u8],
    from: usize,
    block: impl Fn(u8x16) -> u8x16,
    mark: impl Fn(u64) -> u64,
    test: impl Fn(u8) -> bool,
) -> usize {
    let mut at = from;
    while let Some(sixteen) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let marks = block(u8x16::new(*sixteen)).to_bitmask();
        if marks != 0 {
            return at + marks.trailing_zeros() as usize;
        }
        at += 16;
    }
    if let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) {
        let marks = mark(u64::from_le_bytes(*word));
        if marks != 0 {
            return at + (marks.trailing_zeros() >> 3) as usize;
        }
        at += 8;
    }
    let Some(tail) = bytes.get(at..) else { return bytes.len() };
    at + tail.iter().position(|&b| test(b)).unwrap_or(tail.len())
}

/// First control character (below 0x20, the tab among them, or 0x7f) at or after `from`.
#[inline]
pub(crate) fn control(bytes: &[u8], from: usize) -> usize {
    find(
        bytes,
        from,
        |x| at_most(x, 0x1f) | equals(x, 0x7f),
        |w| below(w, 0x20) | equal(w, 0x7f),
        |b| (b < 0x20) | (b == 0x7f),
    )
}

/// First byte that cannot be part of a request target: white space, control or not ASCII.
#[inline]
pub(crate) fn target_end(bytes: &[u8], from: usize) -> usize {
    find(
        bytes,
        from,
        |x| at_most(x, 0x20) | at_least(x, 0x7f),
        |w| below(w, 0x21) | equal(w, 0x7f) | (w & HIGH),
        |b| !(0x21..0x7f).contains(&b),
    )
}

/// First colon at or after `from`.
#[inline]
pub(crate) fn colon(bytes: &[u8], from: usize) -> usize {
    find(bytes, from, |x| equals(x, b':'), |w| equal(w, b':'), |b| b == b':')
}

/// First `?` or `#` at or after `from`.
#[inline]
pub(crate) fn query_start(bytes: &[u8], from: usize) -> usize {
    find(
        bytes,
        from,
        |x| equals(x, b'?') | equals(x, b'#'),
        |w| equal(w, b'?') | equal(w, b'#'),
        |b| b == b'?' || b == b'#',
    )
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn scans_agree_with_the_plain_loop(
            bytes in vec(prop_oneof![3 => b' '..0x7f, 1 => any::<u8>()], 0..70),
            from in 0_usize..75,
        ) {
            let plain = |test: fn(u8) -> bool| {
                let from = from.min(bytes.len());
                (from..bytes.len()).find(|&i| test(bytes[i])).unwrap_or(bytes.len())
            };
            prop_assert_eq!(super::control(&bytes, from), plain(|b| b < 0x20 || b == 0x7f));
            prop_assert_eq!(super::target_end(&bytes, from), plain(|b| b <= 0x20 || b >= 0x7f));
            prop_assert_eq!(super::colon(&bytes, from), plain(|b| b == b':'));
            prop_assert_eq!(super::query_start(&bytes, from), plain(|b| b == b'?' || b == b'#'));
        }
    }
}

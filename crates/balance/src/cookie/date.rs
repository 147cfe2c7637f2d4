//! Dates inside of a cookie value: `value|last|first`, each five base64 digits that count units of
//! four seconds since 1970, rounded up.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// Digits of a date: 30 bits.
const LEN: usize = 5;
const MASK: u64 = (1 << (6 * LEN)) - 1;
/// Dates this far ahead of our clock are not believed, in units.
const MAX_AHEAD: u64 = 24 * 3600 / 4;

/// A date in units of four seconds since 1970, 30 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Date(u64);

impl Date {
    /// From seconds since 1970.
    pub(crate) fn of(now_s: u64) -> Self {
        Self(now_s.div_ceil(4) & MASK)
    }

    /// Reads the five digits; `None` for anything else.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        if text.len() != LEN {
            return None;
        }
        let digit = |c: &u8| DIGITS.iter().position(|d| d == c).map(|d| d as u64);
        let units = text.iter().try_fold(0, |n, c| Some((n << 6) | digit(c)?))?;
        // Zero is no date, as in HAProxy.
        (units > 0).then_some(Self(units))
    }

    /// Appends the five digits.
    pub(crate) fn write(self, out: &mut String) {
        for i in (0..LEN).rev() {
            out.push(char::from(DIGITS[((self.0 >> (6 * i)) & 63) as usize]));
        }
    }

    /// Whether more than `max_s` seconds passed since then, or it lies too far ahead.
    pub(crate) fn is_over(self, max_s: u64, now: Self) -> bool {
        now.0.saturating_sub(self.0) > max_s / 4 || self.0 > now.0 + MAX_AHEAD
    }
}

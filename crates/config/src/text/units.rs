//! Times and sizes with their units (manual chapter 2.5 and 2.6).
use std::fmt;

/// Longest time a timer holds, in milliseconds (about 24.8 days), as in HAProxy.
pub const MAX_TIME_MS: u64 = i32::MAX as u64;

/// A unit of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Microseconds.
    Us,
    /// Milliseconds, what most keywords take a bare number for.
    Ms,
    /// Seconds.
    S,
    /// Minutes.
    M,
    /// Hours.
    H,
    /// Days.
    D,
}

impl TimeUnit {
    fn micros(self) -> u64 {
        match self {
            Self::Us => 1,
            Self::Ms => 1_000,
            Self::S => 1_000_000,
            Self::M => 60_000_000,
            Self::H => 3_600_000_000,
            Self::D => 86_400_000_000,
        }
    }
}

/// A value and the character behind it that HAProxy 3.2 only warns about (`15min`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measured {
    /// The value, in the unit that the function's name says.
    pub value: u64,
    /// What follows the unit without meaning anything, with its offset in bytes.
    pub trailing: Option<(usize, char)>,
}

/// Why a text is no time or size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnitError {
    /// There is no digit at the start.
    NoNumber,
    /// Such a unit does not exist; with its offset in bytes.
    UnknownUnit(usize, char),
    /// More than the keyword can hold.
    Overflow,
    /// Not zero, but less than the smallest step.
    Underflow,
}

impl UnitError {
    /// Offset of the offending character in the text, in bytes.
    pub fn offset(self) -> usize {
        match self {
            Self::UnknownUnit(at, _) => at,
            _ => 0,
        }
    }
}

impl fmt::Display for UnitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoNumber => f.write_str("a whole number is expected, with a unit if need be"),
            Self::UnknownUnit(_, c) => write!(f, "unknown unit '{c}'"),
            Self::Overflow => f.write_str("the value is too large"),
            Self::Underflow => f.write_str("the value is not zero but rounds to nothing"),
        }
    }
}

impl std::error::Error for UnitError {}

/// A time in microseconds: `us ms s m h d`, without unit in `default`.
///
/// # Errors
/// See [`UnitError`]; times over [`MAX_TIME_MS`] overflow.
pub fn time_us(text: &str, default: TimeUnit) -> Result<Measured, UnitError> {
    let (number, rest) = leading_number(text)?;
    let at = text.len() - rest.len();
    let (unit, len) = match rest.as_bytes() {
        [] => (default, 0),
        [b'u', b's', ..] => (TimeUnit::Us, 2),
        [b'm', b's', ..] => (TimeUnit::Ms, 2),
        [b's', ..] => (TimeUnit::S, 1),
        [b'm', ..] => (TimeUnit::M, 1),
        [b'h', ..] => (TimeUnit::H, 1),
        [b'd', ..] => (TimeUnit::D, 1),
        _ => return Err(UnitError::UnknownUnit(at, first_char(rest))),
    };
    let value = number.checked_mul(unit.micros()).ok_or(UnitError::Overflow)?;
    if value > MAX_TIME_MS * 1000 {
        return Err(UnitError::Overflow);
    }
    let trailing = rest[len..].chars().next().map(|c| (at + len, c));
    Ok(Measured { value, trailing })
}

/// A time in whole milliseconds, rounded up; what is below one millisecond is refused.
///
/// # Errors
/// See [`UnitError`].
pub fn time_ms(text: &str, default: TimeUnit) -> Result<Measured, UnitError> {
    let us = time_us(text, default)?;
    if us.value > 0 && us.value < 1000 {
        return Err(UnitError::Underflow);
    }
    Ok(Measured { value: us.value.div_ceil(1000), ..us })
}

/// A size in bytes: `k m g` in either case, powers of 1024.
///
/// # Errors
/// See [`UnitError`]; anything behind the unit is an unknown unit.
pub fn size_bytes(text: &str) -> Result<u64, UnitError> {
    let (number, rest) = leading_number(text)?;
    let at = text.len() - rest.len();
    let shift = match rest.as_bytes() {
        [] => 0,
        [b'k' | b'K'] => 10,
        [b'm' | b'M'] => 20,
        [b'g' | b'G'] => 30,
        [b'k' | b'K' | b'm' | b'M' | b'g' | b'G', ..] => {
            return Err(UnitError::UnknownUnit(at + 1, first_char(&rest[1..])));
        }
        _ => return Err(UnitError::UnknownUnit(at, first_char(rest))),
    };
    number.checked_mul(1 << shift).ok_or(UnitError::Overflow)
}

fn leading_number(text: &str) -> Result<(u64, &str), UnitError> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if end == 0 {
        return Err(UnitError::NoNumber);
    }
    let number = text[..end].parse().map_err(|_| UnitError::Overflow)?;
    Ok((number, &text[end..]))
}

fn first_char(text: &str) -> char {
    text.chars().next().unwrap_or('?')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> Result<u64, UnitError> {
        time_ms(text, TimeUnit::Ms).map(|time| time.value)
    }

    #[test]
    fn times_take_all_units() {
        let table = [
            ("0", 0),
            ("5", 5),
            ("5ms", 5),
            ("3s", 3000),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
            ("1500us", 2),
            ("0us", 0),
            ("2147483647", 2_147_483_647),
        ];
        for (text, value) in table {
            assert_eq!(ms(text), Ok(value), "{text}");
        }
        assert_eq!(time_ms("7", TimeUnit::S).map(|t| t.value), Ok(7000));
    }

    #[test]
    fn times_that_are_none_say_why() {
        use UnitError::*;
        let table = [
            ("", NoNumber),
            ("s", NoNumber),
            ("-1", NoNumber),
            ("1us", Underflow),
            ("5x", UnknownUnit(1, 'x')),
            ("1.5s", UnknownUnit(1, '.')),
            ("5é", UnknownUnit(1, 'é')),
            ("2147483648", Overflow),
            ("25d", Overflow),
            ("99999999999999999999999", Overflow),
        ];
        for (text, error) in table {
            assert_eq!(ms(text), Err(error), "{text}");
        }
        let minutes = Measured { value: 900_000, trailing: Some((3, 'i')) };
        assert_eq!(time_ms("15min", TimeUnit::Ms), Ok(minutes));
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(size_bytes("16384"), Ok(16384));
        assert_eq!(size_bytes("2k"), Ok(2048));
        assert_eq!(size_bytes("3M"), Ok(3 << 20));
        assert_eq!(size_bytes("1g"), Ok(1 << 30));
        assert_eq!(size_bytes("1kb"), Err(UnitError::UnknownUnit(2, 'b')));
        assert_eq!(size_bytes("1t"), Err(UnitError::UnknownUnit(1, 't')));
        assert_eq!(size_bytes("k"), Err(UnitError::NoNumber));
        assert_eq!(size_bytes("99999999999999999g"), Err(UnitError::Overflow));
    }
}

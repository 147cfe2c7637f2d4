//! Numbers into text without the formatting machinery, for what is printed on every request.

/// Appends a decimal integer.
pub(crate) fn decimal(number: i64, out: &mut Vec<u8>) {
    // Twenty digits at most, filled from the end.
    let mut digits = [b'0'; 20];
    let mut rest = number.unsigned_abs();
    let mut length = 0;
    for slot in digits.iter_mut().rev() {
        *slot = b'0' + (rest % 10) as u8;
        rest /= 10;
        length += 1;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(digits.get(digits.len() - length..).unwrap_or_default());
}

/// Appends the last `width` decimal digits, zeros in front.
pub(crate) fn padded(number: u32, width: usize, out: &mut Vec<u8>) {
    let mut divisor = 10u32.saturating_pow(width.saturating_sub(1) as u32);
    for _ in 0..width {
        out.push(b'0' + (number / divisor.max(1) % 10) as u8);
        divisor /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_any_integer() {
        for number in [0, 7, 10, -1, 1_234_567_890, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            decimal(number, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
        let mut out = Vec::new();
        padded(7, 3, &mut out);
        padded(2_024, 4, &mut out);
        padded(65, 1, &mut out);
        assert_eq!(out, b"00720245");
    }
}

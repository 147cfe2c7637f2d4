//! Integer patterns: values, ranges, comparisons and dotted versions (manual 7.1.2).

/// Values from `min` to `max`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) min: i64,
    pub(crate) max: i64,
}

/// How a value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Eq,
    Ge,
    Gt,
    Le,
    Lt,
}

impl Operator {
    pub(crate) fn named(word: &str) -> Option<Self> {
        Some(match word {
            "eq" => Self::Eq,
            "ge" => Self::Ge,
            "gt" => Self::Gt,
            "le" => Self::Le,
            "lt" => Self::Lt,
            _ => return None,
        })
    }
}

/// Reads `5`, `1:5`, `1:`, `:5`; under an operator the bounds it means.
pub(crate) fn range(word: &str, operator: Operator, dotted: bool) -> Result<Range, String> {
    let bound = |text: &str, last: bool| {
        if dotted { version(text, last) } else { crate::arg::integer(text) }
            .ok_or_else(|| format!("'{word}' is neither a number nor a range"))
    };
    let (min, max) = match word.split_once(':') {
        Some(("", "")) => return Err(format!("range '{word}' has no bound")),
        Some((low, "")) => (bound(low, false)?, i64::MAX),
        Some(("", high)) => (i64::MIN, bound(high, true)?),
        Some((low, high)) => (bound(low, false)?, bound(high, true)?),
        None => (bound(word, false)?, bound(word, false)?),
    };
    if min > max {
        return Err(format!("range '{word}' is empty"));
    }
    Ok(match operator {
        // As in HAProxy, a range is what it says under every operator.
        _ if word.contains(':') => Range { min, max },
        Operator::Eq => Range { min, max },
        Operator::Ge => Range { min, max: i64::MAX },
        Operator::Gt => Range { min: max.saturating_add(1), max: i64::MAX },
        Operator::Le => Range { min: i64::MIN, max },
        Operator::Lt => Range { min: i64::MIN, max: min.saturating_sub(1) },
    })
}

/// `3.1` as major times 65536 plus minor; a major alone means its first (or, as an upper bound
/// of a range, its last) minor.
fn version(text: &str, last: bool) -> Option<i64> {
    let (major, minor) = match text.split_once('.') {
        Some((major, minor)) => (major, minor.parse::<u16>().ok()?),
        None => (text, if last { u16::MAX } else { 0 }),
    };
    Some(i64::from(major.parse::<u16>().ok()?) << 16 | i64::from(minor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ranges_and_operators() {
        let eq = |word| range(word, Operator::Eq, false);
        assert_eq!(eq("1:5"), Ok(Range { min: 1, max: 5 }));
        assert_eq!(eq(":5"), Ok(Range { min: i64::MIN, max: 5 }));
        assert_eq!(eq("-3"), Ok(Range { min: -3, max: -3 }));
        assert!(eq(":").is_err() && eq("5:1").is_err() && eq("x").is_err());
        assert_eq!(range("2", Operator::Lt, false), Ok(Range { min: i64::MIN, max: 1 }));
        assert_eq!(range("5:7", Operator::Lt, false), Ok(Range { min: 5, max: 7 }));
        assert_eq!(range("3:3.1", Operator::Eq, true), Ok(Range { min: 0x30000, max: 0x30001 }));
    }
}

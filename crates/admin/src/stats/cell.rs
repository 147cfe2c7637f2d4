//! One value of the statistics, and what kind of value it is.

use std::fmt;

/// One value, with the type that typed and JSON output name.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Does not apply.
    Empty,
    /// 32 bits.
    U32(u32),
    /// 64 bits.
    U64(u64),
    /// 32 bits, signed.
    S32(i32),
    /// Seconds with a fraction, for `show info float`.
    Float(f64),
    /// Text.
    Text(String),
}

impl Cell {
    /// The type as typed output names it; empty for [`Cell::Empty`].
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Empty => "",
            Self::U32(_) => "u32",
            Self::U64(_) => "u64",
            Self::S32(_) => "s32",
            Self::Float(_) => "flt",
            Self::Text(_) => "str",
        }
    }

    /// The number, if it is one.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Empty | Self::Text(_) => None,
            Self::U32(n) => Some(f64::from(*n)),
            Self::U64(n) => Some(*n as f64),
            Self::S32(n) => Some(f64::from(*n)),
            Self::Float(n) => Some(*n),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => Ok(()),
            Self::U32(n) => write!(f, "{n}"),
            Self::U64(n) => write!(f, "{n}"),
            Self::S32(n) => write!(f, "{n}"),
            Self::Float(n) => write!(f, "{n:.6}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl From<u32> for Cell {
    fn from(n: u32) -> Self {
        Self::U32(n)
    }
}

impl From<u64> for Cell {
    fn from(n: u64) -> Self {
        Self::U64(n)
    }
}

impl From<&str> for Cell {
    /// Empty text does not apply.
    fn from(text: &str) -> Self {
        if text.is_empty() { Self::Empty } else { Self::Text(text.to_owned()) }
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Empty, Into::into)
    }
}

/// Origin, nature and scope of a value: three letters (manual of management 9.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tags(pub &'static str);

impl Tags {
    /// The words that JSON output has for the letters.
    #[must_use]
    pub fn words(self) -> [&'static str; 3] {
        let letters = self.0.as_bytes();
        let word = |at: usize, words: &[(u8, &'static str)]| {
            let letter = letters.get(at);
            words.iter().find(|(l, _)| Some(l) == letter).map_or("Unknown", |(_, w)| w)
        };
        [
            word(
                0,
                &[
                    (b'M', "Metric"),
                    (b'S', "Status"),
                    (b'K', "Key"),
                    (b'C', "Config"),
                    (b'P', "Product"),
                ],
            ),
            word(
                1,
                &[
                    (b'G', "Gauge"),
                    (b'L', "Limit"),
                    (b'm', "Min"),
                    (b'M', "Max"),
                    (b'R', "Rate"),
                    (b'C', "Counter"),
                    (b'D', "Duration"),
                    (b'A', "Age"),
                    (b'T', "Time"),
                    (b'N', "Name"),
                    (b'O', "Output"),
                    (b'a', "Avg"),
                ],
            ),
            word(2, &[(b'C', "Cluster"), (b'P', "Process"), (b'S', "Service"), (b'Y', "System")]),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_have_words() {
        assert_eq!(Tags("MaP").words(), ["Metric", "Avg", "Process"]);
        assert_eq!(Tags("KNS").words(), ["Key", "Name", "Service"]);
        assert_eq!(Tags("POS").words(), ["Product", "Output", "Service"]);
    }

    #[test]
    fn text_without_content_does_not_apply() {
        assert_eq!(Cell::from(""), Cell::Empty);
        assert_eq!(Cell::from(Some(3_u32)).to_string(), "3");
        assert_eq!(Cell::from(None::<u64>), Cell::Empty);
    }
}

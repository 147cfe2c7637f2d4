//! What is wrong with an expression, where exactly, and what was probably meant.
use std::fmt;

/// An error in one or several words of configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Which of the words handed over, from 0. Always 0 where one text was handed over.
    pub word: usize,
    /// Byte offset inside that word.
    pub offset: usize,
    /// What is wrong, one sentence without a final dot.
    pub message: String,
    /// What was probably meant: the bare word.
    pub suggestion: Option<String>,
}

impl ParseError {
    /// An error at an offset of the first word.
    pub fn at(offset: usize, message: impl Into<String>) -> Self {
        Self { word: 0, offset, message: message.into(), suggestion: None }
    }

    /// Names what was probably meant.
    #[must_use]
    pub fn meant(mut self, suggestion: Option<&str>) -> Self {
        self.suggestion = suggestion.map(str::to_owned);
        self
    }

    /// Moves the error to another word.
    #[must_use]
    pub fn in_word(mut self, word: usize) -> Self {
        self.word = word;
        self
    }

    /// Moves the error to the right inside its word.
    #[must_use]
    pub fn shifted(mut self, by: usize) -> Self {
        self.offset += by;
        self
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.suggestion {
            Some(word) => write!(f, "; did you mean '{word}'?"),
            None => Ok(()),
        }
    }
}
impl std::error::Error for ParseError {}

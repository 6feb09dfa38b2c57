//! Codes: the names by which packs, files and URLs know things.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::CatalogError;

/// 1 to 60 of a-z, 0-9 and hyphen.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Code(String);

const LENGTH_MAX: usize = 60;

impl Code {
    /// Reads a code; upper case is refused, so that one thing has one name.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        let is_known = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if text.is_empty() || text.len() > LENGTH_MAX || !text.bytes().all(is_known) {
            return Err(CatalogError::Code { text: text.chars().take(LENGTH_MAX).collect() });
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// These codes with commas between, which no code has.
    pub(crate) fn listed(codes: &[Self]) -> String {
        codes.iter().map(Self::as_str).collect::<Vec<_>>().join(",")
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Code {
    type Error = CatalogError;
    fn try_from(text: String) -> Result<Self, CatalogError> {
        Self::parse(&text)
    }
}

impl From<Code> for String {
    fn from(code: Code) -> Self {
        code.0
    }
}

/// The one of `all` whose word is `text`.
pub(crate) fn word_of<T: Copy>(
    what: &'static str,
    all: &[T],
    word: fn(T) -> &'static str,
    text: &str,
) -> Result<T, CatalogError> {
    let found = all.iter().copied().find(|one| word(*one) == text);
    found.ok_or_else(|| CatalogError::Word { what, text: text.chars().take(LENGTH_MAX).collect() })
}

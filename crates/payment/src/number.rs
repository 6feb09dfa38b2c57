//! The numbers by which gateways know our tries to pay and our refunds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const TEXT_LEN: usize = 26;

/// A number of ours at a gateway, never used twice: 26 characters that every gateway takes (a ULID).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutNo(u128);

/// Why a text is not a number of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a number of 26 characters")]
pub struct OutNoError;

impl OutNo {
    /// A new number, later than every number this process made before.
    #[expect(clippy::new_without_default, reason = "a default number would suggest that there is a neutral one")]
    pub fn new() -> Self {
        Self(Uuid::now_v7().as_u128())
    }

    /// Reads the text form; lower case is accepted.
    pub fn parse(text: &str) -> Result<Self, OutNoError> {
        if text.len() != TEXT_LEN {
            return Err(OutNoError);
        }
        let mut value: u128 = 0;
        for (index, byte) in text.bytes().enumerate() {
            let digit = ALPHABET.iter().position(|&c| c == byte.to_ascii_uppercase()).ok_or(OutNoError)?;
            if index == 0 && digit > 7 {
                return Err(OutNoError); // 26 digits hold 130 bits, the first may use 3 only
            }
            value = (value << 5) | digit as u128;
        }
        Ok(Self(value))
    }
}

impl fmt::Display for OutNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0u8; TEXT_LEN];
        for (index, slot) in text.iter_mut().enumerate() {
            let shift = 5 * (TEXT_LEN - 1 - index);
            *slot = ALPHABET[((self.0 >> shift) & 31) as usize];
        }
        f.write_str(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
    }
}

impl fmt::Debug for OutNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for OutNo {
    type Err = OutNoError;
    fn from_str(text: &str) -> Result<Self, OutNoError> {
        Self::parse(text)
    }
}

impl Serialize for OutNo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for OutNo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_number_reads_back(raw in any::<u128>()) {
            let number = OutNo(raw);
            prop_assert_eq!(OutNo::parse(&number.to_string()), Ok(number));
            prop_assert_eq!(OutNo::parse(&number.to_string().to_lowercase()), Ok(number));
        }

        #[test]
        fn any_text_is_read_or_refused_without_panic(text in "\\PC{0,40}", near in "[0-9A-Za-z]{26}") {
            let _ = OutNo::parse(&text);
            let _ = OutNo::parse(&near);
        }
    }

    #[test]
    fn numbers_ascend() {
        let numbers: Vec<OutNo> = (0..1000).map(|_| OutNo::new()).collect();
        assert!(numbers.is_sorted());
    }
}

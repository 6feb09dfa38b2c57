//! Session tokens: the browser holds the token, the database its hash.

use kernel::{Secret, hex};
use sha2::{Digest, Sha256};

const BYTES: usize = 32;

/// 256 random bits that stand for a session. A hash without salt is enough for what cannot be guessed.
#[derive(Clone, Debug)]
pub struct Token(Secret<[u8; BYTES]>);

impl Token {
    /// A token nobody else has.
    #[expect(clippy::new_without_default, reason = "a default token would suggest that there is a neutral one")]
    pub fn new() -> Self {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
        Self(Secret::new(bytes))
    }

    /// Reads a cookie's text: 64 lower-case hexadecimal digits, or it is none of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 2 * BYTES {
            return None;
        }
        let mut bytes = [0; BYTES];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Some(Self(Secret::new(bytes)))
    }

    /// The text for the cookie.
    pub fn text(&self) -> Secret<String> {
        Secret::new(hex(self.0.expose()))
    }

    /// What the database holds.
    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0.expose()).to_vec()
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_token_reads_back_from_its_text() {
        let token = Token::new();
        let read = Token::parse(token.text().expose()).expect("its own text");
        assert_eq!(read.0.expose(), token.0.expose());
    }

    #[test]
    fn tokens_differ() {
        assert_ne!(Token::new().0.expose(), Token::new().0.expose());
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Token::new()), "Token(Secret(..))");
    }

    proptest! {
        #[test]
        fn any_cookie_is_read_or_refused_without_panic(text in "\\PC{0,80}", hex in "[0-9a-f]{60,70}") {
            let _ = Token::parse(&text);
            prop_assert_eq!(Token::parse(&hex).is_some(), hex.len() == 64);
        }
    }
}

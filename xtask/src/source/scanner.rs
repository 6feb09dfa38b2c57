//! Tells code from strings, characters and comments, one byte at a time.
//!
//! Invariant: the code it returns is byte for byte as long as the text, so that an offset means the same in both.

use std::ops::Range;

use super::is_word;

/// What a scan finds.
pub struct Parts {
    /// The text with everything that is not code blanked; line breaks stay.
    pub code: String,
    /// The insides of the string literals, quotes excluded.
    pub literals: Vec<Range<usize>>,
}

/// Takes a Rust text apart. An unclosed string or comment runs to the end of the text.
pub fn scan(text: &str) -> Parts {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut literals = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let token = token_at(bytes, at);
        if let Some(inside) = token.string {
            literals.push(inside);
        }
        if token.is_blank {
            blank(&mut code[at..token.end]);
        }
        at = token.end;
    }
    Parts { code: String::from_utf8(code).expect("blanking replaces whole characters"), literals }
}

struct Token {
    end: usize,
    is_blank: bool,
    string: Option<Range<usize>>,
}

impl Token {
    fn code(end: usize) -> Self {
        Self { end, is_blank: false, string: None }
    }

    fn blank(end: usize) -> Self {
        Self { end, is_blank: true, string: None }
    }

    fn string(inside: Range<usize>, end: usize) -> Self {
        Self { end, is_blank: true, string: Some(inside) }
    }
}

fn token_at(bytes: &[u8], at: usize) -> Token {
    let rest = &bytes[at..];
    match rest[0] {
        b'/' if rest.starts_with(b"//") => Token::blank(at + position(rest, b"\n").unwrap_or(rest.len())),
        b'/' if rest.starts_with(b"/*") => Token::blank(at + block_comment_len(rest)),
        b'"' => plain_string(bytes, at),
        b'\'' => char_len(rest).map_or(Token::code(at + 1), |len| Token::blank(at + len)),
        byte if is_word(byte) => word_or_raw_string(bytes, at),
        _ => Token::code(at + 1),
    }
}

/// A whole word, so that the `r` of a raw string is never the last letter of a name.
fn word_or_raw_string(bytes: &[u8], at: usize) -> Token {
    let len = bytes[at..].iter().take_while(|byte| is_word(**byte)).count();
    let end = at + len;
    if !matches!(&bytes[at..end], b"r" | b"br" | b"cr") {
        return Token::code(end);
    }
    let hashes = bytes[end..].iter().take_while(|byte| **byte == b'#').count();
    let open = end + hashes;
    if bytes.get(open) != Some(&b'"') {
        return Token::code(end);
    }
    let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    let inside = open + 1;
    match position(&bytes[inside..], &close) {
        Some(len) => Token::string(inside..inside + len, inside + len + close.len()),
        None => Token::string(inside..bytes.len(), bytes.len()),
    }
}

fn plain_string(bytes: &[u8], at: usize) -> Token {
    let mut end = at + 1;
    while end < bytes.len() {
        match bytes[end] {
            b'"' => return Token::string(at + 1..end, end + 1),
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
    Token::string(at + 1..bytes.len(), bytes.len())
}

/// The length of the character literal that `rest` begins with; none for a lifetime.
fn char_len(rest: &[u8]) -> Option<usize> {
    if rest.get(1) == Some(&b'\\') {
        return position(rest.get(3..)?, b"'").map(|len| len + 4);
    }
    let first = *rest.get(1)?;
    let width = match first.leading_ones() {
        0 => 1,
        ones => ones as usize,
    };
    (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
}

fn block_comment_len(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

//! Rust text taken apart just far enough for the house rules: what is code, what is a string, what is a test.
//!
//! A real parser would know more and would cost every first build its seconds; the rules need only this much.

mod scanner;

use std::ops::Range;

/// One Rust file with its parts told apart.
pub struct Source {
    path: String,
    text: String,
    /// The text with strings, characters and comments blanked; byte for byte as long as the text.
    code: String,
    literals: Vec<Range<usize>>,
    tests: Vec<Range<usize>>,
    line_starts: Vec<usize>,
}

/// A function that has a body.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    pub offset: usize,
    /// From the line of `fn` to the line of the closing brace.
    pub lines: usize,
}

impl Source {
    /// Takes `text` apart. `path` is relative to the workspace, with forward slashes.
    pub fn new(path: &str, text: &str) -> Self {
        let scanner::Parts { code, literals } = scanner::scan(text);
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let tests = test_spans(&code);
        Self { path: path.to_owned(), text: text.to_owned(), code, literals, tests, line_starts }
    }

    /// The path relative to the workspace.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The text without its strings and comments; offsets are those of the file.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Every string literal as written, with the offset of its first character.
    pub fn literals(&self) -> impl Iterator<Item = (usize, &str)> {
        self.literals.iter().map(|span| (span.start, &self.text[span.clone()]))
    }

    /// How many lines the file has.
    pub fn line_count(&self) -> usize {
        self.text.lines().count()
    }

    /// The line of an offset, counted from one.
    pub fn line_of(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= offset)
    }

    /// Whether the file is `place`, the module file of `place`, or lies in the folder `place`.
    pub fn is_under(&self, place: &str) -> bool {
        let rest = self.path.strip_prefix(place);
        rest.is_some_and(|rest| rest.is_empty() || rest == ".rs" || rest.starts_with('/'))
    }

    /// Whether the offset lies in test code: a file `tests.rs`, a folder `tests`, an item under `#[cfg(test)]`.
    pub fn is_test(&self, offset: usize) -> bool {
        let mut names = self.path.split('/');
        names.any(|name| name == "tests" || name == "tests.rs") || self.tests.iter().any(|span| span.contains(&offset))
    }

    /// Every function with a body, nested ones too.
    pub fn functions(&self) -> Vec<Function> {
        self.code.match_indices("fn").filter_map(|(at, _)| self.function_at(at)).collect()
    }

    fn function_at(&self, offset: usize) -> Option<Function> {
        let before = self.code[..offset].bytes().next_back();
        let after = &self.code[offset + 2..];
        let name_text = after.trim_start();
        if before.is_some_and(is_word) || name_text.len() == after.len() {
            return None;
        }
        let name: String =
            name_text.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '$' | '#')).collect();
        if name.is_empty() {
            return None;
        }
        let body = body_after(&self.code, offset)?;
        let lines = self.line_of(body.end.saturating_sub(1)) - self.line_of(offset) + 1;
        Some(Function { name, offset, lines })
    }
}

/// Whether a byte can be part of a name.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

fn test_spans(code: &str) -> Vec<Range<usize>> {
    let marks = code.match_indices("#[cfg(test)]").chain(code.match_indices("#[cfg(all(test,"));
    marks.filter_map(|(at, _)| body_after(code, at).map(|body| at..body.end)).collect()
}

/// The next braced body at or after `from`, braces included; none if a semicolon ends the item first.
fn body_after(code: &str, from: usize) -> Option<Range<usize>> {
    let mut nesting = 0_usize;
    for (step, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => nesting += 1,
            b')' | b']' => nesting = nesting.saturating_sub(1),
            b'{' if nesting == 0 => return Some(step..closing_brace(code, step)),
            b';' if nesting == 0 => return None,
            _ => {}
        }
    }
    None
}

/// One past the brace that closes the one at `open`; the end of the file if none does.
fn closing_brace(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (step, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return step + 1,
            b'}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

#[cfg(test)]
mod tests;

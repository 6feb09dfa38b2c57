//! Writing rows that a spreadsheet shows and does not run.

use std::borrow::Cow;
use std::io::{self, ErrorKind, Write};

/// A cell to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cell<'a> {
    text: Cow<'a, str>,
}

impl<'a> Cell<'a> {
    /// Text that anybody may have made up: where it begins like a formula, an apostrophe is put in front
    /// (OWASP, CSV injection).
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        if text.starts_with(is_formula_start) { Self { text: format!("'{text}").into() } } else { Self { text } }
    }

    /// Text of our own making that must stay as it is: amounts, ids, moments.
    pub fn plain(text: impl Into<Cow<'a, str>>) -> Self {
        Self { text: text.into() }
    }

    /// What will be read back.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// The signs as OWASP lists them, with the full-width forms that spreadsheets in Chinese and Japanese accept.
const fn is_formula_start(letter: char) -> bool {
    matches!(letter, '=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠')
}

/// Writes rows to `W`, which should be buffered.
pub struct Writer<W> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// A file for programs.
    pub const fn new(out: W) -> Self {
        Self { out }
    }

    /// A file for people: with the byte order mark that Excel needs to see that it is UTF-8.
    pub fn for_spreadsheets(mut out: W) -> io::Result<Self> {
        out.write_all("\u{feff}".as_bytes())?;
        Ok(Self { out })
    }

    /// Writes one row of at least one cell. A NUL, which no reader accepts, is refused.
    pub fn row<'a>(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) -> io::Result<()> {
        let mut line = String::new();
        let mut count = 0;
        for cell in cells {
            if count > 0 {
                line.push(',');
            }
            push(&mut line, &cell.text)?;
            count += 1;
        }
        assert!(count > 0, "a row has a cell");
        if line.is_empty() {
            // An empty line would be passed over by readers.
            line.push_str("\"\"");
        }
        line.push_str("\r\n");
        self.out.write_all(line.as_bytes())
    }

    /// Flushes and gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Blanks at the ends are quoted too, because some programs cut them off otherwise. So is a byte order mark, which
/// would go lost at the beginning of a file.
fn push(line: &mut String, text: &str) -> io::Result<()> {
    if text.contains('\0') {
        return Err(io::Error::new(ErrorKind::InvalidInput, "a cell holds a NUL"));
    }
    let needs_quotes = text.contains([',', '"', '\r', '\n', '\u{feff}']) || text.trim().len() != text.len();
    if !needs_quotes {
        line.push_str(text);
        return Ok(());
    }
    line.push('"');
    line.push_str(&text.replace('"', "\"\""));
    line.push('"');
    Ok(())
}

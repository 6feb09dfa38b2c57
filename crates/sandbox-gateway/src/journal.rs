//! The journal: one JSON line for each change, read when the gateway opens, so that a restart forgets nothing.
//!
//! It is written anew at each opening, which keeps it as short as the book. Lines are not flushed to the disk: a
//! sandbox survives its own end, not the machine's. It holds the merchants' secrets.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use tracing::warn;

use crate::GatewayError;
use crate::book::{Book, Record};

/// Where changes are written down; nowhere, if no file was named.
pub(crate) struct Journal {
    file: Option<File>,
}

impl Journal {
    /// Reads the book back and opens the journal for more.
    pub(crate) fn open(path: Option<&Path>) -> Result<(Book, Self), GatewayError> {
        let Some(path) = path else { return Ok((Book::default(), Self { file: None })) };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let book = read(path)?;
        let file = rewrite(path, &book)?;
        Ok((book, Self { file: Some(file) }))
    }

    /// Writes changes down.
    pub(crate) fn append(&mut self, records: &[Record]) -> Result<(), GatewayError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut text = Vec::new();
        for record in records {
            write_line(&mut text, record)?;
        }
        Ok(file.write_all(&text)?)
    }
}

fn read(path: &Path) -> Result<Book, GatewayError> {
    let mut book = Book::default();
    let mut lines = match File::open(path) {
        Ok(file) => BufReader::new(file).lines().enumerate().peekable(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(book),
        Err(error) => return Err(error.into()),
    };
    while let Some((at, line)) = lines.next() {
        match serde_json::from_str(&line?) {
            Ok(record) => book.replay(record),
            // The last line may have been cut off by a crash; nobody was told that it was done.
            Err(_) if lines.peek().is_none() => warn!("the journal's last line is cut off and left out"),
            Err(_) => return Err(GatewayError::JournalLine { line: at + 1 }),
        }
    }
    Ok(book)
}

/// Writes the book to a fresh file beside the old one and puts it in its place.
fn rewrite(path: &Path, book: &Book) -> Result<File, GatewayError> {
    let mut fresh_path = PathBuf::from(path).into_os_string();
    fresh_path.push(".new");
    let mut options = OpenOptions::new();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut writer = BufWriter::new(options.open(&fresh_path)?);
    for record in book.records() {
        write_line(&mut writer, &record)?;
    }
    let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
    fs::rename(&fresh_path, path)?;
    Ok(file)
}

fn write_line(writer: &mut impl Write, record: &Record) -> io::Result<()> {
    serde_json::to_writer(&mut *writer, record)?;
    writer.write_all(b"\n")
}

//! The file, read once to see whether it can be read, and once more to take it.

use std::fs::File;
use std::io::{Read as _, Seek};
use std::ops::ControlFlow;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use sheet::{Format, Limits, SheetError};
use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::JoinHandle;

use crate::error::InventoryError;
use crate::model::NewCard;

use super::CHUNK;
use super::reading::{Read, Reader, Reading};
use super::report::RowFault;

/// A code has 1,024 bytes at most; a little more is read so that the fault can say so.
const LIMITS: Limits = Limits { rows_max: 500_000, cell_bytes_max: 2_048, columns_max: 64 };

/// Chunks read ahead of the database.
const AHEAD: usize = 2;

/// A row that is no header: a card and where it stands, or why there is none.
pub(crate) type Item = Result<(u64, NewCard), RowFault>;

/// A file that can be read to its end.
pub(crate) struct Scan {
    /// What it is.
    pub format: Format,
    /// Rows, the header not counted.
    pub rows: u64,
    /// SHA-256 of the whole.
    pub digest: Vec<u8>,
    file: File,
    reading: Reading,
    now: DateTime<Utc>,
}

/// The rows of a file, chunk by chunk, read by a thread of their own.
pub(crate) struct Items {
    chunks: Receiver<Vec<Item>>,
    reader: Option<JoinHandle<Result<(), InventoryError>>>,
}

impl Scan {
    /// Reads the file once; cards that run out by `now` are faults.
    pub async fn of(file: File, reading: Reading, now: DateTime<Utc>) -> Result<Self, InventoryError> {
        let scan = tokio::task::spawn_blocking(move || {
            let mut file = file;
            let format = sheet::format_of(&mut file)?;
            let digest = digest(&mut file).map_err(|source| SheetError::Unreadable { line: 0, source })?;
            let mut scan = Self { format, rows: 0, digest, file, reading, now };
            let mut rows = 0;
            scan.read(&mut |_| {
                rows += 1;
                ControlFlow::Continue(())
            })?;
            scan.rows = rows;
            Ok(scan)
        });
        scan.await.expect("reading a file does not panic")
    }

    /// Reads the file once more.
    pub fn items(self) -> Items {
        let (sender, chunks) = channel(AHEAD);
        let reader = tokio::task::spawn_blocking(move || {
            let mut chunk = Vec::with_capacity(CHUNK);
            self.read(&mut |item| {
                chunk.push(item);
                let is_full = chunk.len() == CHUNK;
                // Whoever took the rows has gone away: nobody wants the rest.
                let is_over = is_full && sender.blocking_send(std::mem::take(&mut chunk)).is_err();
                if is_over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })?;
            if !chunk.is_empty() {
                let _ = sender.blocking_send(chunk);
            }
            Ok(())
        });
        Items { chunks, reader: Some(reader) }
    }

    fn read(&self, take: &mut dyn FnMut(Item) -> ControlFlow<()>) -> Result<(), InventoryError> {
        let mut reader = Reader::new(self.format, &self.reading, self.now);
        let mut refusal = None;
        sheet::each(&self.file, &LIMITS, &mut |found| match reader.read(found) {
            Ok(Read::Header) => ControlFlow::Continue(()),
            Ok(Read::Card(row, card)) => take(Ok((row, card))),
            Ok(Read::Fault(fault)) => take(Err(fault)),
            Err(error) => {
                refusal = Some(error);
                ControlFlow::Break(())
            }
        })?;
        refusal.map_or(Ok(()), Err)
    }
}

impl Items {
    /// The next rows; none at the end of the file.
    pub async fn next(&mut self) -> Result<Option<Vec<Item>>, InventoryError> {
        if let Some(chunk) = self.chunks.recv().await {
            return Ok(Some(chunk));
        }
        match self.reader.take() {
            Some(reader) => reader.await.expect("reading a file does not panic").map(|()| None),
            None => Ok(None),
        }
    }
}

fn digest(file: &mut File) -> std::io::Result<Vec<u8>> {
    file.rewind()?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            read => hash.update(&buffer[..read]),
        }
    }
    file.rewind()?;
    Ok(hash.finalize().to_vec())
}

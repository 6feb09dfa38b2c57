//! What a workbook may unpack to, looked at before anything is kept of it.
//!
//! A few kilobytes can hold gigabytes (a zip bomb), and what the directory says about sizes need not be true: each part
//! is unpacked once into nothing, and counted.

use std::io::{Read, Seek, SeekFrom};

use crate::error::SheetError;

/// Parts of a workbook: sheets, styles, pictures.
const PARTS_MAX: u16 = 1_000;
/// The directory of the parts.
const DIRECTORY_BYTES_MAX: u32 = 1 << 20;
/// All parts unpacked.
const BYTES_MAX: u64 = 256 << 20;
/// A part that is neither a sheet nor the shared texts; these are read as a whole.
const OTHER_PART_BYTES_MAX: u64 = 16 << 20;
/// Tags in the shared texts: each text is a value in memory, however short.
const TEXT_TAGS_MAX: u64 = 8_000_000;

const END_BYTES: usize = 22;
const END_MARK: &[u8] = b"PK\x05\x06";
const LARGE_MARK: &[u8] = b"PK\x06\x07";
const LARGE_MARK_BYTES: usize = 20;
const COMMENT_BYTES_MAX: u64 = 65_535;

/// Refuses a workbook that unpacks to more than the limits; the file is at its beginning afterwards.
pub(super) fn check<F: Read + Seek>(file: &mut F) -> Result<(), SheetError> {
    directory(file)?;
    let mut archive = zip::ZipArchive::new(&mut *file).map_err(damaged)?;
    let mut left = BYTES_MAX;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(damaged)?;
        let name = String::from_utf8_lossy(part.name_raw()).to_lowercase();
        let is_text = name.ends_with("sharedstrings.xml");
        let bytes_max = if is_text || name.contains("worksheets/") || name.contains("media/") {
            left
        } else {
            left.min(OTHER_PART_BYTES_MAX)
        };
        left -= count(part, bytes_max, if is_text { TEXT_TAGS_MAX } else { u64::MAX })?;
    }
    drop(archive);
    file.rewind().map_err(|source| SheetError::Unreadable { line: 0, source })
}

/// Unpacks a part into nothing; answers its size.
fn count(mut part: impl Read, bytes_max: u64, tags_max: u64) -> Result<u64, SheetError> {
    let (mut bytes, mut tags) = (0u64, 0u64);
    let mut buffer = vec![0; 64 << 10];
    loop {
        let read = part.read(&mut buffer).map_err(|error| SheetError::DamagedWorkbook { reason: error.to_string() })?;
        if read == 0 {
            return Ok(bytes);
        }
        bytes += read as u64;
        tags += buffer[..read].iter().filter(|byte| **byte == b'<').count() as u64;
        if bytes > bytes_max || tags > tags_max {
            return Err(SheetError::TooMuchInside { bytes_max: BYTES_MAX });
        }
    }
}

/// Looks at the end of the archive, where the size of its directory stands; one that is written for more than 65,535
/// parts is none of a workbook.
fn directory<F: Read + Seek>(file: &mut F) -> Result<(), SheetError> {
    let unreadable = |source| SheetError::Unreadable { line: 0, source };
    let bytes = file.seek(SeekFrom::End(0)).map_err(unreadable)?;
    let tail = bytes.min(END_BYTES as u64 + LARGE_MARK_BYTES as u64 + COMMENT_BYTES_MAX);
    file.seek(SeekFrom::Start(bytes - tail)).map_err(unreadable)?;
    let mut end = Vec::new();
    file.by_ref().take(tail).read_to_end(&mut end).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    let reason = "it is cut off, or no workbook".to_owned();
    // Any end counts that a reader could take for one.
    let ends: Vec<usize> = end.windows(4).enumerate().filter(|(_, mark)| *mark == END_MARK).map(|(at, _)| at).collect();
    if ends.is_empty() {
        return Err(SheetError::DamagedWorkbook { reason });
    }
    for at in ends {
        let Some(record) = end.get(at..at + END_BYTES) else { continue };
        let parts = u16::from_le_bytes([record[10], record[11]]);
        let directory = u32::from_le_bytes([record[12], record[13], record[14], record[15]]);
        let is_large = at.checked_sub(LARGE_MARK_BYTES).is_some_and(|start| end[start..].starts_with(LARGE_MARK));
        if parts > PARTS_MAX || directory > DIRECTORY_BYTES_MAX || is_large {
            return Err(SheetError::TooMuchInside { bytes_max: BYTES_MAX });
        }
    }
    Ok(())
}

fn damaged(error: zip::result::ZipError) -> SheetError {
    SheetError::DamagedWorkbook { reason: error.to_string() }
}

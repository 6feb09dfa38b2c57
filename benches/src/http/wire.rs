//! HTTP/1.1 as thin as it goes: the load must not need more of the machine than what it measures.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Who got no answer by then gets none.
const PATIENCE: Duration = Duration::from_secs(30);
const HEAD_MAX: usize = 64 * 1024;

/// A client's connection, opened when it is first used and again after it broke.
pub(crate) struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    /// What was read and belongs to the answer.
    read: Vec<u8>,
    body: (usize, usize),
}

impl Connection {
    pub fn to(address: SocketAddr) -> Self {
        Self { address, stream: None, read: Vec::with_capacity(8 * 1024), body: (0, 0) }
    }

    /// Sends a request and reads its answer; the status. An error closes the connection.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<u16> {
        let asked = timeout(PATIENCE, self.exchange(request)).await;
        let answered = asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        if answered.is_err() {
            self.stream = None;
        }
        answered
    }

    /// The body of the last answer; chunked ones keep their sizes between the chunks.
    pub fn body(&self) -> &[u8] {
        &self.read[self.body.0..self.body.1]
    }

    async fn exchange(&mut self, request: &[u8]) -> io::Result<u16> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect(self.address).await?;
                stream.set_nodelay(true)?;
                none.insert(stream)
            }
        };
        stream.write_all(request).await?;
        self.read.clear();
        let head = loop {
            if let Some(end) = find(&self.read, b"\r\n\r\n") {
                break end + 4;
            }
            if self.read.len() > HEAD_MAX || stream.read_buf(&mut self.read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        let (status, length, is_last) = read_head(&self.read[..head]).ok_or(io::ErrorKind::InvalidData)?;
        loop {
            let end = match length {
                Length::Known(length) => Some(head + length).filter(|end| *end <= self.read.len()),
                Length::Chunked => end_of_chunks(&self.read, head),
            };
            if let Some(end) = end {
                self.body = (head, end);
                break;
            }
            if stream.read_buf(&mut self.read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        if is_last {
            self.stream = None;
        }
        Ok(status)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Known(usize),
    Chunked,
}

/// The status, the body's length, and whether the connection ends with it.
fn read_head(head: &[u8]) -> Option<(u16, Length, bool)> {
    let text = std::str::from_utf8(head).ok()?;
    let mut lines = text.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let (mut length, mut is_last) = (Length::Known(0), false);
    for line in lines {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            length = Length::Known(value.parse().ok()?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            length = Length::Chunked;
        } else if name.eq_ignore_ascii_case("connection") {
            is_last = value.eq_ignore_ascii_case("close");
        }
    }
    if matches!(status, 204 | 304) {
        length = Length::Known(0);
    }
    Some((status, length, is_last))
}

/// Where a chunked body that begins at `from` ends, if all of it is there.
fn end_of_chunks(bytes: &[u8], mut from: usize) -> Option<usize> {
    loop {
        let line = find(&bytes[from..], b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[from..from + line]).ok()?.trim(), 16).ok()?;
        from += line + 2 + size + 2;
        if from > bytes.len() {
            return None;
        }
        if size == 0 {
            return Some(from);
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_says_how_long_the_body_is() {
        let head = b"HTTP/1.1 201 Created\r\ncontent-length: 12\r\nX: y\r\n\r\n";
        assert_eq!(read_head(head), Some((201, Length::Known(12), false)));
        let head = b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
        assert_eq!(read_head(head), Some((503, Length::Chunked, true)));
        assert_eq!(read_head(b"nonsense\r\n\r\n"), None);
    }

    #[test]
    fn chunks_end_with_the_empty_one() {
        let body = b"4\r\nabcd\r\n0\r\n\r\n";
        assert_eq!(end_of_chunks(body, 0), Some(body.len()));
        for part in 0..body.len() {
            assert_eq!(end_of_chunks(&body[..part], 0), None, "{part}");
        }
    }
}

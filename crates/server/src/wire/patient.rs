//! A stream that is patient for so long and no longer.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Until so many bytes came nobody knows yet which protocol is spoken, and no other clock runs.
const OPENING: usize = 24;

/// Ends a connection that does not begin in time, and one that takes nothing of what is sent to it for too long.
pub(super) struct Patient<S> {
    stream: S,
    /// Runs until the opening is read.
    opening: Option<Pin<Box<Sleep>>>,
    read: usize,
    write_time: Duration,
    /// Runs while nothing can be sent.
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub fn new(stream: S, head_time: Duration, write_time: Duration) -> Self {
        Self { stream, opening: Some(Box::pin(sleep(head_time))), read: 0, write_time, stalled: None }
    }

    /// What a write came to; one that waits waits for so long.
    fn watch<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let write_time = self.write_time;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(write_time)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.opening.is_some() {
            self.read += buffer.filled().len() - before;
            if self.read >= OPENING {
                self.opening = None;
            }
        }
        match &mut self.opening {
            Some(opening) if read.is_pending() => {
                ready!(opening.as_mut().poll(context));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            _ => read,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(context, shut)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const LONG: Duration = Duration::from_secs(3600);
    const SHORT: Duration = Duration::from_millis(100);

    #[tokio::test]
    async fn who_does_not_begin_is_not_waited_for_and_who_has_begun_is() {
        let (ours, mut theirs) = duplex(64);
        let mut stream = Patient::new(ours, SHORT, LONG);
        theirs.write_all(b"GET").await.expect("sent");
        let mut buffer = [0; 64];
        assert_eq!(stream.read(&mut buffer).await.expect("read"), 3);
        let error = stream.read(&mut buffer).await.expect_err("nothing comes");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);

        let (ours, mut theirs) = duplex(64);
        let mut stream = Patient::new(ours, SHORT, LONG);
        theirs.write_all(&[b'x'; OPENING]).await.expect("sent");
        assert_eq!(stream.read(&mut buffer).await.expect("read"), OPENING);
        let later = tokio::spawn(async move {
            tokio::time::sleep(SHORT * 2).await;
            theirs.write_all(b"late").await.expect("sent");
        });
        assert_eq!(stream.read(&mut buffer).await.expect("read"), 4);
        later.await.expect("no panic");
    }

    #[tokio::test]
    async fn a_reader_gets_all_of_it_and_one_who_stops_is_left() {
        let (ours, mut theirs) = duplex(4);
        let mut stream = Patient::new(ours, LONG, SHORT);
        let reader = tokio::spawn(async move {
            let mut buffer = [0; 40];
            theirs.read_exact(&mut buffer).await.expect("read");
            theirs
        });
        stream.write_all(&[b'x'; 40]).await.expect("sent piece by piece");
        let _theirs = reader.await.expect("no panic");
        let error = stream.write_all(&[b'x'; 40]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}

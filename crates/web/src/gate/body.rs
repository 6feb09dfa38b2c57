//! A body that is read whole, in no more memory than it has bytes, however small the pieces are that it comes in.

use axum::body::{Body, Bytes, HttpBody};
use http_body_util::BodyExt;

/// Bytes that hardly any body has more of.
const USUAL: usize = 4 * 1024;

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broken {
    /// It is larger than it may be.
    TooLarge,
    /// It ended before its end.
    Off,
}

/// All of a body of `most` bytes at most. Every piece is copied and let go: kept as they come, pieces of one byte would
/// take forty times their size.
pub(crate) async fn whole(mut body: Body, most: usize) -> Result<Bytes, Broken> {
    if body.size_hint().lower() > most as u64 {
        return Err(Broken::TooLarge);
    }
    // What a client says of the length is room for a usual body at most: it costs him nothing to say more.
    let said = usize::try_from(body.size_hint().lower()).unwrap_or(most);
    let mut whole = Vec::with_capacity(said.min(USUAL));
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_| Broken::Off)?.into_data() else { continue };
        if whole.len() + piece.len() > most {
            return Err(Broken::TooLarge);
        }
        whole.extend_from_slice(&piece);
    }
    Ok(Bytes::from(whole))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;

    use futures::stream;

    use super::*;

    /// A byte that knows whether it is still kept.
    struct Kept {
        _counted: Arc<()>,
    }

    impl AsRef<[u8]> for Kept {
        fn as_ref(&self) -> &[u8] {
            b"x"
        }
    }

    #[tokio::test]
    async fn no_piece_of_a_body_is_kept_once_it_is_read() {
        let kept = Arc::new(());
        let (counted, most) = (Arc::clone(&kept), 1000);
        let pieces = (0..most).map(move |_| {
            assert!(Arc::strong_count(&counted) < 10, "{} pieces are kept", Arc::strong_count(&counted));
            Ok::<_, Infallible>(Bytes::from_owner(Kept { _counted: Arc::clone(&counted) }))
        });
        let read = whole(Body::from_stream(stream::iter(pieces)), most).await;
        assert_eq!(read.map(|bytes| bytes.len()), Ok(most));
        assert_eq!(Arc::strong_count(&kept), 1);
    }

    #[tokio::test]
    async fn a_body_has_the_bytes_it_may_have_and_none_more() {
        let pieces = |count: usize| Body::from_stream(stream::iter(vec![Ok::<_, Infallible>("ab"); count]));
        assert_eq!(whole(pieces(4), 8).await, Ok(Bytes::from_static(b"abababab")));
        assert_eq!(whole(pieces(5), 8).await, Err(Broken::TooLarge));
        assert_eq!(whole(Body::from("nine bytes"), 8).await, Err(Broken::TooLarge));
        let torn = stream::iter([Ok("ab"), Err(std::io::Error::other("torn"))]);
        assert_eq!(whole(Body::from_stream(torn), 8).await, Err(Broken::Off));
    }
}

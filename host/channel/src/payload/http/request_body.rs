//! The limit on the body of a request: refused early where its size is announced, cut where it is not.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use patchbay_model::{Body, BodyError, Fault, FaultKind};

/// Tells whether a body ran into its limit, if it could.
#[derive(Debug, Clone, Default)]
pub(super) struct Overrun(Option<Arc<AtomicBool>>);

impl Overrun {
    /// The fault to answer with, if the body was larger than its limit.
    pub(super) fn fault(&self, limit: u64) -> Option<Fault> {
        self.0.as_ref().is_some_and(|overrun| overrun.load(Ordering::Acquire)).then(|| too_large(limit))
    }
}

fn too_large(limit: u64) -> Fault {
    Fault::new(FaultKind::TooLarge, format!("the request body is larger than the {limit} bytes this service accepts"))
}

/// Refuses a body that announces more than `limit` bytes, and limits one that announces nothing.
pub(super) fn limit(body: &mut Body, limit: u64) -> Result<Overrun, Fault> {
    let hint = body.size_hint();
    if hint.lower() > limit {
        return Err(too_large(limit));
    }
    if hint.upper().is_some_and(|upper| upper <= limit) {
        return Ok(Overrun::default());
    }
    let overrun = Arc::<AtomicBool>::default();
    let told = Overrun(Some(Arc::clone(&overrun)));
    let unlimited = std::mem::take(body);
    *body = Body::new(Limited { body: unlimited, left: limit, limit, overrun });
    Ok(told)
}

/// A body that ends with an error when more bytes come than were left.
struct Limited {
    body: Body,
    left: u64,
    limit: u64,
    overrun: Arc<AtomicBool>,
}

impl http_body::Body for Limited {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => frame,
            other => return other,
        };
        let size = frame.data_ref().map_or(0, |data| data.len() as u64);
        match self.left.checked_sub(size) {
            Some(left) => {
                self.left = left;
                Poll::Ready(Some(Ok(frame)))
            }
            None => {
                self.overrun.store(true, Ordering::Release);
                Poll::Ready(Some(Err(BodyError::TooLarge { limit: self.limit })))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::{BodyExt, StreamBody};
    use patchbay_model::full_body;

    use super::*;

    /// A body that announces no size.
    fn chunked(pieces: &'static [&'static str]) -> Body {
        let mut frames = pieces.iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes()))));
        Body::new(StreamBody::new(Pieces(Box::new(move || frames.next()))))
    }

    type Piece = Option<Result<Frame<Bytes>, BodyError>>;

    struct Pieces(Box<dyn FnMut() -> Piece + Send>);

    impl futures_core::Stream for Pieces {
        type Item = Result<Frame<Bytes>, BodyError>;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Piece> {
            Poll::Ready((self.0)())
        }
    }

    #[tokio::test]
    async fn sizes_are_held_to_the_limit() {
        for (mut body, fits) in [
            (full_body("1234"), Some(true)),
            (full_body("12345"), None),
            (chunked(&["12", "34"]), Some(true)),
            (chunked(&["12", "345"]), Some(false)),
            (chunked(&[]), Some(true)),
        ] {
            let limited = limit(&mut body, 4);
            let Some(fits) = fits else {
                assert_eq!(limited.unwrap_err().kind(), FaultKind::TooLarge);
                continue;
            };
            let overrun = limited.unwrap();
            assert_eq!(body.collect().await.is_ok(), fits);
            assert_eq!(overrun.fault(4).is_none(), fits);
        }
    }
}

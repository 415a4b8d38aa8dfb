//! A reply that was complete before anybody read it, as most are: nothing has to be waited for or watched.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use patchbay_model::{Body, BodyError, Hold};
use wasmtime_wasi_http::{Error, WasiBody};

/// What a guest that is done has written.
pub(super) enum Settled {
    /// All there is: the length is known, and nothing has to be waited for.
    Whole(Pieces),
    /// These, and what the body still has.
    Streaming(VecDeque<Result<Frame<Bytes>, Error>>),
}

/// Reads what there is without waiting.
pub(super) fn settle(inner: &mut WasiBody) -> Settled {
    let mut cx = Context::from_waker(Waker::noop());
    let (mut first, mut others) = (None, VecDeque::new());
    loop {
        let next = match Pin::new(&mut *inner).poll_frame(&mut cx) {
            Poll::Ready(None) => return Settled::Whole(Pieces { first, others }),
            Poll::Ready(Some(Ok(frame))) => Some(frame.into_data().map_err(Ok)),
            Poll::Ready(Some(Err(error))) => Some(Err(Err(error))),
            Poll::Pending => None,
        };
        match next {
            Some(Ok(piece)) if first.is_none() => first = Some(piece),
            Some(Ok(piece)) => others.push_back(piece),
            other => {
                let last = other.and_then(Result::err);
                let pieces = first.into_iter().chain(others).map(|piece| Ok(Frame::data(piece)));
                return Settled::Streaming(pieces.chain(last).collect());
            }
        }
    }
}

/// The pieces of a body. There is mostly one.
pub(super) struct Pieces {
    first: Option<Bytes>,
    others: VecDeque<Bytes>,
}

impl Pieces {
    /// The body of these pieces. `hold` is let go of with it.
    pub(super) fn into_body(self, hold: Hold) -> Body {
        if self.others.is_empty() {
            let mut body = Body::whole(self.first.unwrap_or_default());
            body.hold(hold);
            body
        } else {
            Body::new(InPieces { pieces: self, _hold: hold })
        }
    }
}

/// A body of several pieces.
struct InPieces {
    pieces: Pieces,
    _hold: Hold,
}

impl http_body::Body for InPieces {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let piece = self.pieces.first.take().or_else(|| self.pieces.others.pop_front());
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.first.is_none() && self.pieces.others.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let pieces = self.pieces.first.iter().chain(&self.pieces.others);
        SizeHint::with_exact(pieces.map(|piece| piece.len() as u64).sum())
    }
}

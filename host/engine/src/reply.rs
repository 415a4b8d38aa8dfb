//! The body of a reply while an instance writes it, the same for both versions of WASI.

mod whole;

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use patchbay_model::{Body, BodyError, Fault, Hold, Reply};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::body::{broken_off, from_guest};
use whole::{Settled, settle};

/// What is behind a body: the work of an instance on a call.
pub(crate) trait Work: Send + Unpin + 'static {
    /// How the body ended whose writer is gone: `None` if it was finished, the fault if it was broken off.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Option<Fault>>;

    /// Ready once the work has ended in a fault that the reader has to hear of at once.
    fn poll_fault(&mut self, _cx: &mut Context<'_>) -> Poll<Fault> {
        Poll::Pending
    }

    /// The fault that the work ended in, if it did.
    fn fault(&self) -> Option<Fault>;

    /// The reader has everything.
    fn complete(&mut self);

    /// The reader went away before it had everything.
    fn abandon(&mut self);
}

/// What a guest answered: the head, in the reply that it becomes, and the body as the guest writes it.
pub(crate) struct Answered {
    reply: Reply,
    body: WasiBody,
}

impl From<http::Response<WasiBody>> for Answered {
    fn from(response: http::Response<WasiBody>) -> Self {
        let (head, body) = response.into_parts();
        Self { reply: Reply::from_parts(head, Body::default()), body }
    }
}

/// Makes the reply to a caller of a guest that may still be at work on it. `bodyless` says that the caller does not
/// read a body.
pub(crate) fn reply<W: Work>(answered: Answered, bodyless: bool, work: W, hold: Hold) -> Reply {
    streaming(answered, VecDeque::new(), bodyless, work, hold)
}

/// Makes the reply to a caller of a guest that has nothing more to do with it.
pub(crate) fn settled<W: Work>(mut answered: Answered, bodyless: bool, work: W, hold: Hold) -> Reply {
    match settle(&mut answered.body) {
        Settled::Whole(pieces) => {
            *answered.reply.body_mut() = pieces.into_body(hold);
            answered.reply
        }
        Settled::Streaming(ready) => streaming(answered, ready, bodyless, work, hold),
    }
}

/// `ready` was read of the body before.
fn streaming<W: Work>(
    Answered { mut reply, body: inner }: Answered,
    ready: VecDeque<Result<Frame<Bytes>, Error>>,
    bodyless: bool,
    work: W,
    hold: Hold,
) -> Reply {
    let unread = bodyless || matches!(reply.status(), http::StatusCode::NO_CONTENT | http::StatusCode::NOT_MODIFIED);
    let length = reply.headers().get(http::header::CONTENT_LENGTH);
    let remaining = length.and_then(|length| length.to_str().ok()).and_then(|length| length.parse().ok());
    let mut body = GuestBody { ready, inner, work, remaining, complete: false, ended: false, hold: Some(hold) };
    if unread {
        body.complete();
    }
    *reply.body_mut() = Body::new(body);
    reply
}

struct GuestBody<W: Work> {
    ready: VecDeque<Result<Frame<Bytes>, Error>>,
    inner: WasiBody,
    work: W,
    /// Bytes that are still to come, if the guest said how many.
    remaining: Option<u64>,
    /// Whether the reader has everything. Readers need not ask for the end of a body whose length they know.
    complete: bool,
    /// Whether the end was told.
    ended: bool,
    hold: Option<Hold>,
}

impl<W: Work> GuestBody<W> {
    fn complete(&mut self) {
        if !self.complete {
            self.complete = true;
            self.work.complete();
        }
    }

    fn end(&mut self) {
        self.ended = true;
        self.complete();
        self.hold = None;
    }

    /// Takes note of a piece, which must not be larger than what is still promised: what is cut off is not what the
    /// guest meant.
    fn note(&mut self, frame: &Frame<Bytes>) -> Result<(), BodyError> {
        if let (Some(remaining), Some(piece)) = (&mut self.remaining, frame.data_ref()) {
            *remaining = remaining
                .checked_sub(piece.len() as u64)
                .ok_or_else(|| BodyError::Failed("it wrote more than its content-length says".to_owned()))?;
            if *remaining == 0 {
                self.complete();
            }
        }
        Ok(())
    }
}

impl<W: Work> http_body::Body for GuestBody<W> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(None);
        }
        let next = match this.ready.pop_front() {
            Some(frame) => Some(frame),
            None => match Pin::new(&mut this.inner).poll_frame(cx) {
                Poll::Ready(next) => next,
                Poll::Pending => {
                    let fault = ready!(this.work.poll_fault(cx));
                    this.end();
                    return Poll::Ready(Some(Err(broken_off(&fault))));
                }
            },
        };
        Poll::Ready(match next {
            Some(Ok(frame)) => Some(match this.note(&frame) {
                Ok(()) => Ok(frame),
                Err(error) => {
                    this.end();
                    Err(error)
                }
            }),
            Some(Err(error)) => {
                let fault = this.work.fault();
                this.end();
                Some(Err(fault.map_or_else(|| from_guest(&error), |fault| broken_off(&fault))))
            }
            // The guest's end of the body is gone: because it finished it, or because the instance is gone.
            None => {
                let fault = ready!(this.work.poll_end(cx));
                this.end();
                fault.map(|fault| Err(broken_off(&fault)))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.ended || (self.complete && self.remaining == Some(0))
    }

    fn size_hint(&self) -> SizeHint {
        self.remaining.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl<W: Work> Drop for GuestBody<W> {
    fn drop(&mut self) {
        // A reader that has everything is not gone: the guest may do what it still has to do.
        if !self.complete {
            self.work.abandon();
        }
    }
}

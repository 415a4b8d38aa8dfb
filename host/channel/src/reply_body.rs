//! The body of a reply on its way back: still bound by the deadline, and still holding what the call occupies.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use patchbay_model::{Body, BodyError, Hold};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Binds `body` to the deadline and to the cut of its revision. `hold` is let go when the body is over.
pub(crate) fn bind(body: Body, deadline: Instant, cut: &CancellationToken, hold: Hold) -> Body {
    if body.is_end_stream() {
        return body;
    }
    Bound { body, _hold: hold, end: End::Ahead { deadline, cut: cut.clone() } }.boxed_unsync()
}

struct Bound {
    body: Body,
    _hold: Hold,
    end: End,
}

/// What ends a body from outside. Most bodies never wait, and never need the timers.
enum End {
    Ahead { deadline: Instant, cut: CancellationToken },
    Watched { deadline: Pin<Box<Sleep>>, cut: Pin<Box<WaitForCancellationFutureOwned>> },
}

impl End {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<BodyError> {
        if let Self::Ahead { deadline, cut } = self {
            *self = Self::Watched {
                deadline: Box::pin(sleep_until(*deadline)),
                cut: Box::pin(cut.clone().cancelled_owned()),
            };
        }
        let Self::Watched { deadline, cut } = self else {
            return Poll::Pending;
        };
        if deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(BodyError::Deadline);
        }
        cut.as_mut()
            .poll(cx)
            .map(|()| BodyError::Aborted("its revision was replaced and did not finish in time".into()))
    }
}

impl http_body::Body for Bound {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Pending => self.end.poll(cx).map(|error| Some(Err(error))),
            ready @ Poll::Ready(_) => ready,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

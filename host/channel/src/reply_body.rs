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
    Bound { body, _hold: hold, deadline, cut: cut.clone(), alarm: None }.boxed_unsync()
}

struct Bound {
    body: Body,
    _hold: Hold,
    deadline: Instant,
    cut: CancellationToken,
    /// Wakes the reader of a body that waits. Most bodies never wait, and never need it.
    alarm: Option<Alarm>,
}

struct Alarm {
    deadline: Pin<Box<Sleep>>,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Bound {
    /// What ends the body from outside, if it has come. Asked before the body itself, which may never pause.
    fn ended(&self) -> Option<BodyError> {
        if Instant::now() >= self.deadline {
            return Some(BodyError::Deadline);
        }
        let replaced = || BodyError::Aborted("its revision was replaced and it did not end in time".to_owned());
        self.cut.is_cancelled().then(replaced)
    }

    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let alarm = self.alarm.get_or_insert_with(|| Alarm {
            deadline: Box::pin(sleep_until(self.deadline)),
            cut: Box::pin(self.cut.clone().cancelled_owned()),
        });
        if alarm.deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        alarm.cut.as_mut().poll(cx)
    }
}

impl http_body::Body for Bound {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(error) = self.ended() {
            return Poll::Ready(Some(Err(error)));
        }
        match Pin::new(&mut self.body).poll_frame(cx) {
            // An alarm that goes off now has the body asked again, and then it is ended.
            Poll::Pending => self.poll_alarm(cx).map(|()| self.ended().map(Err)),
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

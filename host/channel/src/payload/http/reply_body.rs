//! The body of a reply on its way back: still bound by the deadline and by its size, and still holding what the call
//! occupies.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use patchbay_model::units::format_size;
use patchbay_model::{Body, BodyError, Fault, FaultKind, Hold};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use crate::breaker::{Breaker, Trial};
use crate::deadline::Limit;
use crate::payload::Bounds;

/// Refuses a body that announces more than `limit` bytes, while there is a caller to tell it to.
pub(super) fn check(body: &Body, limit: u64) -> Result<(), Fault> {
    let size = body.size_hint().lower();
    if size <= limit {
        return Ok(());
    }
    Err(Fault::new(FaultKind::Exhausted, "The reply of the service is larger than it may be.")
        .with_details(format_args!("it has {} bytes, and `response_body` allows {}", size, format_size(limit))))
}

/// Binds `body`. What the call occupies is let go when it is over, and the trial hears how it ended.
pub(super) fn bind(body: &mut Body, bounds: Bounds<'_>) {
    let Bounds { deadline, limit, limits, cut, hold, mut trial, breaker, answered } = bounds;
    let size = limits.response_body;
    if body.is_end_stream() {
        trial.succeeded(answered);
        return;
    }
    if body.is_whole() {
        // Nothing can go wrong with it any more.
        trial.succeeded(answered);
        return body.hold(hold);
    }
    let (trial, cut) = (trial.kept_by(Arc::clone(breaker)), cut.clone());
    let unbound = std::mem::take(body);
    *body = Body::new(Bound {
        body: unbound,
        _hold: hold,
        trial,
        deadline,
        whose: limit,
        left: size,
        limit: size,
        cut,
        alarm: None,
    });
}

struct Bound {
    body: Body,
    _hold: Hold,
    trial: Trial<Arc<Breaker>>,
    deadline: Instant,
    whose: Limit,
    /// Bytes that may still come, of `limit`.
    left: u64,
    limit: u64,
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

    /// Takes note of what came, which is passed on if it may be.
    fn pass(&mut self, next: Option<Result<Frame<Bytes>, BodyError>>) -> Option<Result<Frame<Bytes>, BodyError>> {
        match &next {
            Some(Ok(frame)) => match self.left.checked_sub(frame.data_ref().map_or(0, |data| data.len() as u64)) {
                Some(left) => self.left = left,
                None => return Some(Err(BodyError::TooLarge { limit: self.limit })),
            },
            Some(Err(BodyError::Lost(fault))) => self.trial.failed(fault, self.whose),
            Some(Err(_)) => {}
            None => self.trial.succeeded(Instant::now()),
        }
        next
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
            Poll::Ready(next) => Poll::Ready(self.pass(next)),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        // Readers need not ask for the end of a body that says itself that it is over.
        if self.body.is_end_stream() {
            self.trial.succeeded(Instant::now());
        }
    }
}

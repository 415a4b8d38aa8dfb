//! The bodies of a request that a guest sends and of the reply to it, held to their limits.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use patchbay_model::{Body, BodyError, empty_body};
use tokio::time::{Sleep, sleep_until};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::meter::now;

/// Makes the body of a request out of what the guest writes.
///
/// # Errors
/// If the guest announces more than `limit` bytes.
pub(super) fn request_body(body: WasiBody, limit: u64, lost: Arc<AtomicBool>) -> Result<Body, Error> {
    if body.is_end_stream() {
        return Ok(empty_body());
    }
    if body.size_hint().lower() > limit {
        return Err(Error::HttpRequestBodySize(Some(limit)));
    }
    Ok(Body::new(RequestBody { body, left: limit, limit, lost, ended: false }))
}

struct RequestBody {
    body: WasiBody,
    left: u64,
    limit: u64,
    lost: Arc<AtomicBool>,
    ended: bool,
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let next = match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Ok(frame))) => {
                let size = frame.data_ref().map_or(0, |data| data.len() as u64);
                match self.left.checked_sub(size) {
                    Some(left) => {
                        self.left = left;
                        return Poll::Ready(Some(Ok(frame)));
                    }
                    None => Some(Err(BodyError::TooLarge { limit: self.limit })),
                }
            }
            Poll::Ready(Some(Err(error))) => Some(Err(BodyError::Aborted(error.to_string()))),
            // A body whose instance is lost seems to end like one that was finished. The receiver must not take it for
            // whole.
            Poll::Ready(None) if self.lost.load(Ordering::SeqCst) => {
                Some(Err(BodyError::Aborted("the instance that wrote the body was lost".to_owned())))
            }
            Poll::Ready(None) => None,
        };
        self.ended = true;
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of a reply on its way to the guest that asked for it.
pub(super) struct ReplyBody {
    body: Body,
    deadline: Instant,
    /// How long the guest waits for each part.
    pause: Option<Duration>,
    left: u64,
    limit: u64,
    /// Wakes a guest that waits for a part, with the time that it is set to.
    alarm: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

impl ReplyBody {
    pub(super) fn boxed(body: Body, deadline: Instant, pause: Option<Duration>, limit: u64) -> WasiBody {
        Self { body, deadline, pause, left: limit, limit, alarm: None, ended: false }.boxed_unsync()
    }

    /// The error of a body that the guest waits for in vain.
    fn poll_alarm(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        let (deadline, pause) = (self.deadline, self.pause);
        let alarm = self.alarm.get_or_insert_with(|| {
            let patience = pause.and_then(|pause| now().checked_add(pause)).unwrap_or(deadline);
            Box::pin(sleep_until(patience.min(deadline).into()))
        });
        let late = |()| if deadline <= now() { Error::HttpResponseTimeout } else { Error::ConnectionReadTimeout };
        alarm.as_mut().poll(cx).map(late)
    }

    fn count(&mut self, frame: &Frame<Bytes>) -> Result<(), Error> {
        let size = frame.data_ref().map_or(0, |data| data.len() as u64);
        self.left = self.left.checked_sub(size).ok_or(Error::HttpResponseBodySize(Some(self.limit)))?;
        Ok(())
    }

    fn end(&mut self, error: Option<Error>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.ended = true;
        // Whoever sends it need not go on.
        self.body = empty_body();
        Poll::Ready(error.map(Err))
    }
}

impl http_body::Body for ReplyBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        // Guests go on asking after the end, which bodies need not stand.
        if this.ended {
            return Poll::Ready(None);
        }
        // Asked before the body, which may never pause.
        if this.deadline <= now() {
            return this.end(Some(Error::HttpResponseTimeout));
        }
        match Pin::new(&mut this.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => match this.count(&frame) {
                Ok(()) => {
                    if this.pause.is_some() {
                        this.alarm = None;
                    }
                    Poll::Ready(Some(Ok(frame)))
                }
                Err(error) => this.end(Some(error)),
            },
            Poll::Ready(Some(Err(error))) => this.end(Some(broken(&error))),
            Poll::Ready(None) => this.end(None),
            Poll::Pending => match this.poll_alarm(cx) {
                Poll::Ready(error) => this.end(Some(error)),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

fn broken(error: &BodyError) -> Error {
    match error {
        BodyError::TooLarge { limit } => Error::HttpResponseBodySize(Some(*limit)),
        BodyError::Deadline => Error::HttpResponseTimeout,
        BodyError::Aborted(_) | BodyError::Failed(_) | BodyError::Lost(_) => Error::HttpResponseIncomplete,
    }
}

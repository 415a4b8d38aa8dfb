//! The body of a request as it comes from the socket, which tells when it is given up before its end, and does not wait
//! for ever.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use patchbay_model::units;

use super::Activity;
use super::pause::Pause;

/// A request body on its way in.
pub(crate) struct Received {
    incoming: Incoming,
    /// Absent where there is nothing to read.
    unread: Option<Unread>,
}

struct Unread {
    pause: Pause,
    /// Whether all of it was read.
    done: bool,
    given_up: Arc<AtomicBool>,
    activity: Arc<Activity>,
}

/// Why the body of a request did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReceiveError {
    /// The connection or the protocol broke.
    #[error(transparent)]
    Broken(#[from] hyper::Error),
    /// Nothing came although it was waited for.
    #[error("nothing came for {}", units::format_duration(*.0))]
    Paused(Duration),
}

/// What becomes of the rest of a body.
#[derive(Debug, Clone, Default)]
pub(super) struct Rest(Option<Arc<AtomicBool>>);

impl Rest {
    /// Whether there is a rest that nobody is going to read.
    pub(super) fn is_given_up(&self) -> bool {
        self.0.as_ref().is_some_and(|given_up| given_up.load(Ordering::Acquire))
    }
}

impl Received {
    /// `timeout` is how long the client may leave a reader waiting.
    pub(super) fn new(incoming: Incoming, activity: &Arc<Activity>, timeout: Duration) -> (Self, Rest) {
        if incoming.is_end_stream() {
            return (Self { incoming, unread: None }, Rest::default());
        }
        let given_up = Arc::<AtomicBool>::default();
        let pause = Pause::new(timeout);
        let unread = Unread { pause, done: false, given_up: Arc::clone(&given_up), activity: Arc::clone(activity) };
        (Self { incoming, unread: Some(unread) }, Rest(Some(given_up)))
    }
}

impl http_body::Body for Received {
    type Data = Bytes;
    type Error = ReceiveError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, ReceiveError>>> {
        let this = &mut *self;
        let frame = Pin::new(&mut this.incoming).poll_frame(cx);
        let Some(unread) = &mut this.unread else {
            return frame.map_err(ReceiveError::Broken);
        };
        if frame.is_pending() {
            return unread.pause.poll(cx).map(|limit| Some(Err(ReceiveError::Paused(limit))));
        }
        unread.pause.over();
        if matches!(frame, Poll::Ready(None)) || this.incoming.is_end_stream() {
            unread.done = true;
        }
        frame.map_err(ReceiveError::Broken)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        if !self.done {
            self.given_up.store(true, Ordering::Release);
            self.activity.leave_unread();
        }
    }
}

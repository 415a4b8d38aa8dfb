//! The body of a request as it comes from the socket, which tells whether it was read to its end, and does not wait for
//! ever.

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
    done: Arc<AtomicBool>,
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

/// Whether a body was read to its end.
#[derive(Debug, Clone, Default)]
pub(super) struct ReadToEnd(Option<Arc<AtomicBool>>);

impl ReadToEnd {
    /// Whether nothing of the body is left to read.
    pub(super) fn is_done(&self) -> bool {
        self.0.as_ref().is_none_or(|done| done.load(Ordering::Acquire))
    }
}

impl Received {
    /// `timeout` is how long the client may leave a reader waiting.
    pub(super) fn new(incoming: Incoming, activity: &Arc<Activity>, timeout: Duration) -> (Self, ReadToEnd) {
        if incoming.is_end_stream() {
            return (Self { incoming, unread: None }, ReadToEnd::default());
        }
        let done = Arc::<AtomicBool>::default();
        let pause = Pause::new(timeout);
        let unread = Unread { pause, done: Arc::clone(&done), activity: Arc::clone(activity) };
        (Self { incoming, unread: Some(unread) }, ReadToEnd(Some(done)))
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
            unread.done.store(true, Ordering::Release);
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
        if !self.done.load(Ordering::Acquire) {
            self.activity.leave_unread();
        }
    }
}

//! The body of a request as it comes from the socket, which tells whether it was read to its end.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;

use super::Activity;

/// A request body on its way in.
pub(crate) struct Received {
    incoming: Incoming,
    /// Absent where there is nothing to read.
    unread: Option<Unread>,
}

struct Unread {
    done: Arc<AtomicBool>,
    activity: Arc<Activity>,
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
    pub(super) fn new(incoming: Incoming, activity: &Arc<Activity>) -> (Self, ReadToEnd) {
        if incoming.is_end_stream() {
            return (Self { incoming, unread: None }, ReadToEnd::default());
        }
        let done = Arc::<AtomicBool>::default();
        let unread = Unread { done: Arc::clone(&done), activity: Arc::clone(activity) };
        (Self { incoming, unread: Some(unread) }, ReadToEnd(Some(done)))
    }
}

impl http_body::Body for Received {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.incoming).poll_frame(cx);
        if let Some(unread) = &self.unread
            && (matches!(frame, Poll::Ready(None)) || self.incoming.is_end_stream())
        {
            unread.done.store(true, Ordering::Release);
        }
        frame
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

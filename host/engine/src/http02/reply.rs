//! The reply of a guest. Most are complete when the guest is done, and then need no streaming.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use patchbay_model::{BodyError, Fault, Hold, Reply};
use tokio::task::AbortHandle;
use wasmtime_wasi_http::{Error, WasiBody};

use super::GuestWork;
use super::progress::Progress;
use crate::reply::{self, Work};

/// Makes the reply to the caller out of a guest's response. `rest` is what the guest still does.
pub(super) fn reply(
    mut response: http::Response<WasiBody>,
    bodyless: bool,
    progress: Arc<Progress>,
    rest: Option<GuestWork>,
    hold: Hold,
) -> Reply {
    let mut ready = VecDeque::new();
    if rest.is_none() && progress.ending().is_some_and(|ending| !ending.unfinished) {
        match settle(response.body_mut()) {
            Settled::Whole { first, others } => {
                return response.map(|_| WholeBody { first, others, _hold: hold }.boxed_unsync());
            }
            Settled::Streaming(frames) => ready = frames,
        }
    }
    let work = TaskWork { progress, task: rest.map(|work| tokio::spawn(work).abort_handle()) };
    reply::reply(response, ready, bodyless, work, hold)
}

/// The work of a guest that goes on in a task.
struct TaskWork {
    progress: Arc<Progress>,
    task: Option<AbortHandle>,
}

impl Work for TaskWork {
    fn poll_end(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Fault>> {
        // A body that ends unfinished does so because its instance is gone, and that is told before it goes.
        Poll::Ready(self.progress.ending().and_then(|ending| ending.broken_body()))
    }

    fn fault(&self) -> Option<Fault> {
        self.progress.ending().and_then(|ending| ending.fault)
    }

    fn complete(&mut self) {
        self.task = None;
    }

    fn abandon(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

/// What a guest that is done has written.
enum Settled {
    /// All there is: the length is known, and nothing has to be waited for.
    Whole { first: Option<Bytes>, others: VecDeque<Bytes> },
    /// These, and what the body still has.
    Streaming(VecDeque<Result<Frame<Bytes>, Error>>),
}

fn settle(inner: &mut WasiBody) -> Settled {
    let mut cx = Context::from_waker(Waker::noop());
    let (mut first, mut others) = (None, VecDeque::new());
    loop {
        let next = match Pin::new(&mut *inner).poll_frame(&mut cx) {
            Poll::Ready(None) => return Settled::Whole { first, others },
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

/// A body that is there already.
struct WholeBody {
    first: Option<Bytes>,
    others: VecDeque<Bytes>,
    _hold: Hold,
}

impl Body for WholeBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let piece = self.first.take().or_else(|| self.others.pop_front());
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.others.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.first.iter().chain(&self.others).map(|piece| piece.len() as u64).sum())
    }
}

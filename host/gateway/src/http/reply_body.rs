//! The body of a reply on its way from an instance to hyper.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use patchbay_model::{Body, BodyError, CallId, Reply};
use tokio::time::timeout;

use super::access::Noted;

/// What a reply is held to, and who is told of it.
pub(super) struct Watch {
    pub(super) id: CallId,
    /// Bytes that are still owed, where the head of the reply announced how many there are.
    pub(super) owed: Option<u64>,
    /// What the access log says of its request, if it is logged: when this is dropped.
    pub(super) noted: Option<Arc<Noted>>,
}

/// A reply as its caller gets it.
pub(crate) struct Answered {
    pub(super) reply: Reply,
    pub(super) watch: Watch,
}

impl From<Answered> for Response<ReplyBody> {
    fn from(Answered { reply, watch }: Answered) -> Self {
        let (head, body) = reply.into_parts();
        Self::from_parts(head, ReplyBody { body, watch })
    }
}

/// A reply's body, held to what its head says.
pub(crate) struct ReplyBody {
    body: Body,
    watch: Watch,
}

impl Watch {
    /// Tells the access log what is out of it.
    fn tell(&self, frame: &Result<Option<Frame<Bytes>>, BodyError>) {
        let Some(noted) = &self.noted else { return };
        match frame {
            Ok(frame) => noted.sent(frame.as_ref().and_then(Frame::data_ref).map_or(0, |data| data.len() as u64)),
            Err(_) => noted.broke(),
        }
    }

    /// Holds the body to the length that was announced: a caller would take the end of too much for the next reply,
    /// and the end of too little for the whole.
    fn count(&mut self, frame: Option<&Frame<Bytes>>) -> Result<(), BodyError> {
        let Some(owed) = &mut self.owed else {
            return Ok(());
        };
        let wrong = |what: &str| BodyError::Failed(format!("it wrote {what} than its content-length says"));
        match frame.map(|frame| frame.data_ref().map_or(0, |data| data.len() as u64)) {
            Some(size) => *owed = owed.checked_sub(size).ok_or_else(|| wrong("more"))?,
            None if *owed > 0 => return Err(wrong("less")),
            None => {}
        }
        Ok(())
    }
}

impl http_body::Body for ReplyBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let frame = frame.transpose().and_then(|frame| self.watch.count(frame.as_ref()).map(|()| frame));
        self.watch.tell(&frame);
        if let Err(error) = &frame {
            // The status is out, so the caller learns of it by the broken connection, and the operator here.
            tracing::warn!(call = %self.watch.id, "a reply was broken off: {error}");
        }
        Poll::Ready(frame.transpose())
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream() && self.watch.owed.is_none_or(|owed| owed == 0)
    }

    fn size_hint(&self) -> SizeHint {
        // Where a length was announced it is in the head already.
        if self.watch.owed.is_some() { SizeHint::new() } else { self.body.size_hint() }
    }
}

/// Bytes and time that an instance may take to write what a reply to HEAD does not carry.
const HEAD_BODY: (u64, Duration) = (1 << 20, Duration::from_secs(1));

/// Reads what nobody wants, so that an instance that answers HEAD like GET ends as it would for GET. Breaking its body
/// off at once would count as a call that was cancelled, and cost the instance.
pub(super) fn discard(mut body: Body) {
    if body.is_end_stream() {
        return;
    }
    let (mut room, time) = HEAD_BODY;
    tokio::spawn(timeout(time, async move {
        while let Some(Ok(frame)) = body.frame().await {
            let size = frame.data_ref().map_or(0, |data| data.len() as u64);
            match room.checked_sub(size) {
                Some(left) => room = left,
                None => return,
            }
        }
    }));
}

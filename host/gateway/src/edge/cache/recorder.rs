//! The body of a reply on its way to the caller, of which a copy is kept once it is complete.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use patchbay_model::{Body, BodyError};

use super::rules::Rules;
use super::store::{Kept, Leader};
use crate::edge::budget::Share;
use crate::edge::collect::is_as_announced;

/// A reply without its body, and the right to keep it.
pub(super) struct Draft {
    pub(super) leader: Leader,
    pub(super) rules: Rules,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Size of its body, at most.
    pub(super) limit: u64,
    /// What the body takes until it is complete.
    pub(super) share: Share,
}

impl Draft {
    fn keep(self, body: Bytes) {
        if !is_as_announced(&self.headers, body.len() as u64) {
            return;
        }
        let Self { leader, rules, status, headers, .. } = self;
        leader.keep(Kept::new(rules, status, headers, body));
    }
}

/// Reads along. What does not come to its end is not kept.
struct Recorder {
    body: Body,
    pieces: Vec<Bytes>,
    size: u64,
    /// The size that was announced, which is where a reader may stop.
    announced: Option<u64>,
    draft: Option<Draft>,
}

/// Has `body` kept by `draft` when it is complete.
pub(super) fn record(body: Body, draft: Draft) -> Body {
    if body.is_end_stream() {
        draft.keep(Bytes::new());
        return body;
    }
    let announced = body.size_hint().exact();
    Body::new(Recorder { body, pieces: Vec::new(), size: 0, announced, draft: Some(draft) })
}

impl Recorder {
    fn note(&mut self, data: &Bytes) {
        let Some(draft) = &mut self.draft else { return };
        let size = data.len() as u64;
        self.size = self.size.saturating_add(size);
        if self.size > draft.limit || !draft.share.grow(size) {
            self.draft = None;
            self.pieces = Vec::new();
        } else {
            self.pieces.push(data.clone());
        }
    }

    fn finish(&mut self) {
        let Some(draft) = self.draft.take() else { return };
        // Bytes of their own: a piece may be a small part of a large buffer.
        let mut whole = BytesMut::with_capacity(usize::try_from(self.size).unwrap_or_default());
        for piece in self.pieces.drain(..) {
            whole.extend_from_slice(&piece);
        }
        draft.keep(whole.freeze());
    }
}

impl http_body::Body for Recorder {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(cx));
        match &frame {
            None => self.finish(),
            Some(Ok(frame)) => match frame.data_ref() {
                Some(data) => {
                    self.note(data);
                    if self.body.is_end_stream() || self.announced == Some(self.size) {
                        self.finish();
                    }
                }
                // What comes behind a body cannot be kept with it.
                None => self.draft = None,
            },
            Some(Err(_)) => self.draft = None,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

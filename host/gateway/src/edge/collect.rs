//! Reads a body as a whole, up to a bound, where something has to be known of all of it.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderValue};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::BodyExt;
use patchbay_model::{Body, BodyError};

use super::budget::Share;

/// What came of reading a body.
#[derive(Debug)]
pub(super) enum Collected {
    /// All of it.
    Whole(Bytes),
    /// It is larger than the bound, or has more than bytes in it. This is the body, from its beginning on.
    More(Body),
    /// There is no room for it now. This is the body, from its beginning on.
    NoRoom(Body),
    /// It broke off.
    Broken(BodyError),
}

/// Reads `body`, and holds at most `limit` bytes of it, as far as `share` can grow, and one piece more.
pub(super) async fn collect(mut body: Body, limit: u64, share: &mut Share) -> Collected {
    if body.size_hint().lower() > limit {
        return Collected::More(body);
    }
    let (mut read, mut size) = (VecDeque::new(), 0_u64);
    loop {
        let frame = match body.frame().await {
            None => return Collected::Whole(concat(read)),
            Some(Err(error)) => return Collected::Broken(error),
            Some(Ok(frame)) => frame,
        };
        let data = frame.data_ref().map(|data| data.len() as u64);
        size = size.saturating_add(data.unwrap_or_default());
        read.push_back(frame);
        if data.is_none() || size > limit {
            return Collected::More(Body::new(Resumed { read, rest: body }));
        }
        if !share.grow(data.unwrap_or_default()) {
            return Collected::NoRoom(Body::new(Resumed { read, rest: body }));
        }
    }
}

/// Whether a body of this size is the one that the header announces. A shorter one was cut off, and must not be told again as if it
/// were whole.
pub(super) fn is_as_announced(headers: &HeaderMap, size: u64) -> bool {
    let announced = |value: &HeaderValue| value.to_str().ok().and_then(|text| text.parse::<u64>().ok());
    headers.get_all(CONTENT_LENGTH).iter().all(|value| announced(value) == Some(size))
}

/// The bytes of pieces that follow each other.
fn concat(mut pieces: VecDeque<Frame<Bytes>>) -> Bytes {
    if pieces.len() == 1 {
        return pieces.pop_front().and_then(|frame| frame.into_data().ok()).unwrap_or_default();
    }
    let mut whole = BytesMut::new();
    for data in pieces.into_iter().filter_map(|frame| frame.into_data().ok()) {
        whole.extend_from_slice(&data);
    }
    whole.freeze()
}

/// A body whose beginning was read already.
struct Resumed {
    read: VecDeque<Frame<Bytes>>,
    rest: Body,
}

impl http_body::Body for Resumed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.read.pop_front() {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.read.is_empty() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let read: u64 = self.read.iter().filter_map(|frame| frame.data_ref()).map(|data| data.len() as u64).sum();
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(read));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(read));
        }
        hint
    }
}

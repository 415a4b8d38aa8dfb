//! The body of a request or reply: a stream of bytes that nothing between its two ends looks into.

mod tee;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;

use crate::Hold;

use crate::Fault;

/// A streaming body. Policies forward it and never read it.
///
/// Most bodies are empty, or one piece of bytes that is there from the beginning; those need no memory of their own
/// and no watching.
pub struct Body(Kind);

enum Kind {
    Whole { bytes: Bytes, hold: Hold },
    Streaming(UnsyncBoxBody<Bytes, BodyError>),
}

impl Body {
    /// A body that comes as it is written.
    pub fn new(body: impl http_body::Body<Data = Bytes, Error = BodyError> + Send + 'static) -> Self {
        Self(Kind::Streaming(UnsyncBoxBody::new(body)))
    }

    /// A body whose bytes are all there already.
    pub fn whole(bytes: Bytes) -> Self {
        Self(Kind::Whole { bytes, hold: Hold::default() })
    }

    /// Has a body that is whole let go of `held` when it is dropped, in place of what it held before. A body that
    /// streams has to hold by itself what it needs.
    pub fn hold(&mut self, held: Hold) {
        if let Kind::Whole { hold, .. } = &mut self.0 {
            *hold = held;
        }
    }

    /// The same body, kept as it streams by: `tell` is told at its end of all of it, or of nothing as soon as it is more than
    /// `limit` bytes. Of one that breaks off, or that nobody reads to its end, it is told nothing.
    #[must_use]
    pub fn overheard(self, limit: u64, tell: impl FnOnce(Option<Bytes>) + Send + Unpin + 'static) -> Self {
        tee::Tee::around(self, limit, tell)
    }

    /// Its bytes, if all of them are there already.
    pub const fn bytes(&self) -> Option<&Bytes> {
        match &self.0 {
            Kind::Whole { bytes, .. } => Some(bytes),
            Kind::Streaming(_) => None,
        }
    }

    /// Whether all its bytes are there already, so that nothing can end it before its time.
    pub const fn is_whole(&self) -> bool {
        matches!(self.0, Kind::Whole { .. })
    }
}

impl Default for Body {
    /// A body of no bytes.
    fn default() -> Self {
        Self::whole(Bytes::new())
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.0 {
            Kind::Whole { bytes, .. } if bytes.is_empty() => Poll::Ready(None),
            Kind::Whole { bytes, .. } => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Kind::Streaming(body) => Pin::new(body).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole { bytes, .. } => bytes.is_empty(),
            Kind::Streaming(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole { bytes, .. } => SizeHint::with_exact(bytes.len() as u64),
            Kind::Streaming(body) => body.size_hint(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Whole { bytes, .. } => write!(f, "Body({} bytes)", bytes.len()),
            Kind::Streaming(_) => f.write_str("Body(streaming)"),
        }
    }
}

/// Why a body ended before it was complete.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The side that sends the body went away or broke its protocol.
    #[error("the sender of the body broke off: {0}")]
    Aborted(String),
    /// More bytes came than the limit of the service allows.
    #[error("the body is larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// The deadline of the call passed while the body was on its way.
    #[error("the deadline of the call passed before the body was complete")]
    Deadline,
    /// The instance that writes the body did not write what it promised.
    #[error("the instance failed while it wrote the body: {0}")]
    Failed(String),
    /// The instance that writes the body was lost.
    #[error("the instance was lost while it wrote the body: {0}")]
    Lost(Fault),
}

/// A body of no bytes.
pub fn empty_body() -> Body {
    Body::default()
}

/// A body whose bytes are all there already.
pub fn full_body(bytes: impl Into<Bytes>) -> Body {
    Body::whole(bytes.into())
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use http_body::Body as _;

    use super::*;

    #[test]
    fn a_whole_body_is_one_piece_or_none() {
        for bytes in ["", "abc"] {
            let mut body = full_body(bytes);
            assert_eq!(body.is_end_stream(), bytes.is_empty());
            assert_eq!(body.size_hint().exact(), Some(bytes.len() as u64));
            let mut pieces = Vec::new();
            let mut cx = Context::from_waker(Waker::noop());
            while let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(&mut cx) {
                pieces.push(frame.into_data().unwrap());
            }
            assert_eq!(pieces.concat(), bytes.as_bytes());
            assert!(body.is_end_stream() && body.is_whole());
        }
    }
}

//! The body of a request or reply: a stream of bytes that nothing between its two ends looks into.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};

use crate::Fault;

/// A streaming body. Policies forward it and never read it.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

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
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

/// A body whose bytes are all there already.
pub fn full_body(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

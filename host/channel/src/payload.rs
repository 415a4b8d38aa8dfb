//! What calls carry. The policies treat all of it alike and never look inside; what differs is how its size is known,
//! which way into an instance it takes, and when its reply is over.

mod http;
mod typed;

use std::time::Instant;

use patchbay_model::ports::{BoxFuture, Prepared};
use patchbay_model::{CallId, Fault, Hold, Limits};
use tokio_util::sync::CancellationToken;

pub use http::HttpPayload;
pub use typed::TypedPayload;

use crate::quarantine::Trial;

/// What an instance is told of a call, beside what it carries.
#[derive(Debug, Clone)]
pub struct Leg {
    /// Names the call in logs.
    pub id: CallId,
    /// When its caller stops waiting.
    pub deadline: Instant,
    /// How many services called each other on the way to it: 0 if it came from outside.
    pub hops: u32,
    /// What the call occupies until it is over.
    pub hold: Hold,
}

/// What a reply is bound by until it is over.
pub struct Bounds<'a> {
    pub(crate) deadline: tokio::time::Instant,
    pub(crate) limits: &'a Limits,
    /// The cut of its revision.
    pub(crate) cut: CancellationToken,
    /// What the call occupies.
    pub(crate) hold: Hold,
    /// Hears how the call ended.
    pub(crate) trial: Trial,
}

/// What a call carries, and the reply that it gets.
pub trait Payload: Send {
    /// The reply.
    type Reply: Send;

    /// Refuses what is larger than the service accepts, and bounds what does not say how large it is.
    ///
    /// # Errors
    /// [`FaultKind::TooLarge`](patchbay_model::FaultKind::TooLarge) if it is too large.
    fn limit(&mut self, limits: &Limits) -> Result<(), Fault>;

    /// Hands it to an instance. Called once.
    fn dispatch<'p>(&mut self, prepared: &'p dyn Prepared, leg: Leg) -> BoxFuture<'p, Result<Self::Reply, Fault>>;

    /// What came to light about it while an instance was at work on it; counts in place of what the instance made of it.
    fn fault(&self, limits: &Limits) -> Option<Fault>;

    /// Binds the reply, which may be over already.
    ///
    /// # Errors
    /// [`FaultKind::Exhausted`](patchbay_model::FaultKind::Exhausted) if it is larger than the service may answer.
    fn bind(&self, reply: Self::Reply, bounds: Bounds<'_>) -> Result<Self::Reply, Fault>;

    /// The HTTP status of a reply that has one.
    fn status(reply: &Self::Reply) -> Option<u16>;
}

//! What calls carry. The policies treat all of it alike and never look inside; what differs is how its size is known,
//! which way into an instance it takes, and when its reply is over.

mod http;
mod message;
mod typed;

use std::sync::Arc;

use ::http::HeaderMap;
use patchbay_model::bus::Patience;
use patchbay_model::policy::RetrySettings;
use patchbay_model::ports::{BoxFuture, Prepared};
use patchbay_model::{CallContext, Fault, FaultKind, Hold, Limits};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use http::HttpPayload;
pub use message::MessagePayload;
pub use typed::TypedPayload;

use crate::access::Asked;
use crate::breaker::{Breaker, Trial};
use crate::deadline::Limit;
use crate::record::Subject;
use crate::target::StandIn;

/// What a reply is bound by until it is over.
pub struct Bounds<'a> {
    pub(crate) deadline: Instant,
    /// Whose deadline it is.
    pub(crate) limit: Limit,
    pub(crate) limits: &'a Limits,
    /// The cut of its revision.
    pub(crate) cut: &'a CancellationToken,
    /// What the call occupies.
    pub(crate) hold: Hold,
    /// Hears how the call ended.
    pub(crate) trial: Trial<&'a Breaker>,
    /// The breaker that the trial is of.
    pub(crate) breaker: &'a Arc<Breaker>,
    /// Since when it is there, or its head.
    pub(crate) answered: Instant,
}

/// What a call carries, and the reply that it gets.
pub trait Payload: Send {
    /// The reply.
    type Reply: Send;

    /// What its caller asks for.
    fn asked(&self) -> Asked<'_>;

    /// What the span of the call is about. Allocates nothing.
    fn subject(&self) -> Subject;

    /// The header fields of a request.
    fn headers(&self) -> Option<&HeaderMap> {
        None
    }

    /// Whether it may be processed twice.
    fn is_repeatable(&self, retry: &RetrySettings) -> bool;

    /// Takes over what `limits` say, refuses what is larger than `most` bytes, and bounds what does not say how large it is.
    ///
    /// # Errors
    /// [`FaultKind::TooLarge`] if it is too large.
    fn limit(&mut self, limits: &Limits, most: u64) -> Result<(), Fault>;

    /// Keeps what it needs to be handed over once more, if it can.
    fn keep(&mut self);

    /// Whether it can be handed over: it was not yet, or was kept before.
    fn is_whole(&self) -> bool;

    /// Hands it to an instance. `hold` is what the call occupies until it is over: kept as long as somebody waits for the outcome, and by
    /// whoever works on it for longer.
    fn dispatch<'p>(
        &mut self,
        prepared: &'p dyn Prepared,
        context: Box<CallContext>,
        hold: &'p Hold,
    ) -> BoxFuture<'p, Result<Self::Reply, Fault>>
    where
        Self: 'p;

    /// What can put off the end of the attempt that was dispatched last, if something can.
    fn patience(&self) -> Option<Arc<Patience>> {
        None
    }

    /// What came to light about it while an instance was at work on it; counts in place of what the instance made of it. `most` bytes are
    /// accepted of it.
    fn fault(&self, most: u64) -> Option<Fault>;

    /// Binds the reply, which may be over already.
    ///
    /// # Errors
    /// [`FaultKind::Exhausted`] if it is larger than the service may answer.
    fn bind(&self, reply: Self::Reply, bounds: Bounds<'_>) -> Result<Self::Reply, Fault>;

    /// The reply that `stand_in` has in place of one that could not be had.
    fn substitute(&self, stand_in: &StandIn) -> Option<Self::Reply>;

    /// The HTTP status of a reply that has one.
    fn status(reply: &Self::Reply) -> Option<u16>;
}

/// The end of what was handed over already, which nobody asks for.
fn gone<'p, R: Send + 'p>() -> BoxFuture<'p, Result<R, Fault>> {
    Box::pin(std::future::ready(Err(Fault::new(FaultKind::Internal, "The host failed."))))
}

//! The order of the policies, outermost first. Read it top to bottom: this is the life of a call.

use std::sync::Arc;
use std::time::Duration;

use patchbay_model::ports::Prepared;
use patchbay_model::{CallId, Fault, FaultKind, Hold, Limits, ServiceName};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::deadline::{self, Ended};
use crate::payload::{Bounds, Leg, Payload};
use crate::{Bulkhead, Quarantine};

/// A call that arrived for a service. What it carries comes beside it.
#[derive(Debug)]
pub struct Arrival {
    /// Names the call in logs.
    pub id: CallId,
    /// The call in whose course a service made this one.
    pub parent: Option<CallId>,
    /// How many services called each other on the way to it: 0 if it came from outside.
    pub hops: u32,
    /// When it arrived; the service's timeout counts from here.
    pub arrived: Instant,
    /// When its caller stops waiting, where the caller says so.
    pub deadline: Option<Instant>,
}

/// The revision that was chosen for a call.
pub struct Chosen<L> {
    /// Takes the call.
    pub prepared: Arc<dyn Prepared>,
    /// Keeps the revision for as long as the call lives.
    pub lease: L,
    /// Whether the revision may have calls.
    pub quarantine: Arc<Quarantine>,
    /// Cancelled when the revision has to go although calls are still on it.
    pub cut: CancellationToken,
}

/// A service as the channel sees it.
pub trait Target: Send + Sync {
    /// Keeps a revision from being retired.
    type Lease: Send + Sync + 'static;

    /// Its name, for logs.
    fn name(&self) -> &ServiceName;

    /// What is enforced for it.
    fn limits(&self) -> &Limits;

    /// Its places for calls.
    fn bulkhead(&self) -> &Bulkhead;

    /// The revision for the next call. Asked as late as possible, so that a call that waited gets the newest.
    ///
    /// # Errors
    /// [`FaultKind::Unavailable`] if there is none.
    fn choose(&self) -> Result<Chosen<Self::Lease>, Fault>;
}

/// Takes one call to an instance of `target` and its reply back. The same for every kind of call.
///
/// Dropping the future cancels the call; so does dropping the body of an HTTP reply before its end.
///
/// # Errors
/// The fault that ended the call, with a sentence for its caller and details for the operator.
pub async fn call<T: Target, P: Payload>(target: &T, arrival: Arrival, payload: P) -> Result<P::Reply, Fault> {
    let (id, parent) = (arrival.id, arrival.parent);
    let arrived = arrival.arrived;

    // 1. Trace: outermost, so that refusals are seen too.
    let outcome = admit(target, arrival, payload).await;
    record::<P>(target.name(), (id, parent), arrived.elapsed(), &outcome);
    outcome
}

async fn admit<T: Target, P: Payload>(target: &T, arrival: Arrival, mut payload: P) -> Result<P::Reply, Fault> {
    let limits = target.limits();

    // 2. Deadline: covers waiting and both bodies. The caller can only shorten it.
    let deadline = deadline::deadline(arrival.arrived, arrival.deadline, limits.timeout);

    // 3. Size: refused before a place is spent on it.
    payload.limit(limits)?;

    // 4. Bulkhead: one place per call; a full one is never the fault of the service.
    let permit = target.bulkhead().enter(deadline).await?;

    // 5. Revision: after the wait, so that no call reaches one that was replaced meanwhile.
    let Chosen { prepared, lease, quarantine, cut } = target.choose()?;

    // 6. Quarantine: a revision whose calls keep ending in crashes rests.
    let mut trial = quarantine.admit()?;
    let hold = Hold::new((permit, lease));

    // 7. Dispatch: bound by the deadline and by the end of the revision.
    let leg = Leg { id: arrival.id, deadline: deadline.into_std(), hops: arrival.hops, hold: hold.clone() };
    let served = deadline::within(deadline, &cut, payload.dispatch(&*prepared, leg)).await;
    // A guest that trips over the end of a body that is too large is not at fault, whatever it answers.
    if let Some(fault) = payload.fault(limits) {
        return Err(fault);
    }
    let reply = served.map_err(ended).flatten().inspect_err(|fault| trial.failed(fault))?;
    trial.answered();

    // 8. Size of the reply: refused while the caller can be told, and counted from then on.
    payload.bind(reply, Bounds { deadline, limits, cut, hold, trial })
}

/// The fault of a call that came to no end of its own.
fn ended(ended: Ended) -> Fault {
    Fault::new(
        FaultKind::Deadline,
        match ended {
            Ended::Late => "the service did not answer before the deadline",
            Ended::Cut => "the service was replaced and the call did not end in time",
        },
    )
}

/// One record per call: quiet for those that succeed, visible for those that fail.
fn record<P: Payload>(
    service: &ServiceName,
    (id, parent): (CallId, Option<CallId>),
    elapsed: Duration,
    outcome: &Result<P::Reply, Fault>,
) {
    let parent = parent.map(tracing::field::display);
    match outcome {
        Ok(reply) => {
            let status = P::status(reply);
            tracing::debug!(%service, call = %id, parent, status, ?elapsed, "call answered");
        }
        Err(fault) if fault.kind() == FaultKind::Cancelled => {
            tracing::debug!(%service, call = %id, parent, ?elapsed, "call cancelled by its caller");
        }
        Err(fault) => {
            let (kind, details) = (fault.kind(), fault.details());
            tracing::warn!(%service, call = %id, parent, fault = %kind, details, ?elapsed, "{}", fault.public());
        }
    }
}

#[cfg(test)]
mod tests;

//! What the log of the host says of calls.

use patchbay_model::{Fault, FaultKind};

use super::Story;

/// A call was answered.
pub(super) fn answered(story: &Story<'_>, status: Option<u16>) {
    if story.stood_in.is_none() && !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let Story { service, arrival, attempts, .. } = story;
    let (call, parent, elapsed) = (arrival.id, arrival.parent.map(tracing::field::display), arrival.arrived.elapsed());
    let (trace, span) = (arrival.trace.trace, arrival.trace.span);
    match story.stood_in.as_deref() {
        Some(fallback) => {
            tracing::warn!(%service, %call, %trace, %span, parent, status, attempts, fallback, ?elapsed, "call answered by a fallback");
        }
        None => tracing::debug!(%service, %call, %trace, %span, parent, status, attempts, ?elapsed, "call answered"),
    }
}

/// A call failed. Who was refused, and why, is told apart, for those who look for just that.
pub(super) fn failed(story: &Story<'_>, fault: &Fault) {
    let Story { service, arrival, attempts, .. } = story;
    let (call, caller) = (arrival.id, &arrival.caller);
    let (parent, elapsed) = (arrival.parent.map(tracing::field::display), arrival.arrived.elapsed());
    let (trace, span) = (arrival.trace.trace, arrival.trace.span);
    let (kind, details, fallback) = (fault.kind(), fault.details(), story.stood_in.as_deref());
    match kind {
        FaultKind::Cancelled => {
            tracing::debug!(%service, %call, %trace, %span, parent, ?elapsed, "call cancelled by its caller");
        }
        FaultKind::Unauthenticated | FaultKind::Denied => {
            let route = story.route.map(tracing::field::display);
            tracing::warn!(target: "audit", %service, %call, %trace, %span, parent, %caller, route, fault = %kind, details, "refused");
        }
        _ => {
            tracing::warn!(
                %service, %call, %trace, %span, parent, fault = %kind, details, attempts, fallback, ?elapsed, "{}", fault.public()
            );
        }
    }
}

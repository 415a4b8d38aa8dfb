//! What the log of the host says of calls.

use patchbay_model::{Fault, FaultKind};

use super::Story;

/// A call was answered.
pub(super) fn answered(story: &Story<'_>, status: Option<u16>) {
    let Story { service, id: call, attempts, .. } = story;
    let (parent, elapsed) = (story.parent.map(tracing::field::display), story.arrived.elapsed());
    let (trace, span) = (story.trace.trace, story.trace.span);
    match story.stood_in.as_deref() {
        Some(fallback) => {
            tracing::warn!(%service, %call, %trace, %span, parent, status, attempts, fallback, ?elapsed, "call answered by a fallback");
        }
        None => tracing::debug!(%service, %call, %trace, %span, parent, status, attempts, ?elapsed, "call answered"),
    }
}

/// A call failed. Who was refused, and why, is told apart, for those who look for just that.
pub(super) fn failed(story: &Story<'_>, fault: &Fault) {
    let Story { service, id: call, caller, attempts, .. } = story;
    let (parent, elapsed) = (story.parent.map(tracing::field::display), story.arrived.elapsed());
    let (trace, span) = (story.trace.trace, story.trace.span);
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

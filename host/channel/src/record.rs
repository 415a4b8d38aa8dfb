//! One record per call: quiet for those that succeed, visible for those that fail or that something else answered.

use std::time::Duration;

use patchbay_model::{CallId, Fault, FaultKind, Principal, ServiceName};
use tokio::time::Instant;

use crate::measured::Refusal;
use crate::payload::Payload;
use crate::target::{Arrival, Target};

/// What happens to a call on its way.
#[derive(Debug)]
pub(crate) struct Story {
    id: CallId,
    parent: Option<CallId>,
    caller: Principal,
    arrived: Instant,
    pub(crate) attempts: u32,
    /// What answered in place of the service.
    stood_in: Option<String>,
}

impl Story {
    pub(crate) fn of(arrival: &Arrival) -> Self {
        Self {
            id: arrival.id,
            parent: arrival.parent,
            caller: arrival.caller.clone(),
            arrived: arrival.arrived,
            attempts: 0,
            stood_in: None,
        }
    }

    /// An attempt failed, and another one follows after `pause`.
    pub(crate) fn tell_attempt(&self, service: &ServiceName, fault: &Fault, pause: Duration) {
        let (call, attempt, kind, details) = (self.id, self.attempts, fault.kind(), fault.details());
        tracing::info!(%service, %call, attempt, fault = %kind, details, ?pause, "tried again: {}", fault.public());
    }

    /// `what` answers because of `fault`.
    pub(crate) fn stood_in(&mut self, what: &str, fault: &Fault) {
        self.stood_in = Some(format!("{what}, after {fault}"));
    }
}

/// Tells how a call ended, and counts what a policy had to do with it.
pub(crate) fn record<P: Payload>(target: &impl Target, story: &Story, outcome: &Result<P::Reply, Fault>) {
    let Story { id: call, parent, arrived, attempts, stood_in, caller: _ } = story;
    let service = target.name();
    let parent = parent.map(tracing::field::display);
    let fallback = stood_in.as_deref();
    match outcome {
        Ok(reply) if fallback.is_some() => {
            let (status, elapsed) = (P::status(reply), arrived.elapsed());
            tracing::warn!(%service, %call, parent, status, attempts, fallback, ?elapsed, "call answered by a fallback");
        }
        Ok(reply) => {
            let status = P::status(reply);
            tracing::debug!(%service, %call, parent, status, attempts, elapsed = ?arrived.elapsed(), "call answered");
        }
        Err(fault) if fault.kind() == FaultKind::Cancelled => {
            tracing::debug!(%service, %call, parent, elapsed = ?arrived.elapsed(), "call cancelled by its caller");
        }
        Err(fault) => failed(target, story, fault),
    }
}

/// Tells that a call failed. Who was refused, and why, is told apart, for those who look for just that.
pub(crate) fn failed(target: &impl Target, story: &Story, fault: &Fault) {
    let Story { id: call, parent, caller, arrived, attempts, stood_in } = story;
    let (service, fallback) = (target.name(), stood_in.as_deref());
    let parent = parent.map(tracing::field::display);
    count(target, fault.kind());
    let (kind, details, elapsed) = (fault.kind(), fault.details(), arrived.elapsed());
    if matches!(kind, FaultKind::Unauthenticated | FaultKind::Denied) {
        let route = target.route().map(|route| tracing::field::display(&route.route));
        tracing::warn!(target: "audit", %service, %call, parent, %caller, route, fault = %kind, details, "refused");
        return;
    }
    tracing::warn!(%service, %call, parent, fault = %kind, details, attempts, fallback, ?elapsed, "{}", fault.public());
}

fn count(target: &impl Target, kind: FaultKind) {
    let tally = &target.standing().tally;
    if let (Some(route), Some(refusal)) = (target.route(), Refusal::of(kind)) {
        route.measured.refused(refusal);
    }
    match kind {
        FaultKind::Unauthenticated => tally.unauthenticated.count(),
        FaultKind::Denied => tally.denied.count(),
        FaultKind::RateLimited => tally.rate_limited.count(),
        FaultKind::Overloaded => tally.overloaded.count(),
        _ => {}
    }
}

//! A candidate as the channel sees it when requests are mirrored to it: with places of its own, so that it takes none away
//! from those who wait for an answer, and with nothing that would try again or stand in for it.

use std::sync::Arc;
use std::time::Duration;

use patchbay_channel::{Arrival, LinkPolicy, RoutePolicy, Shedder, Sought, StandIn, Standing, Target};
use patchbay_model::policy::{Priority, RetrySettings};
use patchbay_model::{Fault, FaultKind, RevisionId, ServiceName, Settings};

use crate::revision::{Lease, LiveRevision};

/// The candidate.
pub(super) struct CandidateTarget {
    live: Arc<LiveRevision>,
    settings: Settings,
    standing: Standing,
}

impl CandidateTarget {
    /// A candidate that has `timeout` for each request.
    pub(super) fn new(live: Arc<LiveRevision>, timeout: Duration) -> Self {
        let mut settings = live.ready.record.settings.clone();
        settings.limits.timeout = settings.limits.timeout.min(timeout);
        settings.retry = RetrySettings { attempts: 1, ..settings.retry };
        // Whoever let the request in the first time has judged it by the rules that hold.
        settings.callers = None;
        settings.rate = None;
        // Nobody waits for it.
        settings.priority = Priority::Low;
        Self { standing: Standing::new(&settings), live, settings }
    }

    pub(super) fn id(&self) -> &RevisionId {
        &self.live.id
    }
}

/// The candidate, and what refuses calls while the host is saturated.
#[derive(Clone, Copy)]
pub(super) struct Watched<'a>(pub(super) &'a CandidateTarget, pub(super) &'a Shedder);

impl Target for Watched<'_> {
    type Lease = Lease;

    fn name(&self) -> &ServiceName {
        &self.0.live.id.service
    }

    fn settings(&self) -> &Settings {
        &self.0.settings
    }

    fn strict(&self) -> bool {
        false
    }

    fn shedder(&self) -> &Shedder {
        self.1
    }

    fn standing(&self) -> &Standing {
        &self.0.standing
    }

    fn link(&self) -> Option<&LinkPolicy> {
        None
    }

    fn route(&self) -> Option<&RoutePolicy> {
        None
    }

    fn stand_in(&self) -> Option<&StandIn> {
        None
    }

    fn instead(&self) -> Option<Self> {
        None
    }

    fn choose(&self, _: &Arrival, _: Sought<'_>) -> Result<Lease, Fault> {
        self.0.live.enter().ok_or_else(|| Fault::new(FaultKind::Unavailable, "the candidate is gone").unprocessed())
    }
}

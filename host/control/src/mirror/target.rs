//! A candidate as the channel sees it when requests are mirrored to it: with places of its own, so that it takes none away
//! from those who wait for an answer, and with nothing that would try again or stand in for it.

use std::sync::Arc;
use std::time::Duration;

use patchbay_channel::{Arrival, LinkPolicy, RoutePolicy, Shedder, Sought, StandIn, Standing, Target, Tracer};
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

/// The candidate, with what the host has for all calls.
#[derive(Clone, Copy)]
pub(super) struct Watched<'a> {
    pub(super) target: &'a CandidateTarget,
    pub(super) shedder: &'a Shedder,
    pub(super) tracer: &'a Tracer,
}

impl Target for Watched<'_> {
    type Lease = Lease;

    fn name(&self) -> &ServiceName {
        &self.target.live.id.service
    }

    fn settings(&self) -> &Settings {
        &self.target.settings
    }

    fn strict(&self) -> bool {
        false
    }

    fn shedder(&self) -> &Shedder {
        self.shedder
    }

    fn tracer(&self) -> &Tracer {
        self.tracer
    }

    fn standing(&self) -> &Standing {
        &self.target.standing
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
        self.target
            .live
            .enter()
            .ok_or_else(|| Fault::new(FaultKind::Unavailable, "the candidate is gone").unprocessed())
    }
}

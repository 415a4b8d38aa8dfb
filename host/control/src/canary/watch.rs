//! What is kept of a canary while it is under way: where it stands, and how both revisions do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use patchbay_channel::Reading;
use patchbay_model::RevisionNumber;
use patchbay_model::traffic::{CanaryPlan, CanaryRecord};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::machine::{Event, Position};
use super::rules::{Sample, numbers};
use crate::mirror::Mirror;
use crate::revision::LiveRevision;
use crate::traffic::{Candidate, Split};

/// A canary under way.
pub(crate) struct Watch {
    /// The candidate.
    pub(crate) live: Arc<LiveRevision>,
    stable: Arc<LiveRevision>,
    pub(crate) plan: CanaryPlan,
    /// Whether the candidate was deployed for the canary, and is forgotten with it.
    made: bool,
    /// What mirrors requests to it in its first step.
    pub(crate) mirror: Option<Arc<Mirror>>,
    /// The errors that it cost its callers in earlier runs of the host.
    errors_before: u32,
    /// Set when it is over, before that can be published.
    halted: AtomicBool,
    progress: Mutex<Progress>,
}

/// Where a canary stands, and what the step is measured from.
struct Progress {
    position: Position,
    since: SystemTime,
    candidate: Reading,
    stable: Reading,
    /// The errors of the candidate that no caller has seen: those of mirrored requests.
    unseen: u32,
}

impl Watch {
    /// A canary that begins, or goes on, as `record` says.
    pub(crate) fn new(live: Arc<LiveRevision>, stable: Arc<LiveRevision>, record: &CanaryRecord, now: Instant) -> Self {
        let CanaryRecord { plan, step, since, baked, errors, made, .. } = record.clone();
        let progress = Progress {
            position: Position::at(step, now, baked),
            since,
            candidate: live.breaker.observed().read(),
            stable: stable.breaker.observed().read(),
            unseen: 0,
        };
        let (errors_before, halted) = (errors, AtomicBool::new(false));
        let mirror = plan.mirror.map(|share| Mirror::to_candidate(&live, share));
        Self { live, stable, plan, made, mirror, errors_before, halted, progress: Mutex::new(progress) }
    }

    /// Whether the candidate gets no calls any more, whatever its share.
    pub(crate) fn is_halted(&self) -> bool {
        self.halted.load(Ordering::Acquire) || self.live.trouble.breaker_opened()
    }

    /// Keeps all calls that begin from now on away from the candidate.
    pub(super) fn halt(&self) {
        self.halted.store(true, Ordering::Release);
    }

    /// Has somebody look at the candidate at once.
    pub(crate) fn alarm(&self) {
        self.live.trouble.alarm.notify_one();
    }

    /// What [`Watch::alarm`] wakes.
    pub(super) fn alarmed(&self) -> &Notify {
        &self.live.trouble.alarm
    }

    /// The candidate in the present step.
    pub(crate) fn candidate(self: &Arc<Self>) -> Candidate {
        let progress = self.progress();
        let step = progress.position.step;
        let mirror = self.mirror.clone().filter(|_| self.plan.mirrors(step).is_some());
        let split = match self.plan.mirrors(step) {
            Some(_) => Split::none(&self.live.id),
            None => {
                let settings = &self.live.ready.record.settings.traffic;
                Split::new(&self.live.id, self.plan.share(step), self.plan.traffic.as_ref().unwrap_or(settings))
            }
        };
        let left = self.plan.rules.max_errors.map(|max| max.saturating_sub(self.errors_before));
        let max_errors = left.map_or(u32::MAX, |left| left.saturating_add(progress.unseen));
        drop(progress);
        Candidate::new(Arc::clone(self), split, max_errors, mirror)
    }

    /// What there is to see now.
    pub(super) fn look(&self) -> Event {
        if self.live.trouble.breaker_opened() {
            return Event::BreakerOpened;
        }
        let (candidate, stable) = self.samples();
        Event::Looked { candidate, stable, errors: self.errors() }
    }

    /// The numbers of the step: those of the candidate, and those of the stable revision.
    pub(super) fn samples(&self) -> (Sample, Sample) {
        let progress = self.progress();
        let candidate = self.live.breaker.observed().read().since(&progress.candidate);
        let stable = self.stable.breaker.observed().read().since(&progress.stable);
        ((&candidate).into(), (&stable).into())
    }

    /// What is to be said of it when it ends.
    pub(super) fn summary(&self) -> String {
        let (candidate, stable) = self.samples();
        let (candidate, stable, errors) = (numbers(&candidate), numbers(&stable), self.errors());
        format!("in this step {candidate}, and of the stable revision {stable}; {errors} errors in all")
    }

    /// The errors that it has cost its callers.
    pub(super) fn errors(&self) -> u32 {
        let progress = self.progress();
        let seen = match self.plan.mirrors(progress.position.step) {
            Some(_) => 0,
            None => self.live.breaker.observed().errors().saturating_sub(progress.unseen),
        };
        self.errors_before.saturating_add(seen)
    }

    pub(super) fn position(&self) -> Position {
        self.progress().position.clone()
    }

    /// When the step began.
    pub(super) fn since(&self) -> SystemTime {
        self.progress().since
    }

    /// Goes on to another step, which is measured from now on.
    pub(super) fn begin(&self, position: Position, since: SystemTime) {
        let mirrored = self.plan.mirrors(self.position().step).is_some();
        let (candidate, stable) = (self.live.breaker.observed().read(), self.stable.breaker.observed().read());
        let mut progress = self.progress();
        if mirrored {
            progress.unseen = candidate.errors;
        }
        *progress = Progress { position, since, candidate, stable, unseen: progress.unseen };
    }

    /// Notes what the step waits for.
    pub(super) fn wait(&self, position: Position) {
        self.progress().position = position;
    }

    /// What has to be remembered of it.
    pub(super) fn record(&self, now: Instant) -> CanaryRecord {
        let (position, since) = (self.position(), self.since());
        CanaryRecord {
            revision: self.number(),
            plan: self.plan.clone(),
            step: position.step,
            since,
            baked: whole_seconds(position.baked(now)),
            errors: self.errors(),
            made: self.made,
        }
    }

    fn number(&self) -> RevisionNumber {
        self.live.id.number
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn whole_seconds(duration: Duration) -> Duration {
    Duration::from_secs(duration.as_secs())
}

//! What can be seen of canaries.

use std::time::{Duration, SystemTime};

use patchbay_model::traffic::{CanaryPlan, TrafficShare};
use patchbay_model::{RevisionId, ServiceName};
use tokio::time::Instant;

use super::machine::Phase;
use super::rules::Sample;
use super::watch::Watch;
use crate::control::Control;
use crate::mirror::MirrorView;
use crate::snapshot::ServiceEntry;

/// A canary under way, seen from outside.
#[derive(Debug, Clone)]
pub struct CanaryView {
    /// The candidate.
    pub revision: RevisionId,
    /// How it is tried.
    pub plan: CanaryPlan,
    /// The step, counted from 0.
    pub step: u32,
    /// The share of calls that the candidate gets.
    pub share: TrafficShare,
    /// The share of requests that is mirrored to it.
    pub mirrored: Option<TrafficShare>,
    /// When the step began.
    pub since: SystemTime,
    /// How long it has lasted, not counting the time in which the host was down.
    pub baked: Duration,
    /// What it waits for.
    pub phase: CanaryPhase,
    /// The errors that the canary has cost its callers since it began.
    pub errors: u32,
    /// The numbers of the candidate in this step.
    pub candidate: Sample,
    /// The numbers of the stable revision in the same time.
    pub stable: Sample,
    /// What came of the requests that were mirrored to it.
    pub mirror: Option<MirrorView>,
}

/// What a step of a canary waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CanaryPhase {
    /// The end of its time.
    Baking,
    /// More calls.
    Prolonged,
    /// Somebody who decides; with the reason.
    Waiting(String),
    /// That its end can be published. It gets no calls any more.
    Halted,
}

/// A canary that is over, seen from outside.
#[derive(Debug, Clone)]
pub struct EndedCanary {
    /// The revision that was tried.
    pub revision: RevisionId,
    /// Whether it serves all calls since.
    pub promoted: bool,
    /// How it ended, as a sentence.
    pub message: String,
    /// When it ended.
    pub ended: SystemTime,
    /// The errors that it cost its callers.
    pub errors: u32,
}

impl EndedCanary {
    pub(super) fn new(watch: &Watch, promoted: bool, message: &str, ended: SystemTime) -> Self {
        let (revision, errors) = (watch.live.id.clone(), watch.errors());
        Self { revision, promoted, message: message.to_owned(), ended, errors }
    }
}

impl Control {
    /// The canary of a service, if one is under way.
    pub fn canary(&self, service: &ServiceName) -> Option<CanaryView> {
        self.snapshot.load().service(service).and_then(|entry| view(entry))
    }
}

/// What can be seen of the canary of a service.
pub(crate) fn view(entry: &ServiceEntry) -> Option<CanaryView> {
    let watch = &entry.candidate.as_ref()?.watch;
    let position = watch.position();
    let (candidate, stable) = watch.samples();
    Some(CanaryView {
        revision: watch.live.id.clone(),
        step: position.step,
        share: watch.plan.share(position.step),
        mirrored: watch.plan.mirrors(position.step),
        plan: watch.plan.clone(),
        since: watch.since(),
        baked: position.baked(Instant::now()),
        phase: match position.phase {
            _ if watch.is_halted() => CanaryPhase::Halted,
            Phase::Baking => CanaryPhase::Baking,
            Phase::Prolonged => CanaryPhase::Prolonged,
            Phase::Waiting(reason) => CanaryPhase::Waiting(reason),
        },
        errors: watch.errors(),
        candidate,
        stable,
        mirror: watch.mirror.as_ref().map(|mirror| mirror.view()),
    })
}

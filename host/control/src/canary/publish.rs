//! How a canary shows in the snapshot and in the registry: it begins, goes on, and ends there.

use std::sync::Arc;

use patchbay_model::traffic::{CanaryPlan, CanaryRecord};
use patchbay_model::{Digest, RevisionNumber, ServiceName};
use tokio::time::Instant;

use super::machine::Position;
use super::view::EndedCanary;
use super::watch::Watch;
use crate::change::{ChangeError, ChangeErrorKind};
use crate::control::Control;
use crate::deploy::{Replaced, entry_of, trim};
use crate::event::EventKind;
use crate::revision::LiveRevision;
use crate::snapshot::ServiceEntry;
use crate::steps::Teller;

/// A canary that is over once the snapshot is published which it was taken out of.
pub(crate) struct Ending {
    /// The candidate, if it has come up and is not what serves from now on.
    pub(crate) live: Option<Arc<LiveRevision>>,
    /// The candidate, if it is forgotten.
    pub(crate) dropped: Option<(RevisionNumber, Digest)>,
    number: RevisionNumber,
    message: String,
    teller: Teller,
}

impl Ending {
    /// Says that it is over.
    pub(crate) fn tell(&self) {
        self.teller.tell(EventKind::CanaryAborted, Some(self.number), self.message.clone());
    }
}

impl Control {
    /// Publishes a candidate. `made`: whether it was deployed for the canary, and is not among the retained revisions yet.
    pub(super) async fn publish_candidate(
        &self,
        live: Arc<LiveRevision>,
        plan: CanaryPlan,
        made: bool,
    ) -> Result<(Arc<Watch>, Vec<(RevisionNumber, Digest)>), ChangeError> {
        let _writer = self.writer.lock().await;
        let snapshot = self.snapshot.load_full();
        let mut entry = entry_of(&snapshot, &live.id.service)?;
        let Some(stable) = entry.active.clone() else { return Err(nothing_serves(&live.id.service)) };
        let (number, since) = (live.id.number, self.ports.clock.now());
        let baked = std::time::Duration::ZERO;
        let record = CanaryRecord { revision: number, plan, step: 0, since, baked, errors: 0, made };
        if made {
            entry.record.next = number.next();
            entry.record.revisions.push(live.ready.record.clone());
        }
        entry.ready.insert(number, Arc::clone(&live.ready));
        let watch = Arc::new(Watch::new(live, stable, &record, Instant::now()));
        entry.record.canary = Some(record);
        entry.candidate = Some(Arc::new(watch.candidate()));
        let dropped = trim(&mut entry, snapshot.config().retained);
        self.publish(&snapshot, snapshot.with(entry)?).await?;
        Ok((watch, dropped))
    }

    /// Publishes the candidate of a canary that a host before this one was at.
    pub(super) async fn publish_resumed(&self, live: Arc<LiveRevision>) -> Result<Arc<Watch>, ChangeError> {
        let _writer = self.writer.lock().await;
        let snapshot = self.snapshot.load_full();
        let mut entry = entry_of(&snapshot, &live.id.service)?;
        let (Some(stable), Some(record)) = (entry.active.clone(), &entry.record.canary) else {
            return Err(nothing_serves(&live.id.service));
        };
        entry.ready.insert(live.id.number, Arc::clone(&live.ready));
        let watch = Arc::new(Watch::new(live, stable, record, Instant::now()));
        entry.candidate = Some(Arc::new(watch.candidate()));
        self.publish(&snapshot, snapshot.with(entry)?).await?;
        Ok(watch)
    }

    /// Publishes the next step of a canary; what it is, as a phrase.
    pub(super) async fn advance_canary(
        &self,
        service: &ServiceName,
        watch: &Arc<Watch>,
        position: Position,
    ) -> Result<String, ChangeError> {
        let _writer = self.writer.lock().await;
        let snapshot = self.snapshot.load_full();
        let mut entry = under_way(entry_of(&snapshot, service)?, watch)?;
        let (before, since) = (watch.position(), watch.since());
        let step = position.step;
        watch.begin(position, self.ports.clock.now());
        entry.record.canary = Some(watch.record(Instant::now()));
        entry.candidate = Some(Arc::new(watch.candidate()));
        if let Err(error) = self.publish(&snapshot, snapshot.with(entry)?).await {
            watch.begin(before, since);
            return Err(error);
        }
        Ok(format!("step {} of {}, with {} of the calls", step + 1, watch.plan.n_steps(), watch.plan.share(step)))
    }

    /// Writes down how far a step is.
    pub(super) async fn note_canary(&self, service: &ServiceName, watch: &Arc<Watch>) {
        let _writer = self.writer.lock().await;
        let snapshot = self.snapshot.load_full();
        let entry = entry_of(&snapshot, service).and_then(|entry| under_way(entry, watch));
        let Ok(mut entry) = entry else { return };
        entry.record.canary = Some(watch.record(Instant::now()));
        let noted = match snapshot.with(entry) {
            Ok(noted) => self.publish(&snapshot, noted).await,
            Err(conflict) => Err(conflict.into()),
        };
        if let Err(error) = noted {
            tracing::warn!(%service, "it cannot be written down how far the canary is: {error}");
        }
    }

    /// Publishes the candidate as the active revision.
    pub(super) async fn publish_promoted(
        &self,
        service: &ServiceName,
        watch: &Arc<Watch>,
        reason: &str,
    ) -> Result<(Replaced, String), ChangeError> {
        let _writer = self.writer.lock().await;
        let snapshot = self.snapshot.load_full();
        let mut entry = under_way(entry_of(&snapshot, service)?, watch)?;
        let live = Arc::clone(&watch.live);
        let message = format!("`{}` serves all calls: {reason} ({})", live.id, watch.summary());
        entry.last_canary = Some(Arc::new(EndedCanary::new(watch, true, &message, self.ports.clock.now())));
        entry.record.canary = None;
        entry.candidate = None;
        entry.record.active = live.id.number;
        let published = self.publish_in_place(&snapshot, entry, Arc::clone(&live), None).await?;
        self.teller(service).tell(EventKind::CanaryPromoted, Some(live.id.number), message);
        Ok(published)
    }

    /// Publishes that there is no candidate any more.
    pub(super) async fn publish_aborted(
        &self,
        service: &ServiceName,
        watch: &Arc<Watch>,
        reason: &str,
    ) -> Result<(Ending, String), ChangeError> {
        let _writer = self.writer.lock().await;
        let snapshot = self.snapshot.load_full();
        let mut entry = under_way(entry_of(&snapshot, service)?, watch)?;
        let ending = self.take_canary_out(&mut entry, None, reason).ok_or_else(|| no_canary(service))?;
        self.publish(&snapshot, snapshot.with(entry)?).await?;
        ending.tell();
        Ok((ending, String::new()))
    }

    /// Publishes that a canary that could not be brought up again is over.
    pub(super) async fn publish_given_up(&self, service: &ServiceName, reason: &str) -> Result<(), ChangeError> {
        let _writer = self.writer.lock().await;
        let snapshot = self.snapshot.load_full();
        let mut entry = entry_of(&snapshot, service)?;
        if let Some(ending) = self.take_canary_out(&mut entry, None, reason) {
            self.publish(&snapshot, snapshot.with(entry)?).await?;
            ending.tell();
        }
        Ok(())
    }

    /// Takes a canary out of an entry in which `next` is about to serve.
    pub(crate) fn end_canary(&self, entry: &mut ServiceEntry, next: &LiveRevision, reason: &str) -> Option<Ending> {
        self.take_canary_out(entry, Some(next.id.number), reason)
    }

    /// Takes a canary out of an entry; the revision `kept` stays among the retained ones.
    fn take_canary_out(&self, entry: &mut ServiceEntry, kept: Option<RevisionNumber>, reason: &str) -> Option<Ending> {
        let record = entry.record.canary.take()?;
        let candidate = entry.candidate.take();
        let number = record.revision;
        let (step, n_steps, share) =
            (record.step.saturating_add(1), record.plan.n_steps(), record.plan.share(record.step));
        let summary =
            candidate.as_ref().map(|candidate| format!(" ({})", candidate.watch.summary())).unwrap_or_default();
        let message = format!(
            "the canary of `{}@{number}` is over at step {step} of {n_steps}, with {share} of the calls: {reason}{summary}",
            entry.name
        );
        let mut dropped = None;
        if record.made && kept != Some(number) {
            entry.ready.remove(&number);
            let digest = entry.record.revisions.iter().find(|record| record.number == number).map(|it| it.component);
            entry.record.revisions.retain(|record| record.number != number);
            dropped = digest.map(|digest| (number, digest));
        }
        let live = candidate.map(|candidate| {
            let ended = EndedCanary::new(&candidate.watch, false, &message, self.ports.clock.now());
            entry.last_canary = Some(Arc::new(ended));
            Arc::clone(candidate.live())
        });
        Some(Ending { live, dropped, number, message, teller: self.teller(&entry.name) })
    }

    /// Whether the canary is still the one of the service.
    pub(super) fn is_under_way(&self, service: &ServiceName, watch: &Arc<Watch>) -> bool {
        entry_of(&self.snapshot.load(), service).and_then(|entry| under_way(entry, watch)).is_ok()
    }
}

/// The entry, if the canary is still its own.
fn under_way(entry: ServiceEntry, watch: &Arc<Watch>) -> Result<ServiceEntry, ChangeError> {
    let same = entry.candidate.as_ref().is_some_and(|candidate| Arc::ptr_eq(&candidate.watch, watch));
    if same { Ok(entry) } else { Err(no_canary(&entry.name)) }
}

pub(super) fn no_canary(service: &ServiceName) -> ChangeError {
    let message = format!("no canary of `{service}` is under way; begin one with `patchbay canary start {service}`");
    ChangeError::new(ChangeErrorKind::NotFound, message)
}

pub(super) fn nothing_serves(service: &ServiceName) -> ChangeError {
    let message =
        format!("nothing of `{service}` serves that a candidate could be tried beside; deploy it without a canary");
    ChangeError::new(ChangeErrorKind::Conflict, message)
}

//! The moment of change: save the registry, publish the new snapshot, and let go of what it replaced.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use patchbay_model::{Digest, RegistryRecord, RevisionId, RevisionNumber, ServiceName, units};
use tokio::time::Instant;

use crate::canary::Ending;
use crate::change::{ChangeError, ChangeErrorKind, DeployRequest, Step};
use crate::control::Control;
use crate::event::EventKind;
use crate::revision::{Drained, LiveRevision};
use crate::snapshot::{ServiceEntry, Snapshot};
use crate::steps::Steps;

/// What a change took out of the snapshot.
pub(crate) struct Replaced {
    /// The revision that served.
    pub(crate) old: Option<Arc<LiveRevision>>,
    /// Revisions that are no longer retained.
    pub(crate) dropped: Vec<(RevisionNumber, Digest)>,
    /// The candidate whose canary ended with it.
    pub(crate) candidate: Option<Arc<LiveRevision>>,
}

impl Control {
    /// Publishes a new revision of a service.
    pub(super) async fn publish_new(
        &self,
        request: &DeployRequest,
        live: Arc<LiveRevision>,
    ) -> Result<(Replaced, String), ChangeError> {
        let _writer = self.writer.lock().await;
        let snapshot = self.snapshot.load_full();
        let mut entry = snapshot
            .service(&request.service)
            .map_or_else(|| self.new_entry(&request.service), |entry| ServiceEntry::clone(entry));
        let number = live.id.number;
        entry.record.next = number.next();
        entry.record.active = number;
        entry.record.revisions.push(live.ready.record.clone());
        self.note_request(&mut entry, request);
        let ended = self.end_canary(&mut entry, &live, "a deployment took its place");
        self.publish_in_place(&snapshot, entry, live, ended).await
    }

    /// Publishes a retained revision.
    pub(super) async fn publish_retained(&self, live: Arc<LiveRevision>) -> Result<(Replaced, String), ChangeError> {
        let _writer = self.writer.lock().await;
        let snapshot = self.snapshot.load_full();
        let mut entry = entry_of(&snapshot, &live.id.service)?;
        entry.record.active = live.id.number;
        let ended = self.end_canary(&mut entry, &live, "another revision was activated");
        self.publish_in_place(&snapshot, entry, live, ended).await
    }

    /// Publishes a revision where the calls go, and sees to what it leaves behind.
    pub(crate) async fn publish_in_place(
        &self,
        snapshot: &Snapshot,
        mut entry: ServiceEntry,
        live: Arc<LiveRevision>,
        ended: Option<Ending>,
    ) -> Result<(Replaced, String), ChangeError> {
        let mut dropped = trim(&mut entry, snapshot.config().retained);
        let old = self.publish_active(snapshot, entry, live).await?;
        let candidate = ended.map(|ended| {
            dropped.extend(ended.dropped);
            ended.tell();
            ended.live
        });
        Ok((Replaced { old, dropped, candidate: candidate.flatten() }, String::new()))
    }

    /// Publishes the absence of a service.
    pub(super) async fn publish_removal(&self, service: &ServiceName) -> Result<(Replaced, String), ChangeError> {
        let _writer = self.writer.lock().await;
        let snapshot = self.snapshot.load_full();
        let entry = entry_of(&snapshot, service)?;
        let note = match &entry.declared {
            Some(_) => "runtime.toml declares it: the next start brings it back unless the file changes".to_owned(),
            None => String::new(),
        };
        self.publish(&snapshot, snapshot.without(service)?).await?;
        let dropped = entry.record.revisions.iter().map(|record| (record.number, record.component)).collect();
        let candidate = entry.candidate.map(|candidate| Arc::clone(candidate.live()));
        Ok((Replaced { old: entry.active, dropped, candidate }, note))
    }

    /// Takes over routes and declaration of a request whose revision serves already.
    pub(super) async fn save_routes_and_origin(&self, request: &DeployRequest) -> Result<(), ChangeError> {
        let _writer = self.writer.lock().await;
        let snapshot = self.snapshot.load_full();
        let mut entry = entry_of(&snapshot, &request.service)?;
        let before = entry.record.clone();
        self.note_request(&mut entry, request);
        if entry.record == before {
            return Ok(());
        }
        self.publish(&snapshot, snapshot.with(entry)?).await
    }

    /// The active revision, if it is what the request asks for.
    pub(crate) fn serves_already(&self, request: &DeployRequest) -> Option<RevisionId> {
        let snapshot = self.snapshot.load();
        let active = snapshot.service(&request.service)?.active.as_ref()?;
        let record = &active.ready.record;
        let same = record.component == request.component && record.settings == request.settings;
        same.then(|| active.id.clone())
    }

    /// A retained revision, and the number of the one that serves.
    pub(crate) fn retained(
        &self,
        service: &ServiceName,
        number: RevisionNumber,
    ) -> Result<(RevisionId, Option<RevisionNumber>), ChangeError> {
        let snapshot = self.snapshot.load_full();
        let entry = entry_of(&snapshot, service)?;
        if !entry.record.revisions.iter().any(|record| record.number == number) {
            let retained: Vec<_> = entry.record.revisions.iter().map(|record| record.number.to_string()).collect();
            let message =
                format!("`{service}@{number}` is not retained; retained are the revisions {}", retained.join(", "));
            return Err(ChangeError::new(ChangeErrorKind::NotFound, message));
        }
        let active = entry.active.as_ref().map(|active| active.id.number);
        Ok((RevisionId { service: service.clone(), number }, active))
    }

    /// The newest retained revision before the active one.
    pub(super) fn before_active(&self, service: &ServiceName) -> Result<RevisionNumber, ChangeError> {
        let entry = entry_of(&self.snapshot.load_full(), service)?;
        let before = entry.record.revisions.iter().rev().find(|record| record.number < entry.record.active);
        before.map(|record| record.number).ok_or_else(|| {
            let message = format!("no revision before `{service}@{}` is retained", entry.record.active);
            ChangeError::new(ChangeErrorKind::NotFound, message)
        })
    }

    /// Drains what was replaced, lets go of it, and forgets what is no longer retained. Returns the calls it ended.
    pub(crate) async fn retire(
        self: &Arc<Self>,
        old: Option<&LiveRevision>,
        dropped: &[(RevisionNumber, Digest)],
        steps: &Steps,
    ) -> u64 {
        let mut n_cut = 0;
        if let Some(old) = old {
            let number = Some(old.id.number);
            // Neither step can fail: what does not end by itself is ended.
            let drained = steps.step(Step::Drain, async { Ok(self.drain(old).await) }).await;
            n_cut = drained.map_or(0, Drained::n_cut);
            match n_cut {
                0 => steps.teller.tell(EventKind::Drained, number, format!("`{}` has no calls any more", old.id)),
                n_cut => {
                    let limit = units::format_duration(self.drain_deadline());
                    let message = format!("{} on `{}` took longer than {limit} and were ended", calls(n_cut), old.id);
                    steps.teller.tell(EventKind::Cut, number, message);
                }
            }
            self.cool(old);
            steps.teller.tell(EventKind::Retired, number, format!("`{}` is retired", old.id));
        }
        let forgotten =
            steps.step(Step::Retire, async { Ok((self.forget(dropped).await, forgotten_note(dropped))) }).await;
        if forgotten.is_ok() {
            for (number, _) in dropped {
                let message = format!("`{}@{number}` is forgotten", steps.teller.service);
                steps.teller.tell(EventKind::Freed, Some(*number), message);
            }
        }
        n_cut
    }

    /// Lets go of the instances of a revision, unless it serves again already.
    pub(crate) fn cool(self: &Arc<Self>, old: &LiveRevision) {
        let (control, service, ready) = (Arc::clone(self), old.id.service.clone(), Arc::clone(&old.ready));
        self.turns.between(&old.id.service, move || {
            let snapshot = control.snapshot.load();
            if !snapshot.service(&service).is_some_and(|entry| entry.is_live(&ready)) {
                ready.prepared.cool();
            }
        });
    }

    /// How long calls on a replaced revision may take to end.
    fn drain_deadline(&self) -> Duration {
        self.snapshot.load().config().drain
    }

    pub(crate) async fn drain(&self, old: &LiveRevision) -> (Drained, String) {
        let (n_calls, begun) = (old.n_calls(), Instant::now());
        let drained = old.drain(self.drain_deadline()).await;
        let note = match (drained, n_calls) {
            (Drained::Cut(n_cut), _) => format!("{} did not end in time and were cut", calls(n_cut)),
            (Drained::Complete, 0) => format!("`{}` had no calls", old.id),
            (Drained::Complete, n_calls) => {
                let millis = begun.elapsed().as_millis().max(1);
                let took = units::format_duration(Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX)));
                format!("{} on `{}` ended within {took}", calls(n_calls), old.id)
            }
        };
        (drained, note)
    }

    /// Removes the components that nothing refers to any more.
    pub(crate) async fn forget(&self, dropped: &[(RevisionNumber, Digest)]) {
        let _writer = self.writer.lock().await;
        let registry = self.snapshot.load().record();
        for (_, digest) in dropped {
            if refers_to(&registry, digest) || self.pins.holds(digest) {
                continue;
            }
            if let Err(error) = self.ports.components.remove(digest).await {
                tracing::warn!(component = %digest, "a component that is not needed any more stays on disk: {error}");
            }
        }
    }

    /// Saves the registry, then publishes the snapshot: a crash in between starts with what was saved.
    pub(crate) async fn publish(&self, old: &Snapshot, new: Snapshot) -> Result<(), ChangeError> {
        if !new.remembers_the_same_as(old) {
            self.ports.registry.save(&new.record()).await?;
        }
        self.show(new);
        Ok(())
    }

    /// Puts a snapshot in the place of the one before.
    pub(crate) fn show(&self, snapshot: Snapshot) {
        let snapshot = Arc::new(snapshot);
        let begun = Instant::now();
        self.snapshot.store(snapshot);
        self.shown.fetch_add(1, Ordering::Release);
        self.measured.switches.count(begun.elapsed());
        self.messaging.shown();
    }

    /// Publishes `entry` with a revision where the calls go; returns the one that was there.
    pub(crate) async fn publish_active(
        &self,
        snapshot: &Snapshot,
        mut entry: ServiceEntry,
        live: Arc<LiveRevision>,
    ) -> Result<Option<Arc<LiveRevision>>, ChangeError> {
        let (id, ready) = (live.id.clone(), Arc::clone(&live.ready));
        entry.ready.insert(id.number, Arc::clone(&live.ready));
        entry.failure = None;
        let old = entry.active.replace(live);
        let standing = Arc::clone(&entry.standing);
        self.publish(snapshot, snapshot.with(entry)?).await?;
        standing.resize(&ready.record.settings);
        self.teller(&id.service).tell(EventKind::Published, Some(id.number), format!("`{id}` serves"));
        Ok(old)
    }

    /// The entry of a service that has no revision yet.
    pub(crate) fn new_entry(&self, service: &ServiceName) -> ServiceEntry {
        ServiceEntry::new(service, self.snapshot.load().applied())
    }

    fn note_request(&self, entry: &mut ServiceEntry, request: &DeployRequest) {
        if let Some(routes) = &request.routes {
            entry.record.routes.clone_from(routes);
            entry.record.anonymous = request.anonymous;
        }
        if request.origin == patchbay_model::Origin::File {
            entry.record.declaration =
                Some(patchbay_model::Declaration { component: request.component, settings: request.settings.clone() });
        }
    }
}

pub(crate) fn entry_of(snapshot: &Snapshot, service: &ServiceName) -> Result<ServiceEntry, ChangeError> {
    snapshot.service(service).map(|entry| ServiceEntry::clone(entry)).ok_or_else(|| {
        let message = format!("there is no service `{service}`; `patchbay ps` lists those there are");
        ChangeError::new(ChangeErrorKind::NotFound, message)
    })
}

/// Drops all but the newest `retained` revisions and the active one. A candidate stays, and takes no other's place.
pub(crate) fn trim(entry: &mut ServiceEntry, retained: u32) -> Vec<(RevisionNumber, Digest)> {
    let candidate = entry.record.canary.as_ref().map(|canary| canary.revision);
    let n_kept = (retained as usize).saturating_add(usize::from(candidate.is_some()));
    let surplus = entry.record.revisions.len().saturating_sub(n_kept);
    let active = entry.record.active;
    let mut index = 0;
    let mut dropped = Vec::new();
    entry.record.revisions.retain(|record| {
        let keep = index >= surplus || record.number == active || Some(record.number) == candidate;
        index += 1;
        if !keep {
            dropped.push((record.number, record.component));
        }
        keep
    });
    for (number, _) in &dropped {
        entry.ready.remove(number);
    }
    dropped
}

fn calls(n_calls: u64) -> String {
    format!("{n_calls} call{}", if n_calls == 1 { "" } else { "s" })
}

fn refers_to(registry: &RegistryRecord, digest: &Digest) -> bool {
    registry.services.values().flat_map(|record| &record.revisions).any(|record| record.component == *digest)
}

fn forgotten_note(dropped: &[(RevisionNumber, Digest)]) -> String {
    let numbers: Vec<_> = dropped.iter().map(|(number, _)| number.to_string()).collect();
    match numbers.as_slice() {
        [] => String::new(),
        [number] => format!("revision {number} is forgotten"),
        numbers => format!("revisions {} are forgotten", numbers.join(", ")),
    }
}

//! A new `runtime.toml` while the host runs: everything in it is made ready and judged, each service by itself and all of
//! them together, before any of it is published; then one snapshot takes the place of the one before.
//!
//! It goes in two halves, so that whoever else has a part of the file can judge it in between: [`Control::prepare_reload`]
//! changes nothing, and can be left at that; [`Control::publish_reload`] fails only where the registry cannot be saved.

mod assemble;
mod candidate;
mod error;
mod judge;
mod plan;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use patchbay_model::{RevisionId, ServiceName};
use tokio::sync::{OwnedMutexGuard, mpsc};
use tokio::time::sleep;

use crate::applied::Applied;
use crate::change::{ChangeError, ChangeErrorKind};
use crate::control::{Control, ControlConfig};
use crate::declared::DeclaredService;
use crate::deploy::Replaced;
use crate::event::EventKind;
use crate::snapshot::Snapshot;
use crate::steps::Steps;
use crate::turns::Turn;

use assemble::assemble;
use candidate::Candidate;
pub use error::{ReloadError, ReloadProblem};
use judge::judge;
use plan::Plan;

/// What a new `runtime.toml` says, as far as control works with it. Components are stored already.
#[derive(Debug, Clone)]
pub struct ReloadRequest {
    /// What concerns all services.
    pub config: ControlConfig,
    /// All services that it declares.
    pub services: Vec<DeclaredService>,
}

/// What a reload does to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceChange {
    /// It serves a revision that did not serve before.
    Deployed {
        /// The revision.
        revision: RevisionId,
        /// The one it replaces.
        replaced: Option<RevisionId>,
    },
    /// It is gone.
    Removed,
    /// It could not serve what the file declares before, and still cannot. Nothing of it changes.
    StillFailing(ChangeError),
}

/// A reload that is judged and ready to be published. Dropped, it leaves nothing behind.
pub struct PreparedReload {
    applied: Arc<Applied>,
    plan: Plan,
    candidates: Vec<Candidate>,
    failing: BTreeMap<ServiceName, ChangeError>,
    /// The snapshot that it was judged against.
    version: u64,
    _turns: Vec<Turn>,
    _only: OwnedMutexGuard<()>,
}

impl PreparedReload {
    /// What it does to services; those that are not named stay as they are.
    pub fn changes(&self) -> BTreeMap<ServiceName, ServiceChange> {
        let removed = self.plan.removed.iter().map(|name| (name.clone(), ServiceChange::Removed));
        let failing = self.failing.iter().map(|(name, why)| (name.clone(), ServiceChange::StillFailing(why.clone())));
        let deployed = self.candidates.iter().filter_map(|candidate| {
            let revision = candidate.live.as_ref()?.id.clone();
            Some((
                candidate.request.service.clone(),
                ServiceChange::Deployed { revision, replaced: candidate.replaces.clone() },
            ))
        });
        removed.chain(failing).chain(deployed).collect()
    }
}

impl Control {
    /// Makes everything ready that a new `runtime.toml` asks for, and judges it. What serves is not touched.
    ///
    /// # Errors
    /// Everything that is wrong, of kind [`ChangeErrorKind::Conflict`] if another change is in the way, which may be over
    /// soon.
    pub async fn prepare_reload(self: &Arc<Self>, request: ReloadRequest) -> Result<PreparedReload, ReloadError> {
        if self.tasks.is_closed() {
            return Err(ReloadError::stopping());
        }
        let only = Arc::clone(&self.reloads).try_lock_owned().map_err(|_| ReloadError::busy())?;
        let applied = Arc::new(Applied::new(request.config, request.services));
        let old = self.snapshot.load_full();
        let plan = Plan::new(&old, &applied);
        let turns = self.take_turns(&plan)?;
        let mut prepared = PreparedReload {
            applied,
            plan,
            candidates: Vec::new(),
            failing: BTreeMap::new(),
            version: old.version(),
            _turns: turns,
            _only: only,
        };
        self.make_candidates(&mut prepared).await?;
        settle(&old, &mut prepared)?;
        self.warm_candidates(&mut prepared).await?;
        // One that turned out to fail may be one that others need.
        settle(&old, &mut prepared)?;
        Ok(prepared)
    }

    /// Publishes what was prepared, as one snapshot. Calls that are under way end on the revisions that they are on.
    ///
    /// # Errors
    /// If the registry cannot be saved, or what others changed meanwhile does not go together with it. Then nothing has
    /// changed.
    pub async fn publish_reload(
        self: &Arc<Self>,
        mut prepared: PreparedReload,
    ) -> Result<BTreeMap<ServiceName, ServiceChange>, ReloadError> {
        let replaced = {
            let _writer = self.writer.lock().await;
            let old = self.snapshot.load_full();
            if old.version() != prepared.version {
                settle(&old, &mut prepared)?;
            }
            let (new, replaced) = assemble(&old, &prepared.applied, &prepared.plan, &prepared.candidates)?;
            self.publish(&old, new).await?;
            self.set_traces(&self.snapshot.load().config().traces);
            replaced
        };
        let changes = prepared.changes();
        for candidate in &mut prepared.candidates {
            self.pins.deployed(&candidate.request.component);
            if let Some(live) = candidate.live.take() {
                let snapshot = self.snapshot.load();
                if let Some(entry) = snapshot.service(&candidate.request.service) {
                    entry.standing.resize(&live.ready.record.settings);
                }
                let (teller, id) = (self.teller(&live.id.service), &live.id);
                teller.tell(EventKind::Published, Some(id.number), format!("`{id}` serves"));
            }
        }
        drop(prepared);
        for (service, replaced) in replaced {
            self.tasks.spawn(Arc::clone(self).let_go(service, replaced));
        }
        Ok(changes)
    }

    /// Tells of a reload, to the log of the host and as an event.
    pub fn tell_reload(&self, kind: EventKind, message: &str) {
        self.tell_host(kind, message);
    }

    /// One change at a time for all services that change.
    fn take_turns(&self, plan: &Plan) -> Result<Vec<Turn>, ReloadError> {
        let turn = |service: &ServiceName| {
            self.turns.take(service).ok_or_else(|| {
                let message = format!("another change of `{service}` is under way; try again when it is done");
                ReloadError::one(service, ChangeError::new(ChangeErrorKind::Conflict, message))
            })
        };
        plan.deployed.keys().chain(&plan.removed).map(turn).collect()
    }

    /// Lets go of what a service had before. The revision stays open for as long as calls may have been on their way to
    /// it, so that each call is answered by what it was routed by.
    async fn let_go(self: Arc<Self>, service: ServiceName, replaced: Replaced) {
        let on_the_way = replaced.old.as_ref().map_or(Duration::ZERO, |old| {
            // What leads a call from its route to its revision can only wait for a place.
            old.ready.record.settings.limits.queue_wait.min(self.snapshot.load().config().drain)
        });
        sleep(on_the_way).await;
        let (news, _) = mpsc::channel(1);
        let steps = Steps::new(self.teller(&service), news);
        self.retire_candidate(replaced.candidate, &steps.teller);
        self.retire(replaced.old.as_deref(), &replaced.dropped, &steps).await;
        if self.snapshot.load().service(&service).is_none() {
            steps.teller.tell(
                EventKind::Removed,
                None,
                format!("`{service}` is removed: runtime.toml no longer declares it"),
            );
        }
    }
}

/// Judges all services together, until those that only fail as they did before are left out.
fn settle(old: &Snapshot, prepared: &mut PreparedReload) -> Result<(), ReloadError> {
    loop {
        let (new, _) = assemble(old, &prepared.applied, &prepared.plan, &prepared.candidates)?;
        let problems = judge(old, &new, &prepared.candidates);
        prepared.version = old.version();
        if problems.is_empty() {
            return Ok(());
        }
        let (failing, wrong): (Vec<_>, Vec<_>) = problems
            .into_iter()
            .partition(|problem| problem.service.as_ref().is_some_and(|name| prepared.plan.failed_before(name)));
        if failing.is_empty() {
            return Err(ReloadError { problems: wrong });
        }
        for problem in failing {
            let Some(name) = problem.service else { continue };
            prepared.candidates.retain(|candidate| candidate.request.service != name);
            prepared.failing.insert(name, problem.error);
        }
    }
}

#[cfg(test)]
mod tests;

//! Deployment, activation and removal: each a sequence of steps that leaves the old revision serving until the new
//! one is published, and untouched if anything fails before.

use std::sync::Arc;

use patchbay_model::{RevisionNumber, ServiceName};
use tokio::sync::{mpsc, oneshot};

use crate::change::{Change, ChangeError, ChangeErrorKind, DeployRequest, Outcome, Step};
use crate::control::Control;
use crate::event::EventKind;
use crate::revision::LiveRevision;
use crate::steps::Steps;
use crate::turns::Turn;

mod contracts;
mod ready;
mod subscriptions;
mod swap;

pub use subscriptions::subscription_problem;

pub(crate) use contracts::lacks;
pub(crate) use ready::refused;
pub(crate) use swap::{Replaced, entry_of, trim};

/// News that can wait unread; more than a change has.
const PROGRESS_ROOM: usize = 32;

impl Control {
    /// Deploys a revision. The change runs to its end even if the caller goes away.
    pub fn deploy(self: &Arc<Self>, request: DeployRequest) -> Change {
        let service = request.service.clone();
        self.change(&service, async move |control, steps, turn| control.run_deploy(request, steps, turn).await)
    }

    /// Makes a retained revision the active one. Immediate where it is still compiled, as it normally is.
    pub fn activate(self: &Arc<Self>, service: &ServiceName, number: RevisionNumber) -> Change {
        let name = service.clone();
        self.change(service, async move |control, steps, turn| control.run_activate(&name, number, steps, turn).await)
    }

    /// Makes the newest retained revision before the active one the active one.
    pub fn rollback(self: &Arc<Self>, service: &ServiceName) -> Change {
        let name = service.clone();
        self.change(service, async move |control, steps, turn| {
            let number = control.before_active(&name)?;
            control.run_activate(&name, number, steps, turn).await
        })
    }

    /// Removes a service with all its revisions.
    pub fn remove(self: &Arc<Self>, service: &ServiceName) -> Change {
        let name = service.clone();
        self.change(service, async move |control, steps, turn| control.run_remove(&name, steps, turn).await)
    }

    /// Runs `work` in a task of its own, if no other change of the service is under way.
    pub(crate) fn change<W, F>(self: &Arc<Self>, service: &ServiceName, work: W) -> Change
    where
        W: FnOnce(Arc<Self>, Arc<Steps>, Turn) -> F + Send + 'static,
        F: Future<Output = Result<Outcome, ChangeError>> + Send,
    {
        let (news, progress) = mpsc::channel(PROGRESS_ROOM);
        let (end, outcome) = oneshot::channel();
        let teller = self.teller(service);
        let steps = Arc::new(Steps::new(teller.clone(), news));
        match self.may_change(service) {
            Err(error) => {
                // The receiver is at hand, so this cannot fail.
                let _ = end.send(Err(error));
            }
            Ok(turn) => {
                let control = Arc::clone(self);
                self.tasks.spawn(async move {
                    let ended = work(control, steps, turn).await;
                    if let Err(error) = &ended {
                        let step = error.step.map(|step| format!(" at step `{step}`")).unwrap_or_default();
                        teller.tell(EventKind::ChangeFailed, None, format!("the change failed{step}: {error}"));
                    }
                    // Nobody waiting is no error: the change is done either way.
                    let _ = end.send(ended);
                });
            }
        }
        Change { progress, outcome }
    }

    fn may_change(&self, service: &ServiceName) -> Result<Turn, ChangeError> {
        if self.tasks.is_closed() {
            return Err(ChangeError::new(ChangeErrorKind::Host, "the host is stopping and takes no changes"));
        }
        self.turns.take(service).ok_or_else(|| {
            let message = format!("another change of `{service}` is under way; try again when it is done");
            ChangeError::new(ChangeErrorKind::Conflict, message)
        })
    }

    async fn run_deploy(
        self: &Arc<Self>,
        request: DeployRequest,
        steps: Arc<Steps>,
        turn: Turn,
    ) -> Result<Outcome, ChangeError> {
        let _pin = self.pins.pin(request.component);
        if let Some(revision) = self.serves_already(&request) {
            let note = format!("`{revision}` is the same component with the same settings");
            steps.skip(Step::Inspect, &note);
            self.save_routes_and_origin(&request).await?;
            self.pins.deployed(&request.component);
            return Ok(Outcome::Unchanged { revision });
        }
        self.make_way(&request)?;
        let (inspected, id) = steps.step(Step::Inspect, self.inspect(&request)).await?;
        let ready = steps.step(Step::Compile, self.compile(inspected, &id, &steps.teller)).await?;
        self.warm_up(&ready, &steps).await?;
        let live = Arc::new(LiveRevision::new(id.clone(), ready, steps.teller.clone()));
        let replaced = steps.step(Step::Publish, self.publish_new(&request, Arc::clone(&live))).await?;
        self.pins.deployed(&request.component);
        // Draining may take long; the next change, be it the way back, does not wait for it.
        drop(turn);
        self.subscribed().await;
        self.retire_candidate(replaced.candidate, &steps.teller);
        let calls_cut = self.retire(replaced.old.as_deref(), &replaced.dropped, &steps).await;
        Ok(Outcome::Activated { revision: id, replaced: replaced.old.map(|old| old.id.clone()), calls_cut })
    }

    async fn run_activate(
        self: &Arc<Self>,
        service: &ServiceName,
        number: RevisionNumber,
        steps: Arc<Steps>,
        turn: Turn,
    ) -> Result<Outcome, ChangeError> {
        let (id, active) = self.retained(service, number)?;
        if active == Some(number) {
            return Ok(Outcome::Unchanged { revision: id });
        }
        let component = self.component_of(&id)?;
        let _pin = self.pins.pin(component);
        self.check_grants_of(&id)?;
        let ready = match self.ready(&id) {
            Some(ready) => {
                steps.skip(Step::Compile, "still compiled");
                ready
            }
            None => steps.step(Step::Compile, self.prepare_retained(&id, &steps.teller)).await?,
        };
        self.warm_up(&ready, &steps).await?;
        let live = Arc::new(LiveRevision::new(id.clone(), ready, steps.teller.clone()));
        let replaced = steps.step(Step::Publish, self.publish_retained(Arc::clone(&live))).await?;
        drop(turn);
        self.subscribed().await;
        self.retire_candidate(replaced.candidate, &steps.teller);
        let calls_cut = self.retire(replaced.old.as_deref(), &replaced.dropped, &steps).await;
        Ok(Outcome::Activated { revision: id, replaced: replaced.old.map(|old| old.id.clone()), calls_cut })
    }

    async fn run_remove(
        self: &Arc<Self>,
        service: &ServiceName,
        steps: Arc<Steps>,
        turn: Turn,
    ) -> Result<Outcome, ChangeError> {
        let replaced = steps.step(Step::Publish, self.publish_removal(service)).await?;
        drop(turn);
        self.retire_candidate(replaced.candidate, &steps.teller);
        let calls_cut = self.retire(replaced.old.as_deref(), &replaced.dropped, &steps).await;
        steps.teller.tell(EventKind::Removed, None, format!("`{service}` is removed"));
        Ok(Outcome::Removed { service: service.clone(), calls_cut })
    }
}

#[cfg(test)]
mod tests;

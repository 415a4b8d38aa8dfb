//! Canaries: a revision that is tried beside the active one, with a share of the calls that grows as long as it does well.
//!
//! `machine.rs` decides and `rules.rs` judges, both pure; `watch.rs` keeps what they are told; `drive.rs` is the task that
//! carries out what was decided; `publish.rs` is how it shows in the snapshot and the registry.

use std::sync::Arc;

use patchbay_model::traffic::CanaryPlan;
use patchbay_model::{Digest, Origin, RevisionId, RevisionNumber, ServiceName, Settings};

use crate::change::{Change, ChangeError, ChangeErrorKind, DeployRequest, Outcome, Step};
use crate::control::Control;
use crate::deploy::{entry_of, refused};
use crate::event::EventKind;
use crate::revision::{LiveRevision, ReadyRevision};
use crate::steps::{Steps, Teller};
use crate::turns::Turn;

mod drive;
mod machine;
mod publish;
mod rules;
mod view;
mod watch;

pub use rules::Sample;
pub use view::{CanaryPhase, CanaryView, EndedCanary};

pub(crate) use publish::Ending;
pub(crate) use view::view;
pub(crate) use watch::Watch;

/// What is to be tried.
#[derive(Debug, Clone)]
pub struct CanaryRequest {
    /// The service, which has to serve.
    pub service: ServiceName,
    /// The candidate.
    pub source: CanarySource,
    /// How it is tried.
    pub plan: CanaryPlan,
}

/// Where a candidate comes from.
#[derive(Debug, Clone)]
pub enum CanarySource {
    /// It is a new revision.
    New {
        /// Its component, which has to be stored already.
        component: Digest,
        /// Its configuration.
        settings: Box<Settings>,
    },
    /// It is a retained revision.
    Retained(RevisionNumber),
}

impl Control {
    /// Begins a canary. The change is over when the candidate gets its first share.
    pub fn start_canary(self: &Arc<Self>, request: CanaryRequest) -> Change {
        let service = request.service.clone();
        self.change(&service, async move |control, steps, turn| control.run_start(request, &steps, turn).await)
    }

    /// Makes the candidate the active revision, however far its canary is.
    pub fn promote_canary(self: &Arc<Self>, service: &ServiceName) -> Change {
        let name = service.clone();
        self.change(service, async move |control, steps, turn| {
            let watch = control.watch_of(&name)?;
            control.run_promote(&name, &watch, "it was promoted by an operator", &steps, turn).await
        })
    }

    /// Ends a canary. What served before serves alone.
    pub fn abort_canary(self: &Arc<Self>, service: &ServiceName) -> Change {
        let name = service.clone();
        self.change(service, async move |control, steps, turn| {
            let watch = control.watch_of(&name)?;
            control.run_abort(&name, &watch, "it was aborted by an operator", &steps, turn).await
        })
    }

    async fn run_start(
        self: &Arc<Self>,
        request: CanaryRequest,
        steps: &Arc<Steps>,
        turn: Turn,
    ) -> Result<Outcome, ChangeError> {
        let CanaryRequest { service, source, plan } = request;
        if let Some(problem) = plan.problems().first() {
            return Err(refused(format!("the canary of `{service}` cannot be: {problem}")));
        }
        let entry = entry_of(&self.snapshot.load(), &service)?;
        if let Some(candidate) = &entry.candidate {
            return Err(is_tried(&candidate.live().id));
        }
        let Some(stable) = entry.active.clone() else { return Err(publish::nothing_serves(&service)) };
        let (made, component) = match &source {
            CanarySource::New { component, .. } => (true, *component),
            CanarySource::Retained(number) => {
                (false, self.component_of(&RevisionId { service: service.clone(), number: *number })?)
            }
        };
        let _pin = self.pins.pin(component);
        let (id, ready) = match source {
            CanarySource::New { component, settings } => {
                self.make_ready(&service, component, *settings, &plan, steps).await?
            }
            CanarySource::Retained(number) => self.retained_ready(&service, number, &plan, steps).await?,
        };
        check_messages(&stable, &ready)?;
        self.warm_up(&ready, steps).await?;
        let live = Arc::new(LiveRevision::new(id.clone(), ready, steps.teller.clone()));
        let publish = async { Ok((self.publish_candidate(live, plan, made).await?, String::new())) };
        let (watch, dropped) = steps.step(Step::Publish, publish).await?;
        if made {
            self.pins.deployed(&component);
        }
        drop(turn);
        let (share, mirrored) = (watch.plan.share(0), watch.plan.mirrors(0));
        let gets = match mirrored {
            Some(mirrored) => format!("{mirrored} of the requests, mirrored"),
            None => format!("{share} of the calls"),
        };
        let message = format!("`{id}` is tried beside `{}`, and gets {gets}", stable.id);
        steps.teller.tell(EventKind::CanaryStarted, Some(id.number), message);
        self.follow_canary(&service, watch);
        self.forget(&dropped).await;
        Ok(Outcome::CanaryStarted { revision: id, stable: stable.id.clone(), share, mirrored })
    }

    /// Makes a new revision ready.
    async fn make_ready(
        self: &Arc<Self>,
        service: &ServiceName,
        component: Digest,
        settings: Settings,
        plan: &CanaryPlan,
        steps: &Steps,
    ) -> Result<(RevisionId, Arc<ReadyRevision>), ChangeError> {
        let request = DeployRequest {
            service: service.clone(),
            component,
            settings,
            routes: None,
            anonymous: false,
            origin: Origin::Api,
            allow_breaking: plan.allow_breaking,
            replace: false,
        };
        if let Some(serves) = self.serves_already(&request) {
            return Err(refused(format!(
                "`{serves}` is the same component with the same settings, and serves already"
            )));
        }
        let (inspected, id) = steps.step(Step::Inspect, self.inspect(&request)).await?;
        let ready = steps.step(Step::Compile, self.compile(inspected, &id, &steps.teller)).await?;
        Ok((id, ready))
    }

    /// Makes a retained revision ready, if it is not.
    async fn retained_ready(
        self: &Arc<Self>,
        service: &ServiceName,
        number: RevisionNumber,
        plan: &CanaryPlan,
        steps: &Steps,
    ) -> Result<(RevisionId, Arc<ReadyRevision>), ChangeError> {
        let (id, active) = self.retained(service, number)?;
        if active == Some(number) {
            return Err(refused(format!("`{id}` serves already")));
        }
        let ready = match self.ready(&id) {
            Some(ready) => {
                steps.skip(Step::Compile, "still compiled");
                ready
            }
            None => steps.step(Step::Compile, self.prepare_retained(&id, &steps.teller)).await?,
        };
        self.check_imports(service, &ready.contract, &ready.record.settings)?;
        self.check_callers(service, &ready.contract, plan.allow_breaking)?;
        Ok((id, ready))
    }

    /// Makes the candidate the active revision, because of `reason`.
    async fn run_promote(
        self: &Arc<Self>,
        service: &ServiceName,
        watch: &Arc<Watch>,
        reason: &str,
        steps: &Steps,
        turn: Turn,
    ) -> Result<Outcome, ChangeError> {
        // Others may have been deployed since that call what the candidate does not serve.
        self.check_callers(service, &watch.live.ready.contract, watch.plan.allow_breaking)?;
        let replaced = steps.step(Step::Publish, self.publish_promoted(service, watch, reason)).await?;
        drop(turn);
        self.subscribed().await;
        let calls_cut = self.retire(replaced.old.as_deref(), &replaced.dropped, steps).await;
        let (revision, replaced) = (watch.live.id.clone(), replaced.old.map(|old| old.id.clone()));
        Ok(Outcome::Activated { revision, replaced, calls_cut })
    }

    /// Ends a canary, because of `reason`.
    async fn run_abort(
        self: &Arc<Self>,
        service: &ServiceName,
        watch: &Arc<Watch>,
        reason: &str,
        steps: &Steps,
        turn: Turn,
    ) -> Result<Outcome, ChangeError> {
        let ending = steps.step(Step::Publish, self.publish_aborted(service, watch, reason)).await?;
        drop(turn);
        let calls_cut = self.retire(ending.live.as_deref(), ending.dropped.as_slice(), steps).await;
        Ok(Outcome::CanaryAborted { revision: watch.live.id.clone(), calls_cut })
    }

    /// The canary of a service.
    fn watch_of(&self, service: &ServiceName) -> Result<Arc<Watch>, ChangeError> {
        let entry = entry_of(&self.snapshot.load(), service)?;
        entry.candidate.map(|candidate| Arc::clone(&candidate.watch)).ok_or_else(|| publish::no_canary(service))
    }

    /// Refuses a deployment of a service of which a canary is under way, unless it is to take its place.
    pub(crate) fn make_way(&self, request: &DeployRequest) -> Result<(), ChangeError> {
        let snapshot = self.snapshot.load();
        let candidate = snapshot.service(&request.service).and_then(|entry| entry.candidate.as_ref());
        match candidate.filter(|_| !request.replace) {
            Some(candidate) => Err(is_tried(&candidate.live().id)),
            None => Ok(()),
        }
    }

    /// Drains a candidate whose canary ended with another change, and lets go of it.
    pub(crate) fn retire_candidate(self: &Arc<Self>, live: Option<Arc<LiveRevision>>, teller: &Teller) {
        let Some(live) = live else { return };
        let (control, teller) = (Arc::clone(self), teller.clone());
        self.tasks.spawn(async move {
            let (_, note) = control.drain(&live).await;
            control.cool(&live);
            teller.tell(EventKind::Retired, Some(live.id.number), format!("`{}` is retired: {note}", live.id));
        });
    }

    /// Goes on with the canary that a host before this one was at, if there was one.
    pub(crate) async fn resume_canary(self: &Arc<Self>, service: &ServiceName) {
        let record = self.snapshot.load().service(service).and_then(|entry| entry.record.canary.clone());
        let Some(record) = record else { return };
        let id = RevisionId { service: service.clone(), number: record.revision };
        let teller = self.teller(service);
        match self.bring_up_candidate(&id, &teller).await {
            Ok(watch) => {
                let (step, n_steps, share) = (record.step + 1, record.plan.n_steps(), record.plan.share(record.step));
                let message =
                    format!("the canary of `{id}` goes on at step {step} of {n_steps}, with {share} of the calls");
                teller.tell(EventKind::CanaryResumed, Some(id.number), message);
                self.follow_canary(service, watch);
            }
            Err(error) => {
                let reason = format!("the candidate could not be brought up again: {error}");
                if let Err(error) = self.publish_given_up(service, &reason).await {
                    tracing::error!(%service, "the canary of `{id}` cannot be ended: {error}");
                }
            }
        }
    }

    async fn bring_up_candidate(self: &Arc<Self>, id: &RevisionId, teller: &Teller) -> Result<Arc<Watch>, ChangeError> {
        let (ready, _) = self.prepare_retained(id, teller).await?;
        if let Err(fault) = ready.prepared.warm().await {
            return Err(refused(format!("no instance of the component can be made: {fault}")));
        }
        self.publish_resumed(Arc::new(LiveRevision::new(id.clone(), ready, teller.clone()))).await
    }
}

fn is_tried(id: &RevisionId) -> ChangeError {
    let service = &id.service;
    let message = format!(
        "`{id}` is tried in a canary; promote or abort it first (`patchbay canary promote {service}`, `patchbay canary abort \
         {service}`), or have it replaced (`--replace`)"
    );
    ChangeError::new(ChangeErrorKind::Conflict, message)
}

/// Refuses a candidate that would be handed messages which it cannot handle.
fn check_messages(stable: &LiveRevision, candidate: &ReadyRevision) -> Result<(), ChangeError> {
    let subscribed = !stable.ready.record.settings.subscriptions.is_empty();
    if subscribed && candidate.contract.message_handler().is_none() {
        return Err(refused(format!(
            "`{}` is subscribed to topics, and the candidate handles no messages, of which it would get its share; deploy it \
             without a canary",
            stable.id
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;

//! The revisions that a reload makes ready, each by itself: inspected, compiled, warm, and well. None of them takes calls yet.

use std::sync::Arc;

use patchbay_model::{Origin, RevisionId, ServiceName};
use tokio::sync::mpsc;

use super::{PreparedReload, ReloadError, ReloadProblem};
use crate::applied::Applied;
use crate::change::{ChangeError, DeployRequest, Step};
use crate::control::Control;
use crate::pins::Pin;
use crate::revision::LiveRevision;
use crate::steps::Steps;

/// A revision that is ready to be published, or the fact that what the file declares serves already.
pub(super) struct Candidate {
    pub(super) request: DeployRequest,
    /// The revision; `None` once it is published, and if there was no need to make one.
    pub(super) live: Option<Arc<LiveRevision>>,
    /// What serves now.
    pub(super) replaces: Option<RevisionId>,
    steps: Steps,
    _pin: Pin,
}

impl Drop for Candidate {
    fn drop(&mut self) {
        // Instances that were made for nothing.
        if let Some(live) = &self.live {
            live.ready.prepared.cool();
        }
    }
}

impl Control {
    /// Makes what is to be deployed, as far as that goes without instances.
    pub(super) async fn make_candidates(self: &Arc<Self>, prepared: &mut PreparedReload) -> Result<(), ReloadError> {
        let mut problems = Vec::new();
        for (service, failed_before) in &prepared.plan.deployed {
            match self.make_candidate(&prepared.applied, service).await {
                Ok(candidate) => prepared.candidates.extend(candidate),
                Err(error) if *failed_before => {
                    prepared.failing.insert(service.clone(), error);
                }
                Err(error) => problems.push(ReloadProblem { service: Some(service.clone()), error }),
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(ReloadError { problems }) }
    }

    async fn make_candidate(
        self: &Arc<Self>,
        applied: &Applied,
        service: &ServiceName,
    ) -> Result<Option<Candidate>, ChangeError> {
        let Some(declared) = applied.services.get(service) else { return Ok(None) };
        let request = DeployRequest {
            service: service.clone(),
            component: declared.component.digest,
            settings: declared.settings.clone(),
            routes: None,
            anonymous: false,
            origin: Origin::File,
            allow_breaking: false,
            replace: false,
        };
        let pin = self.pins.pin(request.component);
        // The steps are told as events; nobody follows them one by one.
        let (news, _) = mpsc::channel(1);
        let steps = Steps::new(self.teller(service), news);
        let (replaces, has_deployed_routes) = {
            let snapshot = self.snapshot.load();
            let entry = snapshot.service(service);
            let active = entry.and_then(|entry| entry.active.as_ref());
            (active.map(|active| active.id.clone()), entry.is_some_and(|entry| !entry.record.routes.is_empty()))
        };
        if self.serves_already(&request).is_some() {
            return Ok(Some(Candidate { request, live: None, replaces, steps, _pin: pin }));
        }
        self.make_way(&request)?;
        let has_routes = has_deployed_routes || !declared.routes.is_empty();
        let examined = async {
            let (inspected, id) = self.examine(&request, has_routes, &applied.config).await?;
            let note = inspected.note().to_owned();
            Ok(((inspected, id), note))
        };
        let (inspected, id) = steps.step(Step::Inspect, examined).await?;
        let ready = steps.step(Step::Compile, self.compile(inspected, &id, &steps.teller)).await?;
        let live = LiveRevision::new(id, ready, self.teller(service));
        Ok(Some(Candidate { request, live: Some(Arc::new(live)), replaces, steps, _pin: pin }))
    }

    /// Makes the first instance of each, and asks its health path.
    pub(super) async fn warm_candidates(&self, prepared: &mut PreparedReload) -> Result<(), ReloadError> {
        let mut problems = Vec::new();
        let mut failing = Vec::new();
        for candidate in &prepared.candidates {
            let Some(live) = &candidate.live else { continue };
            if let Err(error) = self.warm_up(&live.ready, &candidate.steps).await {
                let service = candidate.request.service.clone();
                match prepared.plan.failed_before(&service) {
                    true => failing.push((service, error)),
                    false => problems.push(ReloadProblem { service: Some(service), error }),
                }
            }
        }
        for (service, error) in failing {
            prepared.candidates.retain(|candidate| candidate.request.service != service);
            prepared.failing.insert(service, error);
        }
        if problems.is_empty() { Ok(()) } else { Err(ReloadError { problems }) }
    }
}

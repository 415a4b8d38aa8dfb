//! The start: bring up what was deployed, and hold it against what `runtime.toml` declares.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use patchbay_model::ports::StorageError;
use patchbay_model::{Origin, RegistryRecord, RevisionId, RevisionNumber, ServiceName};

use crate::applied::Applied;
use crate::change::{ChangeError, DeployRequest};
use crate::control::Control;
use crate::declared::{DeclaredService, StartAction, plan};
use crate::deploy::entry_of;
use crate::event::EventKind;
use crate::links::is_unlinked;
use crate::revision::LiveRevision;
use crate::routes::RouteConflict;
use crate::snapshot::{ServiceEntry, Snapshot};

/// Why the host cannot start at all.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StartError {
    /// The registry cannot be read or written.
    #[error("the registry cannot be used: {0}")]
    Storage(#[from] StorageError),
    /// A route of the file collides with one that was given at a deployment.
    #[error("{0}")]
    Routes(#[from] RouteConflict),
}

/// What a start did with one service.
#[derive(Debug, Clone)]
pub enum Started {
    /// It serves the revision that served before.
    Restored(RevisionId),
    /// It serves a revision that the file declares and that is new.
    Deployed(RevisionId),
    /// The file no longer declares it.
    Removed,
    /// It cannot serve, or not what the file declares.
    Failed {
        /// Why, and what to do.
        error: ChangeError,
        /// The older revision that serves instead.
        serving: Option<RevisionId>,
    },
}

impl Control {
    /// Brings up everything. `tell` is called for each service as it is dealt with. A service that cannot be brought
    /// up does not keep the others from serving.
    ///
    /// # Errors
    /// [`StartError`] if nothing can be brought up.
    pub async fn start(
        self: &Arc<Self>,
        declared: Vec<DeclaredService>,
        mut tell: impl FnMut(&ServiceName, &Started) + Send,
    ) -> Result<(), StartError> {
        let registry = self.ports.registry.load().await?;
        let applied = Applied::new(self.snapshot.load().config().clone(), declared);
        let actions = plan(&registry, &applied.services);
        self.show(Snapshot::empty(applied));
        self.arrange(&registry, &actions)?;
        let mut waiting: Vec<_> = actions.iter().collect();
        while !waiting.is_empty() {
            let mut later = Vec::new();
            for (service, action) in &waiting {
                if *action == &StartAction::Deploy && self.needs_another(service).await {
                    later.push((*service, *action));
                    continue;
                }
                let known = registry.services.contains_key(*service);
                tell(service, &self.bring_up(service, **action, known).await);
            }
            // Those that are left need what nobody brings: they say so.
            if later.len() == waiting.len() {
                for (service, action) in later {
                    tell(service, &self.bring_up(service, *action, registry.services.contains_key(service)).await);
                }
                break;
            }
            waiting = later;
        }
        // A disk that is full must not keep down what can serve; the next start tidies up.
        if let Err(error) = self.forget_leftovers().await {
            tracing::warn!("what is not needed any more stays until the next start: {error}");
        }
        let control = Arc::clone(self);
        self.tasks.spawn(async move { control.prepare_the_retained().await });
        self.start_subscriptions().await;
        self.tell_host(EventKind::HostStarted, "the host is up");
        Ok(())
    }

    /// Whether a declared service imports what no service serves yet: one that comes up after it may.
    async fn needs_another(&self, service: &ServiceName) -> bool {
        let Some(declared) = self.declared_service(service) else { return false };
        let Ok(bytes) = self.ports.components.read(&declared.component.digest).await else { return false };
        let contract = tokio::task::spawn_blocking(move || patchbay_contract::decode(&bytes)).await;
        let Ok(Ok(contract)) = contract else { return false };
        is_unlinked(&self.snapshot.load(), service, &contract, &declared.settings)
    }

    async fn bring_up(self: &Arc<Self>, service: &ServiceName, action: StartAction, known: bool) -> Started {
        match action {
            StartAction::Restore => self.restore(service).await,
            StartAction::Deploy => self.deploy_declared(service, known).await,
            StartAction::Remove => {
                self.teller(service).tell(EventKind::Removed, None, "runtime.toml no longer declares it");
                Started::Removed
            }
        }
    }

    /// Puts every service into the snapshot before any of them serves, so that their routes answer from the start.
    fn arrange(
        &self,
        registry: &RegistryRecord,
        actions: &BTreeMap<ServiceName, StartAction>,
    ) -> Result<(), RouteConflict> {
        let mut snapshot = Snapshot::empty(Applied::clone(self.snapshot.load().applied())).with_own_routes()?;
        for service in actions.iter().filter(|(_, action)| **action != StartAction::Remove).map(|(service, _)| service)
        {
            let mut entry = self.new_entry(service);
            entry.failure = Some("the service is starting".to_owned());
            if let Some(record) = registry.services.get(service) {
                entry.record = record.clone();
            }
            snapshot = snapshot.with(entry)?;
        }
        self.show(snapshot);
        Ok(())
    }

    /// Brings up the revision that was active.
    async fn restore(self: &Arc<Self>, service: &ServiceName) -> Started {
        match self.try_restore(service).await {
            Ok(id) => Started::Restored(id),
            Err(error) => self.fail(service, error).await,
        }
    }

    async fn try_restore(self: &Arc<Self>, service: &ServiceName) -> Result<RevisionId, ChangeError> {
        let number = entry_of(&self.snapshot.load(), service)?.record.active;
        let id = RevisionId { service: service.clone(), number };
        self.check_grants_of(&id)?;
        let (ready, _) = self.prepare_retained(&id, &self.teller(service)).await?;
        if let Err(fault) = ready.prepared.warm().await {
            tracing::warn!(revision = %id, "no instance could be made at start: {fault}");
        }
        let writer = self.writer.lock().await;
        let snapshot = self.snapshot.load_full();
        let entry = entry_of(&snapshot, service)?;
        let live = Arc::new(LiveRevision::new(id.clone(), ready, self.teller(service)));
        self.publish_active(&snapshot, entry, live).await?;
        drop(writer);
        self.resume_canary(service).await;
        Ok(id)
    }

    /// Deploys what the file declares, on top of what served before.
    async fn deploy_declared(self: &Arc<Self>, service: &ServiceName, known: bool) -> Started {
        let before = if known { self.try_restore(service).await.ok() } else { None };
        let Some(declared) = self.declared_service(service) else {
            return Started::Removed;
        };
        let request = DeployRequest {
            service: service.clone(),
            component: declared.component.digest,
            settings: declared.settings.clone(),
            routes: None,
            anonymous: false,
            origin: Origin::File,
            allow_breaking: false,
            // The file was edited last.
            replace: true,
        };
        match self.deploy(request).finished().await {
            Ok(_) => match self.active_id(service) {
                Some(id) if before.as_ref() == Some(&id) => Started::Restored(id),
                Some(id) => Started::Deployed(id),
                None => Started::Removed,
            },
            Err(error) => self.fail(service, error).await,
        }
    }

    /// Notes why a service cannot serve, if nothing of it serves.
    async fn fail(&self, service: &ServiceName, error: ChangeError) -> Started {
        let serving = self.active_id(service);
        if serving.is_none() {
            self.teller(service).tell(EventKind::ServiceFailed, None, error.to_string());
            let _writer = self.writer.lock().await;
            let snapshot = self.snapshot.load_full();
            if let Ok(entry) = entry_of(&snapshot, service) {
                let entry = ServiceEntry { failure: Some(error.to_string()), ..entry };
                match snapshot.with(entry) {
                    Ok(snapshot) => self.show(snapshot),
                    Err(conflict) => tracing::error!("{conflict}"),
                }
            }
        }
        Started::Failed { error, serving }
    }

    fn active_id(&self, service: &ServiceName) -> Option<RevisionId> {
        self.snapshot.load().service(service)?.active.as_ref().map(|active| active.id.clone())
    }

    /// Forgets services that the file no longer declares, and components that nothing refers to.
    async fn forget_leftovers(&self) -> Result<(), StorageError> {
        let _writer = self.writer.lock().await;
        let registry = self.snapshot.load().record();
        if registry != self.ports.registry.load().await? {
            self.ports.registry.save(&registry).await?;
        }
        let needed: HashSet<_> =
            registry.services.values().flat_map(|record| &record.revisions).map(|record| record.component).collect();
        for digest in self.ports.components.list().await? {
            if !needed.contains(&digest) && !self.pins.holds(&digest) {
                self.ports.components.remove(&digest).await?;
            }
        }
        Ok(())
    }

    /// Compiles the retained revisions that do not serve, so that going back to them is immediate.
    async fn prepare_the_retained(&self) {
        let snapshot = self.snapshot.load_full();
        let retained = snapshot.services().flat_map(|entry| {
            let service = entry.name.clone();
            let numbers: Vec<RevisionNumber> = entry.record.revisions.iter().map(|record| record.number).collect();
            numbers.into_iter().map(move |number| RevisionId { service: service.clone(), number })
        });
        for id in retained {
            if self.tasks.is_closed() {
                return;
            }
            if let Err(error) = self.prepare_one_retained(&id).await {
                tracing::warn!(revision = %id, "this retained revision cannot be brought back: {error}");
            }
        }
    }

    async fn prepare_one_retained(&self, id: &RevisionId) -> Result<(), ChangeError> {
        if self.is_ready(id) || self.record_of(id).is_none() {
            return Ok(());
        }
        let (ready, _) = self.prepare_retained(id, &self.teller(&id.service)).await?;
        ready.prepared.cool();
        let _writer = self.writer.lock().await;
        let snapshot = self.snapshot.load_full();
        let mut entry = entry_of(&snapshot, &id.service)?;
        let still_retained = entry.record.revisions.iter().any(|record| record.number == id.number);
        if still_retained && !entry.ready.contains_key(&id.number) {
            entry.ready.insert(id.number, ready);
            self.publish(&snapshot, snapshot.with(entry)?).await?;
        }
        Ok(())
    }

    fn is_ready(&self, id: &RevisionId) -> bool {
        self.snapshot.load().service(&id.service).is_some_and(|entry| entry.ready.contains_key(&id.number))
    }
}

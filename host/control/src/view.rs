//! What can be seen of the services: copies, made when asked for.

use patchbay_channel::{BreakerStatus, Counts};
use patchbay_contract::Contract;
use patchbay_model::ports::InstanceCount;
use patchbay_model::{InstancePolicy, RevisionId, RevisionNumber, RevisionRecord, Route, ServiceName};

use crate::canary::{self, CanaryView, EndedCanary};
use crate::control::Control;
use crate::declared::drift;
use crate::links::Link;
use crate::mirror::MirrorView;
use crate::snapshot::{ServiceEntry, Snapshot};

/// A service, seen from outside.
#[derive(Debug, Clone)]
pub struct ServiceView {
    /// Its name.
    pub name: ServiceName,
    /// The revision that serves; `None` if nothing can.
    pub active: Option<RevisionNumber>,
    /// Why nothing can serve.
    pub failure: Option<String>,
    /// The canary that is under way.
    pub canary: Option<CanaryView>,
    /// How its last canary ended in this run of the host.
    pub last_canary: Option<EndedCanary>,
    /// What is mirrored of its requests to another service.
    pub mirror: Option<MirrorView>,
    /// The breaker of the revision that serves, while it is not closed.
    pub breaker: Option<BreakerStatus>,
    /// The retained revisions, oldest first.
    pub revisions: Vec<RevisionView>,
    /// The routes that lead to it: those of `runtime.toml`.
    pub declared_routes: Vec<Route>,
    /// The routes that lead to it: those given at deployment.
    pub deployed_routes: Vec<Route>,
    /// What it imports from other services, and who serves it.
    pub links: Vec<Link>,
    /// The services that are linked to it, each once.
    pub called_by: Vec<ServiceName>,
    /// How it differs from what `runtime.toml` declares.
    pub drift: Option<String>,
    /// Calls that have a place.
    pub calls: u32,
    /// Calls that wait for one.
    pub waiting: u32,
    /// What the policies have done since the host or the service started.
    pub counts: Counts,
}

/// A revision, seen from outside.
#[derive(Debug, Clone)]
pub struct RevisionView {
    /// Its name.
    pub id: RevisionId,
    /// What is remembered of it.
    pub record: RevisionRecord,
    /// Whether it serves.
    pub active: bool,
    /// Whether it is tried in a canary.
    pub candidate: bool,
    /// What is known of it while it is compiled.
    pub compiled: Option<CompiledView>,
}

impl ServiceView {
    /// The instances of all its retained revisions: those that drain have some, too.
    pub fn instances(&self) -> InstanceCount {
        self.revisions.iter().filter_map(|revision| revision.compiled.as_ref()).map(|compiled| compiled.instances).sum()
    }
}

/// A revision that is compiled, seen from outside.
#[derive(Debug, Clone)]
pub struct CompiledView {
    /// What its component imports and exports.
    pub contract: Contract,
    /// How its calls and instances meet.
    pub policy: InstancePolicy,
    /// Its instances.
    pub instances: InstanceCount,
}

impl Control {
    /// All services by name.
    pub fn services(&self) -> Vec<ServiceView> {
        let snapshot = self.snapshot.load();
        snapshot.services().map(|entry| view(&snapshot, entry)).collect()
    }

    /// One service.
    pub fn service(&self, name: &ServiceName) -> Option<ServiceView> {
        let snapshot = self.snapshot.load();
        snapshot.service(name).map(|entry| view(&snapshot, entry))
    }

    /// The services that cannot serve, each with the reason. The host is ready when there is none.
    pub fn failures(&self) -> Vec<(ServiceName, String)> {
        let snapshot = self.snapshot.load();
        let failed = snapshot.services().filter(|entry| entry.active.is_none());
        failed.map(|entry| (entry.name.clone(), entry.failure.clone().unwrap_or_default())).collect()
    }
}

fn view(snapshot: &Snapshot, entry: &ServiceEntry) -> ServiceView {
    let occupancy = entry.standing.bulkhead().occupancy();
    let active = entry.active.as_ref().map(|active| active.id.number);
    ServiceView {
        name: entry.name.clone(),
        active,
        failure: entry.failure.clone(),
        canary: canary::view(entry),
        last_canary: entry.last_canary.as_deref().cloned(),
        mirror: entry.active.as_ref().and_then(|active| Some(active.mirror.as_ref()?.view())),
        breaker: entry.active.as_ref().and_then(|active| active.breaker.status()),
        revisions: entry.record.revisions.iter().map(|record| revision_view(entry, record, active)).collect(),
        declared_routes: entry
            .declared
            .iter()
            .flat_map(|declared| declared.routes.iter().map(|declared| declared.route.clone()))
            .collect(),
        deployed_routes: entry.record.routes.clone(),
        links: snapshot.links().of_caller(&entry.name).to_vec(),
        called_by: snapshot.links().callers(&entry.name),
        drift: drift(&entry.name, &entry.record, entry.declared.as_deref()),
        calls: occupancy.calls,
        waiting: occupancy.waiting,
        counts: entry.standing.counts(),
    }
}

fn revision_view(entry: &ServiceEntry, record: &RevisionRecord, active: Option<RevisionNumber>) -> RevisionView {
    let compiled = entry.ready.get(&record.number).map(|ready| CompiledView {
        contract: ready.contract.clone(),
        policy: ready.policy,
        instances: ready.prepared.instances(),
    });
    RevisionView {
        id: RevisionId { service: entry.name.clone(), number: record.number },
        record: record.clone(),
        active: active == Some(record.number),
        candidate: entry.candidate.as_ref().is_some_and(|candidate| candidate.live().id.number == record.number),
        compiled,
    }
}

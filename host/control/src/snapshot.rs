//! The snapshot: everything a call needs to find its way, immutable, and replaced whole.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use patchbay_channel::{RoutePolicy, Standing};
use patchbay_model::policy::RouteSettings;
use patchbay_model::{RegistryRecord, RevisionNumber, ServiceName, ServiceRecord};
use patchbay_striped::Spread;

use crate::applied::Applied;
use crate::canary::EndedCanary;
use crate::control::ControlConfig;
use crate::declared::DeclaredService;
use crate::links::Links;
use crate::revision::{LiveRevision, ReadyRevision};
use crate::routes::{DeclaredRoute, RouteConflict, RouteEntry, RouteOwner, RouteTable};
use crate::traffic::Candidate;

/// One service as of one snapshot.
#[derive(Clone)]
pub(crate) struct ServiceEntry {
    pub(crate) name: ServiceName,
    pub(crate) record: ServiceRecord,
    /// What `runtime.toml` says of it now.
    pub(crate) declared: Option<Arc<DeclaredService>>,
    /// Whether the host is strict: a call goes by what held when it came, and so it is read where the call began.
    pub(crate) strict: bool,
    /// What serves; `None` if nothing can, for the reason in `failure`.
    pub(crate) active: Option<Arc<LiveRevision>>,
    /// The revision that is tried beside it.
    pub(crate) candidate: Option<Arc<Candidate>>,
    /// How its last canary ended in this run of the host.
    pub(crate) last_canary: Option<Arc<EndedCanary>>,
    /// The retained revisions that are compiled.
    pub(crate) ready: BTreeMap<RevisionNumber, Arc<ReadyRevision>>,
    pub(crate) failure: Option<String>,
    /// Lives as long as the service, across its revisions.
    pub(crate) standing: Arc<Standing>,
}

impl ServiceEntry {
    /// Whether calls go to this revision now.
    pub(crate) fn is_live(&self, ready: &Arc<ReadyRevision>) -> bool {
        let candidate = self.candidate.as_ref().map(|candidate| candidate.live());
        self.active.iter().chain(candidate).any(|live| Arc::ptr_eq(&live.ready, ready))
    }

    /// A service that has no revision yet.
    pub(crate) fn new(name: &ServiceName, applied: &Applied) -> Self {
        Self {
            name: name.clone(),
            record: ServiceRecord {
                next: RevisionNumber::FIRST,
                active: RevisionNumber::FIRST,
                revisions: Vec::new(),
                routes: Vec::new(),
                anonymous: false,
                declaration: None,
                canary: None,
            },
            declared: applied.services.get(name).cloned(),
            strict: applied.config.strict,
            active: None,
            candidate: None,
            last_canary: None,
            ready: BTreeMap::new(),
            failure: None,
            standing: Arc::new(Standing::new(&applied.config.defaults)),
        }
    }

    /// The routes of the file and those of the deployment.
    fn routes(&self) -> impl Iterator<Item = Cow<'_, DeclaredRoute>> {
        let declared = self.declared.iter().flat_map(|declared| &declared.routes).map(Cow::Borrowed);
        let settings = RouteSettings { anonymous: self.record.anonymous, ..RouteSettings::default() };
        let deployed = self.record.routes.iter().cloned();
        declared.chain(deployed.map(move |route| Cow::Owned(DeclaredRoute { route, settings: settings.clone() })))
    }
}

/// The services by name, and the routes that lead to them.
#[derive(Default)]
pub(crate) struct Snapshot {
    services: BTreeMap<ServiceName, Spread<ServiceEntry>>,
    /// Shared with the snapshots before that had the same routes.
    routes: Arc<RouteTable>,
    links: Links,
    /// What was applied of `runtime.toml`.
    applied: Arc<Applied>,
    /// Grows by one with each snapshot.
    version: u64,
}

impl Snapshot {
    /// One without services, of what `applied` says.
    pub(crate) fn empty(applied: Applied) -> Self {
        Self { applied: Arc::new(applied), ..Self::default() }
    }

    /// What concerns all services.
    pub(crate) fn config(&self) -> &ControlConfig {
        &self.applied.config
    }

    /// What was applied of `runtime.toml`.
    pub(crate) fn applied(&self) -> &Arc<Applied> {
        &self.applied
    }

    pub(crate) fn service(&self, name: &ServiceName) -> Option<&Spread<ServiceEntry>> {
        self.services.get(name)
    }

    pub(crate) fn services(&self) -> impl Iterator<Item = &Spread<ServiceEntry>> {
        self.services.values()
    }

    pub(crate) fn routes(&self) -> &RouteTable {
        &self.routes
    }

    /// The routes, to be kept.
    pub(crate) fn route_table(&self) -> Arc<RouteTable> {
        Arc::clone(&self.routes)
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The service that a program calls by this name.
    pub(crate) fn service_called(&self, name: &str) -> Option<&Spread<ServiceEntry>> {
        self.services.get(name)
    }

    pub(crate) fn links(&self) -> &Links {
        &self.links
    }

    /// The same, with the routes that the host itself answers.
    pub(crate) fn with_own_routes(self) -> Result<Self, RouteConflict> {
        self.of(self.services.clone(), Arc::clone(&self.applied))
    }

    /// The snapshot with one service put in or replaced.
    pub(crate) fn with(&self, entry: ServiceEntry) -> Result<Self, RouteConflict> {
        let mut services = self.services.clone();
        let (name, entry) = (entry.name.clone(), Spread::from(entry));
        let before = services.insert(name, entry.clone());
        // Most changes leave the routes as they are, and a table of thousands takes its time.
        if before.is_some_and(|before| before.routes().eq(entry.routes())) {
            let (links, version) = (Links::of(&services, &self.links), self.version + 1);
            let (routes, applied) = (Arc::clone(&self.routes), Arc::clone(&self.applied));
            return Ok(Self { services, routes, links, applied, version });
        }
        self.of(services, Arc::clone(&self.applied))
    }

    /// The snapshot without one service.
    pub(crate) fn without(&self, name: &ServiceName) -> Result<Self, RouteConflict> {
        let mut services = self.services.clone();
        services.remove(name);
        self.of(services, Arc::clone(&self.applied))
    }

    /// The one that comes after this one, of these services, in place of all there are.
    pub(crate) fn replaced(&self, services: Vec<ServiceEntry>, applied: Arc<Applied>) -> Result<Self, RouteConflict> {
        let services = services.into_iter().map(|entry| (entry.name.clone(), Spread::from(entry))).collect();
        self.of(services, applied)
    }

    /// The one that comes after this one, of these services.
    fn of(
        &self,
        services: BTreeMap<ServiceName, Spread<ServiceEntry>>,
        applied: Arc<Applied>,
    ) -> Result<Self, RouteConflict> {
        // The routes of the file come first, so that a conflict is laid at the door of the deployment.
        let of_file = services.values().filter(|entry| entry.declared.is_some());
        let of_api = services.values().filter(|entry| entry.declared.is_none());
        let of_services = of_file.chain(of_api).flat_map(|entry| {
            let owner = RouteOwner::Service(entry.name.clone());
            entry.routes().map(move |route| (owner.clone(), route))
        });
        let own = applied.config.routes.iter().map(|route| (RouteOwner::Host, Cow::Borrowed(route)));
        let entries = own.chain(of_services).map(|(owner, route)| self.route_entry(owner, &route, applied.config.open));
        let routes = Arc::new(RouteTable::new(entries)?);
        let (links, version) = (Links::of(&services, &self.links), self.version + 1);
        Ok(Self { routes, services, links, applied, version })
    }

    /// A route of the next snapshot, in which the host is `open` or not. One that stays as it is keeps what it remembers of
    /// those who came.
    fn route_entry(&self, owner: RouteOwner, declared: &DeclaredRoute, open: bool) -> RouteEntry {
        let before = self.routes.get(&declared.route).filter(|before| before.owner == owner);
        let same = before.filter(|before| before.policy.settings == declared.settings);
        match same.filter(|before| before.policy.open == open) {
            Some(entry) => entry.clone(),
            None => {
                let DeclaredRoute { route, settings } = declared.clone();
                let policy = match before {
                    Some(before) => before.policy.changed(settings, open),
                    None => RoutePolicy::new(route, settings, open),
                };
                RouteEntry { owner, policy: policy.into() }
            }
        }
    }

    /// Whether both have the same to remember. What they share is not looked into.
    pub(crate) fn remembers_the_same_as(&self, other: &Self) -> bool {
        let same = |(one, other): (&Spread<ServiceEntry>, &Spread<ServiceEntry>)| {
            Spread::ptr_eq(one, other) || one.name == other.name && one.record == other.record
        };
        self.services.len() == other.services.len() && self.services.values().zip(other.services.values()).all(same)
    }

    /// What has to survive a restart. A declared service that never had a revision has nothing to remember.
    pub(crate) fn record(&self) -> RegistryRecord {
        let known = self.services.iter().filter(|(_, entry)| !entry.record.revisions.is_empty());
        RegistryRecord { services: known.map(|(name, entry)| (name.clone(), entry.record.clone())).collect() }
    }
}

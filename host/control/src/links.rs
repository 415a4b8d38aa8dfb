//! Links: which service serves each function that a service imports. They follow from the contracts, and are found anew
//! with every snapshot.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use patchbay_channel::LinkPolicy;
use patchbay_contract::{Contract, ContractItem, can_serve};
use patchbay_model::{InterfaceName, ServiceName, Settings};
use patchbay_striped::Spread;

use crate::snapshot::{ServiceEntry, Snapshot};

mod policy;

use policy::Origin;

/// The links of all services.
#[derive(Debug, Default)]
pub(crate) struct Links(BTreeMap<ServiceName, Vec<Link>>);

/// An import of a service, and what serves it.
#[derive(Debug, Clone)]
pub struct Link {
    /// What is imported.
    pub interface: InterfaceName,
    /// The service that serves it.
    pub callee: Result<ServiceName, Unlinked>,
    /// Whether the service cannot be deployed while nobody serves it.
    pub required: bool,
    /// Where its calls have policies of their own, those and what they were made from.
    pub(crate) policy: Option<Spread<LinkPolicy>>,
    origin: Option<Arc<Origin>>,
}

/// Why an import is linked to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unlinked {
    /// No service exports it.
    #[error("no service exports it{}", other_versions(.0))]
    Nobody(Vec<(ServiceName, InterfaceName)>),
    /// Several services do.
    #[error(
        "{} export it; say which is meant in `links` of the service, such as `links = {{ \"{interface}\" = \"{}\" }}`",
        listed(services),
        services.first().map_or("", ServiceName::as_str)
    )]
    Several {
        /// They.
        services: Vec<ServiceName>,
        /// The interface, as `links` names it.
        interface: InterfaceName,
    },
    /// The service that was named does not.
    #[error("`links` names `{0}`, and no service of this name exports it")]
    Elsewhere(ServiceName),
}

fn listed(services: &[ServiceName]) -> String {
    services.iter().map(|service| format!("`{service}`")).collect::<Vec<_>>().join(" and ")
}

fn other_versions(others: &[(ServiceName, InterfaceName)]) -> String {
    let others: Vec<_> =
        others.iter().map(|(service, interface)| format!("`{service}` exports `{interface}`")).collect();
    if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) }
}

/// The interfaces that a component imports from other services. Those of WASI are the host's.
pub(crate) fn imported(contract: &Contract) -> impl Iterator<Item = (&ContractItem, InterfaceName)> {
    contract.imports.iter().filter(|item| !item.functions.is_empty()).filter_map(|item| {
        let interface: InterfaceName = item.name.parse().ok()?;
        (!interface.is_of_the_host()).then_some((item, interface))
    })
}

/// The interfaces that a component exports to be called by other services.
pub(crate) fn exported(contract: &Contract) -> impl Iterator<Item = InterfaceName> {
    exported_items(contract).map(|(_, interface)| interface)
}

/// The same, with what is in them.
pub(crate) fn exported_items(contract: &Contract) -> impl Iterator<Item = (&ContractItem, InterfaceName)> {
    contract.exports.iter().filter(|item| !item.functions.is_empty()).filter_map(|item| {
        let interface: InterfaceName = item.name.parse().ok()?;
        (!interface.is_of_the_host()).then_some((item, interface))
    })
}

/// The interface without its version, as `links` names it.
pub(crate) fn unversioned(interface: &InterfaceName) -> InterfaceName {
    InterfaceName { version: None, ..interface.clone() }
}

/// What the services export to each other, by the name of the interface without its version.
pub(crate) struct Exported<'a>(HashMap<InterfaceName, Vec<(&'a ServiceName, InterfaceName)>>);

impl<'a> Exported<'a> {
    /// What services with these contracts export.
    fn of_contracts(services: impl Iterator<Item = (&'a ServiceName, &'a Contract)>) -> Self {
        let mut all = HashMap::<_, Vec<_>>::new();
        for (name, contract) in services {
            for interface in exported(contract) {
                all.entry(unversioned(&interface)).or_default().push((name, interface));
            }
        }
        Self(all)
    }

    /// What the active revisions of these services export.
    pub(crate) fn of(services: impl Iterator<Item = &'a Spread<ServiceEntry>>) -> Self {
        Self::of_contracts(services.filter_map(|entry| Some((&entry.name, &entry.active.as_ref()?.ready.contract))))
    }

    /// The service that serves an import of `caller`.
    ///
    /// # Errors
    /// [`Unlinked`] if it is not just one.
    pub(crate) fn resolve(
        &self,
        caller: &ServiceName,
        settings: &Settings,
        import: &InterfaceName,
    ) -> Result<ServiceName, Unlinked> {
        let name = unversioned(import);
        let named = settings.links.get(&name).and_then(|link| link.service.as_ref());
        let all = self.0.get(&name).map(Vec::as_slice).unwrap_or_default();
        let others = || all.iter().filter(|(service, _)| *service != caller);
        let mut fitting: Vec<_> =
            others().filter(|(_, interface)| interface.is_on_track_of(import)).map(|(service, _)| *service).collect();
        fitting.dedup();
        if let Some(named) = named {
            return match fitting.contains(&named) {
                true => Ok(named.clone()),
                false => Err(Unlinked::Elsewhere(named.clone())),
            };
        }
        match fitting.as_slice() {
            [] => Err(Unlinked::Nobody(
                others().map(|(service, interface)| ((*service).clone(), interface.clone())).collect(),
            )),
            [only] => Ok((*only).clone()),
            several => {
                let services = several.iter().map(|service| (*service).clone()).collect();
                Err(Unlinked::Several { services, interface: name })
            }
        }
    }
}

/// Whether a service with these settings cannot do without an import.
pub(crate) fn is_required(settings: &Settings, import: &InterfaceName) -> bool {
    settings.links.get(&unversioned(import)).is_none_or(|link| link.required)
}

/// Whether a service with this contract would import what nobody serves.
pub(crate) fn is_unlinked(
    snapshot: &Snapshot,
    service: &ServiceName,
    contract: &Contract,
    settings: &Settings,
) -> bool {
    let mut all = None;
    imported(contract).any(|(_, interface)| {
        let all = all.get_or_insert_with(|| Exported::of(snapshot.services()));
        all.resolve(service, settings, &interface).is_err()
    })
}

/// What services with these contracts import from each other and is not served, each with the reason.
pub fn unlinked<'a>(services: &[(&'a ServiceName, &'a Contract, &'a Settings)]) -> Vec<(&'a ServiceName, String)> {
    let exported = Exported::of_contracts(services.iter().map(|(name, contract, _)| (*name, *contract)));
    let mut problems = Vec::new();
    for (name, contract, settings) in services {
        for (item, interface) in imported(contract) {
            let problem = match exported.resolve(name, settings, &interface) {
                Err(_) if !is_required(settings, &interface) => None,
                Err(unlinked) => Some(format!("it imports `{interface}`, and {unlinked}")),
                Ok(callee) => {
                    let contract = services.iter().find(|(name, ..)| **name == callee).map(|(_, contract, _)| contract);
                    let diff =
                        contract.and_then(|contract| contract.export_for(&item.name)).map(|it| can_serve(it, item));
                    let breaks = diff.filter(|diff| diff.breaks());
                    breaks.map(|diff| format!("it imports `{interface}`, and `{callee}` does not serve it:\n{diff}"))
                }
            };
            problems.extend(problem.map(|problem| (*name, problem)));
        }
    }
    problems
}

impl Links {
    /// The links of these services. What policies keep of those that were there `before` is kept.
    pub(crate) fn of(services: &BTreeMap<ServiceName, Spread<ServiceEntry>>, before: &Self) -> Self {
        let mut exported = None;
        let mut links = BTreeMap::new();
        for (name, entry) in services {
            let Some(active) = &entry.active else { continue };
            let mut own: Vec<Link> = Vec::new();
            // What only a candidate imports is linked as the candidate says; all else as the active revision does.
            for live in std::iter::once(active).chain(entry.candidate.as_ref().map(|candidate| candidate.live())) {
                for (_, interface) in imported(&live.ready.contract) {
                    if own.iter().any(|link| link.interface == interface) {
                        continue;
                    }
                    // Made only where something is imported.
                    let exported = exported.get_or_insert_with(|| Exported::of(services.values()));
                    let callee = exported.resolve(name, &live.ready.record.settings, &interface);
                    let target = callee.as_ref().ok().and_then(|callee| services.get(callee));
                    let same = before.of_caller(name).iter().find(|link| link.interface == interface);
                    own.push(policy::link(live, interface, callee.clone(), target, same));
                }
            }
            if !own.is_empty() {
                links.insert(name.clone(), own);
            }
        }
        Self(links)
    }

    /// Those of one service, in the order of its imports.
    pub(crate) fn of_caller(&self, caller: &ServiceName) -> &[Link] {
        self.0.get(caller).map(Vec::as_slice).unwrap_or_default()
    }

    /// The services that are linked to `callee`, each once.
    pub(crate) fn callers(&self, callee: &ServiceName) -> Vec<ServiceName> {
        let mut callers: Vec<_> = self.to(callee).map(|(caller, _)| caller.clone()).collect();
        callers.dedup();
        callers
    }

    /// All imports that are served, each with its service and the one that serves it.
    pub(crate) fn served(&self) -> impl Iterator<Item = (&ServiceName, &Link, &ServiceName)> {
        self.0.iter().flat_map(|(caller, links)| {
            links.iter().filter_map(move |link| Some((caller, link, link.callee.as_ref().ok()?)))
        })
    }

    /// The services that are linked to `callee`, each with the import.
    pub(crate) fn to<'a>(
        &'a self,
        callee: &'a ServiceName,
    ) -> impl Iterator<Item = (&'a ServiceName, &'a InterfaceName)> {
        self.0.iter().flat_map(move |(caller, links)| {
            let own = links.iter().filter(move |link| link.callee.as_ref() == Ok(callee));
            own.map(move |link| (caller, &link.interface))
        })
    }
}

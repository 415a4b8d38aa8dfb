//! What stands in for services: the results that settings give as JSON, packed once, by the types of the contract.

use std::collections::BTreeMap;

use patchbay_channel::StandIn;
use patchbay_contract::{Contract, ContractItem, packed};
use patchbay_model::policy::Fallback;
use patchbay_model::{InterfaceName, Settings};

use crate::links::{exported_items, imported, unversioned};

/// What stands in for a service, and for those that it calls.
#[derive(Debug, Default)]
pub(crate) struct StandIns {
    pub(crate) own: Option<StandIn>,
    /// By the imported interface, without its version.
    pub(crate) links: BTreeMap<InterfaceName, StandIn>,
}

impl StandIns {
    /// Those of a revision with this contract.
    ///
    /// # Errors
    /// The result that cannot be one, with the reason.
    pub(crate) fn of(contract: &Contract, settings: &Settings) -> Result<Self, String> {
        let exports: Vec<_> = exported_items(contract).collect();
        let own = settings.fallback.as_ref().map(|fallback| stand_in(fallback, &exports, "export"));
        let mut links = BTreeMap::new();
        for (name, link) in &settings.links {
            let Some(fallback) = &link.fallback else { continue };
            let imports: Vec<_> = imported(contract).filter(|(_, interface)| unversioned(interface) == *name).collect();
            links.insert(name.clone(), stand_in(fallback, &imports, "import")?);
        }
        Ok(Self { own: own.transpose()?, links })
    }
}

fn stand_in(fallback: &Fallback, items: &[(&ContractItem, InterfaceName)], direction: &str) -> Result<StandIn, String> {
    let mut results = Vec::with_capacity(fallback.results.len());
    for (name, value) in &fallback.results {
        let own = items.iter().filter(|(_, interface)| interface.is_meant_by(&name.interface));
        let functions: Vec<_> = own.filter_map(|(item, _)| item.function(&name.function)).collect();
        if functions.is_empty() {
            return Err(format!("`fallback` has a result of `{name}`, which the component does not {direction}"));
        }
        for function in functions {
            let packed = packed::result_from_json(function, value)
                .map_err(|error| format!("`fallback`: the result of `{name}` is none: {error}"))?;
            results.push((name.clone(), packed.into()));
        }
    }
    Ok(StandIn { results, service: fallback.service.clone() })
}

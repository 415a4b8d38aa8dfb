//! What a reload does with each service: what a start with the same file would do, by the rules of `declared.rs`.

use std::collections::{BTreeMap, BTreeSet};

use patchbay_model::ServiceName;

use crate::applied::Applied;
use crate::declared::{self, StartAction};
use crate::snapshot::Snapshot;

/// What becomes of the services; those that are not named keep what serves.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Those that are to serve what the file declares, each with whether the same was declared before and could not serve.
    pub(super) deployed: BTreeMap<ServiceName, bool>,
    /// Those that go.
    pub(super) removed: BTreeSet<ServiceName>,
}

impl Plan {
    pub(super) fn new(old: &Snapshot, applied: &Applied) -> Self {
        let actions = declared::plan(&old.record(), &applied.services);
        let with = |wanted: StartAction| {
            let fitting = actions.iter().filter(move |(_, action)| **action == wanted);
            fitting.map(|(name, _)| name.clone())
        };
        // A declared service that never had a revision is not in the record.
        let never_served = old.services().map(|entry| &entry.name).filter(|name| !actions.contains_key(*name)).cloned();
        let is_the_same = |name: &ServiceName| match (old.applied().services.get(name), applied.services.get(name)) {
            (Some(before), Some(now)) => before.declaration() == now.declaration(),
            _ => false,
        };
        Self {
            deployed: with(StartAction::Deploy).map(|name| (name.clone(), is_the_same(&name))).collect(),
            removed: with(StartAction::Remove).chain(never_served).collect(),
        }
    }

    /// Whether the same was declared of a service before, and could not be deployed.
    pub(super) fn failed_before(&self, service: &ServiceName) -> bool {
        self.deployed.get(service).is_some_and(|failed_before| *failed_before)
    }
}

//! What was applied of `runtime.toml`: the part of it that can change while the host runs, as far as control works with it.
//!
//! It is part of the snapshot, so a call that looks at both sees either what was before a reload or what is after it.

use std::collections::BTreeMap;
use std::sync::Arc;

use patchbay_model::ServiceName;

use crate::control::ControlConfig;
use crate::declared::DeclaredService;

/// What the file says. Immutable; a reload puts another one in its place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Applied {
    /// What concerns all services.
    pub(crate) config: ControlConfig,
    /// The services that it declares.
    pub(crate) services: BTreeMap<ServiceName, Arc<DeclaredService>>,
}

impl Applied {
    /// A file that declares these services.
    pub(crate) fn new(config: ControlConfig, services: Vec<DeclaredService>) -> Self {
        let services = services.into_iter().map(|service| (service.name.clone(), Arc::new(service))).collect();
        Self { config, services }
    }
}

//! What the host remembers about services across restarts.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::traffic::CanaryRecord;
use crate::{Digest, RevisionNumber, Route, ServiceName, Settings, units};

/// Who asked for a revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// It is declared in `runtime.toml`.
    File,
    /// It was deployed through the admin API while the host ran.
    Api,
}

/// One retained revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionRecord {
    /// Its number within the service.
    pub number: RevisionNumber,
    /// The component it runs.
    pub component: Digest,
    /// Size of the component in bytes.
    pub size: u64,
    /// The configuration it runs with.
    pub settings: Settings,
    /// Who asked for it.
    pub origin: Origin,
    /// When it was deployed.
    #[serde(with = "units::timestamp")]
    pub created: SystemTime,
}

/// What a service was when `runtime.toml` was last applied to it. Tells a changed file from an unchanged one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declaration {
    /// The component that the file named.
    pub component: Digest,
    /// The configuration that the file gave.
    pub settings: Settings,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRecord {
    /// The number that the next revision gets. Numbers are never used twice, not even after a removal of revisions.
    pub next: RevisionNumber,
    /// The revision that serves.
    pub active: RevisionNumber,
    /// The retained revisions, the active one among them, oldest first.
    pub revisions: Vec<RevisionRecord>,
    /// Routes that were given at deployment. Those of `runtime.toml` are not stored.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// Whether these routes are for everybody, whoever they are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anonymous: bool,
    /// What `runtime.toml` said when it was last applied; `None` for a service it never declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declaration: Option<Declaration>,
    /// The canary that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryRecord>,
}

/// Everything the host remembers: the services by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegistryRecord {
    /// The services.
    pub services: BTreeMap<ServiceName, ServiceRecord>,
}

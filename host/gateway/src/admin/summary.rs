//! What is said of a revision and of routes wherever they are shown.

use std::time::SystemTime;

use patchbay_control::{RevisionView, ServiceView};
use patchbay_model::ports::InstanceCount;
use patchbay_model::{Origin, Route, units};
use serde::Serialize;
use utoipa::ToSchema;

/// A revision in short.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RevisionSummary {
    /// Its name.
    #[schema(example = "orders@4")]
    revision: String,
    /// Its number within the service.
    number: u32,
    /// Whether it serves.
    active: bool,
    /// Whether it is tried in a canary.
    candidate: bool,
    /// Whether it is compiled, so that it can be activated at once.
    compiled: bool,
    /// The digest of its component.
    #[schema(example = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    component: String,
    /// Size of its component in bytes.
    size: u64,
    /// Who asked for it: `file` for `runtime.toml`, `api` for the admin API.
    #[schema(example = "api")]
    origin: &'static str,
    /// When it was deployed.
    #[serde(serialize_with = "units::timestamp::serialize")]
    #[schema(value_type = String, format = DateTime)]
    created: SystemTime,
    /// Its instances; absent if it is not compiled.
    #[serde(skip_serializing_if = "Option::is_none")]
    instances: Option<Instances>,
}

/// Instances of a revision.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Instances {
    /// All that exist.
    live: u64,
    /// Those among them that wait for a call.
    idle: u64,
    /// Linear memory that they have, and what the host keeps for them, in bytes.
    memory_bytes: u64,
}

impl From<InstanceCount> for Instances {
    fn from(InstanceCount { live, idle, memory_bytes }: InstanceCount) -> Self {
        Self { live, idle, memory_bytes }
    }
}

/// The routes that lead to a service, written `[METHOD[,METHOD...] ][HOST]PATH`.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Routes {
    /// Those of `runtime.toml`.
    #[schema(example = json!(["GET,POST shop.example/api/orders/*"]))]
    declared: Vec<String>,
    /// Those given at deployment.
    deployed: Vec<String>,
}

impl From<&RevisionView> for RevisionSummary {
    fn from(view: &RevisionView) -> Self {
        let record = &view.record;
        Self {
            revision: view.id.to_string(),
            number: view.id.number.get(),
            active: view.active,
            candidate: view.candidate,
            compiled: view.compiled.is_some(),
            component: record.component.to_string(),
            size: record.size,
            origin: match record.origin {
                Origin::File => "file",
                Origin::Api => "api",
            },
            created: record.created,
            instances: view.compiled.as_ref().map(|compiled| compiled.instances.into()),
        }
    }
}

impl Routes {
    pub(super) fn of(view: &ServiceView) -> Self {
        let texts = |routes: &[Route]| routes.iter().map(ToString::to_string).collect();
        Self { declared: texts(&view.declared_routes), deployed: texts(&view.deployed_routes) }
    }
}

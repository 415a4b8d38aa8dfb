//! Discovery for those outside: the services as services find each other (`patchbay:host/discovery`).

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use patchbay_model::{Health, InterfaceName, RevisionNumber, ServiceInfo};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::AdminState;
use super::rejection::Rejection;
use crate::problem::Problem;

/// Which services are asked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Wanted {
    /// Only those that export this interface: in a version on the same track, or in any if none is given.
    #[param(value_type = Option<String>, example = "shop:inventory/stock")]
    exporting: Option<InterfaceName>,
}

/// The services, as of one version.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Discovered {
    /// A number that grows whenever a service comes, goes, or gets another revision.
    version: u64,
    /// They.
    services: Vec<DiscoveredService>,
}

/// A service, as others find it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DiscoveredService {
    /// Its name.
    #[schema(example = "inventory")]
    name: String,
    /// The number of the revision that serves; absent if none can.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    /// How it is: `serving`, `broken` while its breaker is open, or `down`.
    #[schema(example = "serving")]
    health: &'static str,
    /// Whether it handles HTTP requests.
    http: bool,
    /// The interfaces that it exports to be called by others.
    #[schema(example = json!(["shop:inventory/stock@0.1.0"]))]
    interfaces: Vec<String>,
}

impl From<ServiceInfo> for DiscoveredService {
    fn from(info: ServiceInfo) -> Self {
        let ServiceInfo { name, revision, health, http, interfaces } = info;
        Self {
            name: name.to_string(),
            revision: revision.map(RevisionNumber::get),
            health: match health {
                Health::Serving => "serving",
                Health::Broken => "broken",
                Health::Down => "down",
            },
            http,
            interfaces: interfaces.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Finds services, as services find each other.
///
/// Whoever watches asks again and again, and looks at the rest when `version` has changed.
#[utoipa::path(
    get, operation_id = "discover", path = "/v1/discovery", tag = "services",
    params(Wanted),
    responses(
        (status = 200, description = "The services", body = Discovered),
        (status = 400, description = "What is asked for is no name of an interface", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn discover(
    State(state): State<AdminState>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Discovered>, Rejection> {
    let Query(Wanted { exporting }) = wanted.map_err(|error| Rejection::invalid(error.body_text()))?;
    let (version, mut services) = state.control.discover();
    if let Some(wanted) = exporting {
        services.retain(|service| service.interfaces.iter().any(|own| own.is_meant_by(&wanted)));
    }
    Ok(Json(Discovered { version, services: services.into_iter().map(DiscoveredService::from).collect() }))
}

//! Probes: whether the process lives, and whether it wants traffic.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use patchbay_model::ports::BusHealth;
use serde::Serialize;
use utoipa::ToSchema;

use super::AdminState;
use crate::readiness::ReadinessState;

/// The process lives.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// Always `alive`: a process that does not live does not answer.
    #[schema(example = "alive")]
    status: &'static str,
}

/// Whether the host takes calls.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReadinessReport {
    /// Whether it wants traffic.
    ready: bool,
    /// Where it stands in its life.
    state: ReadinessState,
    /// The services that cannot serve, each with the reason.
    #[schema(value_type = std::collections::HashMap<String, String>)]
    failures: BTreeMap<String, String>,
    /// Why no messages can go through; absent while they can. Services go on serving all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    bus: Option<String>,
}

/// Tells that the process lives.
#[utoipa::path(
    get, operation_id = "checkLife", path = "/healthz", tag = "probes", security(()),
    responses((status = 200, description = "The process lives", body = Health)),
)]
pub(super) async fn alive() -> Json<Health> {
    Json(Health { status: "alive" })
}

/// Tells whether the host wants traffic.
///
/// It does once every service serves, while messages can go through, and until it stops.
#[utoipa::path(
    get, operation_id = "checkReadiness", path = "/readyz", tag = "probes", security(()),
    responses(
        (status = 200, description = "Every service serves", body = ReadinessReport),
        (status = 503, description = "The host starts or stops, a service cannot serve, or the bus is impaired", body = ReadinessReport),
    ),
)]
pub(super) async fn ready(State(state): State<AdminState>) -> Response {
    let failures = state.control.failures().into_iter().map(|(service, why)| (service.to_string(), why));
    let failures: BTreeMap<_, _> = failures.collect();
    let bus = match state.control.bus_health() {
        BusHealth::Ready => None,
        BusHealth::Impaired(reason) => Some(reason),
    };
    let life = state.readiness.state();
    let ready = life == ReadinessState::Ready && failures.is_empty() && bus.is_none();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(ReadinessReport { ready, state: life, failures, bus })).into_response()
}

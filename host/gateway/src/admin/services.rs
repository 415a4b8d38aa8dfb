//! Services: list, look at, remove, and switch between the revisions they retain.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use patchbay_control::{BreakerStatus, Counts, Link, ServiceView};
use patchbay_model::{RevisionNumber, units};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AdminState;
use super::canary::Canary;
use super::change::{self, ChangeOutcome};
use super::json::JsonBody;
use super::mirror::Mirror;
use super::path::OfService;
use super::rejection::Rejection;
use super::summary::{RevisionSummary, Routes};
use crate::problem::Problem;

/// A service.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Service {
    /// Its name.
    #[schema(example = "orders")]
    name: String,
    /// The number of the revision that serves; absent if none can.
    #[serde(skip_serializing_if = "Option::is_none")]
    active: Option<u32>,
    /// Why nothing can serve.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    /// Present while the breaker of the revision that serves is not closed, because its calls kept failing.
    #[serde(skip_serializing_if = "Option::is_none")]
    breaker: Option<Breaker>,
    /// The canary that is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    canary: Option<Canary>,
    /// What is mirrored of its requests to another service.
    #[serde(skip_serializing_if = "Option::is_none")]
    mirror: Option<Mirror>,
    /// How it differs from what `runtime.toml` declares.
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<String>,
    /// The routes that lead to it.
    routes: Routes,
    /// What it imports from other services.
    links: Vec<LinkSummary>,
    /// The services that are linked to it.
    called_by: Vec<String>,
    /// Calls that are being served.
    calls: u32,
    /// Calls that wait for their turn.
    waiting: u32,
    /// Linear memory that the instances of all its revisions have, and what the host keeps for them, in bytes.
    #[schema(example = 8_388_608)]
    memory_bytes: u64,
    /// What the policies have done since the host or the service started.
    counts: CountsSummary,
    /// The retained revisions, oldest first.
    revisions: Vec<RevisionSummary>,
}

/// An import of a service.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Link)]
pub(super) struct LinkSummary {
    /// What is imported.
    #[schema(example = "shop:inventory/stock@0.1.0")]
    interface: String,
    /// The service that serves it; absent if none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "inventory")]
    service: Option<String>,
    /// Why none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// Whether the service cannot be deployed while none does.
    required: bool,
}

impl From<&Link> for LinkSummary {
    fn from(link: &Link) -> Self {
        let (service, problem) = match &link.callee {
            Ok(callee) => (Some(callee.to_string()), None),
            Err(unlinked) => (None, Some(unlinked.to_string())),
        };
        Self { interface: link.interface.to_string(), service, problem, required: link.required }
    }
}

/// The breaker of a revision, while it is not closed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Breaker {
    /// Calls that failed, without one that succeeded in between.
    failures: u32,
    /// For how long it is still open; zero if the next call probes, or one is just probing.
    #[serde(serialize_with = "units::duration::serialize")]
    #[schema(value_type = String, example = "1s 500ms")]
    remaining: Duration,
}

impl From<BreakerStatus> for Breaker {
    fn from(status: BreakerStatus) -> Self {
        let millis = u64::try_from(status.remaining.as_millis()).unwrap_or(u64::MAX);
        Self { failures: status.failures, remaining: Duration::from_millis(millis) }
    }
}

/// How often a policy had to do something.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Counts)]
pub(super) struct CountsSummary {
    /// Callers that showed no credential where one is needed, or one that is not good.
    unauthenticated: u64,
    /// Callers that were refused by the rules.
    denied: u64,
    /// Calls that came too early for the rate.
    rate_limited: u64,
    /// Calls that found no place.
    overloaded: u64,
    /// Attempts after the first one of a call.
    retries: u64,
    /// Attempts that the budget did not allow.
    retries_refused: u64,
    /// Attempts that met an open breaker.
    broken_off: u64,
    /// Calls that something else answered.
    fallbacks: u64,
}

impl From<Counts> for CountsSummary {
    fn from(counts: Counts) -> Self {
        let Counts {
            unauthenticated,
            denied,
            rate_limited,
            overloaded,
            retries,
            retries_refused,
            broken_off,
            fallbacks,
        } = counts;
        Self { unauthenticated, denied, rate_limited, overloaded, retries, retries_refused, broken_off, fallbacks }
    }
}

/// Which revision to activate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Activation {
    /// Its number.
    #[schema(value_type = u32, minimum = 1)]
    revision: RevisionNumber,
}

/// A request that says nothing but its path.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

impl From<&ServiceView> for Service {
    fn from(view: &ServiceView) -> Self {
        Self {
            name: view.name.to_string(),
            active: view.active.map(RevisionNumber::get),
            failure: view.failure.clone(),
            breaker: view.breaker.map(Breaker::from),
            canary: view.canary.clone().map(Canary::from),
            mirror: view.mirror.clone().map(Mirror::from),
            drift: view.drift.clone(),
            routes: Routes::of(view),
            links: view.links.iter().map(LinkSummary::from).collect(),
            called_by: view.called_by.iter().map(ToString::to_string).collect(),
            calls: view.calls,
            waiting: view.waiting,
            memory_bytes: view.instances().memory_bytes,
            counts: CountsSummary::from(view.counts),
            revisions: view.revisions.iter().map(RevisionSummary::from).collect(),
        }
    }
}

/// Lists the services, by name.
#[utoipa::path(
    get, operation_id = "listServices", path = "/v1/services", tag = "services",
    responses((status = 200, description = "The services", body = [Service])),
)]
pub(super) async fn list(State(state): State<AdminState>) -> Json<Vec<Service>> {
    Json(state.control.services().iter().map(Service::from).collect())
}

/// Shows one service.
#[utoipa::path(
    get, operation_id = "showService", path = "/v1/services/{name}", tag = "services",
    params(("name" = String, Path, description = "The service")),
    responses(
        (status = 200, description = "The service", body = Service),
        (status = 404, description = "There is none", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn show(
    State(state): State<AdminState>,
    OfService(name): OfService,
) -> Result<Json<Service>, Rejection> {
    state.control.service(&name).map(|view| Json(Service::from(&view))).ok_or_else(|| Rejection::no_service(&name))
}

/// Removes a service with all its revisions.
///
/// Its calls may end first, within the drain deadline. With `Accept: text/event-stream` the answer is a stream: `step`
/// events as they happen, then one `outcome` or `error`.
#[utoipa::path(
    delete, operation_id = "removeService", path = "/v1/services/{name}", tag = "services",
    params(("name" = String, Path, description = "The service")),
    responses(
        (status = 200, description = "It is gone", content((ChangeOutcome = "application/json"), (String = "text/event-stream"))),
        (status = 404, description = "There is none", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Another change of it is under way", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The host failed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The host is stopping", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn remove(
    State(state): State<AdminState>,
    OfService(name): OfService,
    headers: HeaderMap,
) -> Result<Response, Rejection> {
    change::answer(state.control.remove(&name), &headers).await
}

/// Makes a retained revision the one that serves.
///
/// Immediate where it is still compiled, as it normally is. With `Accept: text/event-stream` the answer is a stream:
/// `step` events as they happen, then one `outcome` or `error`.
#[utoipa::path(
    post, operation_id = "activateRevision", path = "/v1/services/{name}/activate", tag = "services",
    params(("name" = String, Path, description = "The service")),
    request_body = Activation,
    responses(
        (status = 200, description = "It serves", content((ChangeOutcome = "application/json"), (String = "text/event-stream"))),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "The revision is not retained", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Another change of it is under way", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The revision cannot serve", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The host failed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The host is stopping", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn activate(
    State(state): State<AdminState>,
    OfService(name): OfService,
    headers: HeaderMap,
    JsonBody(activation): JsonBody<Activation>,
) -> Result<Response, Rejection> {
    change::answer(state.control.activate(&name, activation.revision), &headers).await
}

/// Makes the newest retained revision before the active one the one that serves.
///
/// With `Accept: text/event-stream` the answer is a stream: `step` events as they happen, then one `outcome` or `error`.
#[utoipa::path(
    post, operation_id = "rollBack", path = "/v1/services/{name}/rollback", tag = "services",
    params(("name" = String, Path, description = "The service")),
    request_body = Nothing,
    responses(
        (status = 200, description = "It serves", content((ChangeOutcome = "application/json"), (String = "text/event-stream"))),
        (status = 404, description = "No revision before the active one is retained", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Another change of it is under way", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The revision cannot serve", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The host failed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The host is stopping", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn rollback(
    State(state): State<AdminState>,
    OfService(name): OfService,
    headers: HeaderMap,
    JsonBody(Nothing {}): JsonBody<Nothing>,
) -> Result<Response, Rejection> {
    change::answer(state.control.rollback(&name), &headers).await
}

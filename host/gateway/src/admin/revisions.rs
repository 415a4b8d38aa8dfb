//! Revisions: deployed, and inspected.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use patchbay_control::{CompiledView, DeployRequest, RevisionView, ServiceView};
use patchbay_model::{Digest, InstancePolicy, Origin, Route, Settings};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::AdminState;
use super::change::{self, ChangeOutcome};
use super::contract::ContractView;
use super::json::JsonBody;
use super::path::{OfRevision, OfService};
use super::rejection::Rejection;
use super::settings::{SettingsSchema, patched};
use super::summary::{RevisionSummary, Routes};
use crate::problem::Problem;

/// A revision in full.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Revision {
    #[serde(flatten)]
    summary: RevisionSummary,
    /// The settings it runs with.
    #[schema(value_type = SettingsSchema)]
    settings: Settings,
    /// What it imports and exports; absent if it is not compiled.
    #[serde(skip_serializing_if = "Option::is_none")]
    contract: Option<ContractView>,
    /// How its calls and instances meet; absent if it is not compiled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "fresh")]
    policy: Option<&'static str>,
    /// How they should, going by the component; absent if it is not compiled.
    #[serde(skip_serializing_if = "Option::is_none")]
    recommended: Option<Recommended>,
    /// The routes that lead to its service.
    routes: Routes,
    /// How its service differs from what `runtime.toml` declares.
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<String>,
}

/// A recommended instance policy.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Recommended {
    /// The policy: `fresh`, `reuse` or `concurrent`.
    #[schema(example = "reuse")]
    policy: &'static str,
    /// Why.
    reason: &'static str,
}

/// A new revision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Deployment {
    /// The digest of a component that was uploaded, or that a revision has already.
    #[schema(value_type = String, example = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    component: Digest,
    /// What to change in the settings: a JSON merge patch (RFC 7396) on those of the active revision, or on the
    /// defaults of the host for a new service. `null` sets a key back to its default.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = json!({"limits": {"timeout": "2s"}}))]
    settings: Option<Value>,
    /// The routes given at deployment, which replace those given before; absent leaves them.
    #[serde(default)]
    #[schema(example = json!(["GET,POST shop.example/api/orders/*"]))]
    routes: Option<Vec<String>>,
    /// Whether these routes are for everybody. Without it they are, as long as the host has no means to know anybody and is
    /// not strict.
    #[serde(default)]
    anonymous: bool,
    /// Whether the revision may break services that call this one.
    #[serde(default)]
    allow_breaking: bool,
    /// Whether it may end a canary of the service that is under way.
    #[serde(default)]
    replace: bool,
}

impl Revision {
    fn of(service: &ServiceView, view: &RevisionView) -> Self {
        let compiled = view.compiled.as_ref();
        Self {
            summary: RevisionSummary::from(view),
            settings: view.record.settings.clone(),
            contract: compiled.map(|compiled| ContractView::from(&compiled.contract)),
            policy: compiled.map(|compiled| InstancePolicy::name(compiled.policy)),
            recommended: compiled.map(recommended),
            routes: Routes::of(service),
            drift: service.drift.clone(),
        }
    }
}

fn recommended(compiled: &CompiledView) -> Recommended {
    let recommendation = compiled.contract.recommended_policy();
    Recommended { policy: recommendation.policy.name(), reason: recommendation.reason }
}

/// Shows one revision: its contract, its settings, its instances.
#[utoipa::path(
    get, operation_id = "showRevision", path = "/v1/services/{name}/revisions/{number}", tag = "services",
    params(("name" = String, Path, description = "The service"), ("number" = u32, Path, description = "The number of the revision")),
    responses(
        (status = 200, description = "The revision", body = Revision),
        (status = 404, description = "It is not retained", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn show(
    State(state): State<AdminState>,
    OfRevision(name, number): OfRevision,
) -> Result<Json<Revision>, Rejection> {
    let service = state.control.service(&name).ok_or_else(|| Rejection::no_service(&name))?;
    let revision = service.revisions.iter().find(|revision| revision.id.number == number).ok_or_else(|| {
        Rejection::not_found(format!(
            "`{name}@{number}` is not retained; `GET /v1/services/{name}` lists those that are"
        ))
    })?;
    Ok(Json(Revision::of(&service, revision)))
}

/// Deploys a revision.
///
/// The service is made if there is none of the name. If any step fails, what served before still serves. With
/// `Accept: text/event-stream` the answer is a stream: `step` events as they happen, then one `outcome` or `error`.
#[utoipa::path(
    post, operation_id = "deployRevision", path = "/v1/services/{name}/revisions", tag = "services",
    params(("name" = String, Path, description = "The service")),
    request_body = Deployment,
    responses(
        (status = 200, description = "It serves", content((ChangeOutcome = "application/json"), (String = "text/event-stream"))),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "The component is not stored", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "A canary or another change of it is under way, or a route is taken", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The component or the settings cannot be", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The host failed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The host is stopping", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn deploy(
    State(state): State<AdminState>,
    OfService(service): OfService,
    headers: HeaderMap,
    JsonBody(deployment): JsonBody<Deployment>,
) -> Result<Response, Rejection> {
    let present = state.control.settings_of(&service);
    let settings = match &deployment.settings {
        Some(patch) => patched(&present, patch)?,
        None => present,
    };
    let routes = deployment.routes.map(|routes| routes.iter().map(|route| route.parse::<Route>()).collect());
    let routes = routes
        .transpose()
        .map_err(|error: patchbay_model::RouteError| Rejection::invalid(format!("`routes`: {error}")))?;
    if deployment.anonymous && routes.is_none() {
        return Err(Rejection::invalid("`anonymous` is about `routes`, and there are none".to_owned()));
    }
    let request = DeployRequest {
        service,
        component: deployment.component,
        settings,
        routes,
        anonymous: deployment.anonymous,
        origin: Origin::Api,
        allow_breaking: deployment.allow_breaking,
        replace: deployment.replace,
    };
    change::answer(state.control.deploy(request), &headers).await
}

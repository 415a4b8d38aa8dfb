//! Canaries: started, seen, promoted and aborted.

use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use patchbay_control::{CanaryPhase, CanaryRequest, CanarySource, CanaryView, EndedCanary, Sample};
use patchbay_model::traffic::CanaryPlan;
use patchbay_model::{Digest, RevisionNumber, units};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::AdminState;
use super::change::{self, ChangeOutcome};
use super::json::JsonBody;
use super::mirror::Mirror;
use super::path::OfService;
use super::rejection::Rejection;
use super::services::Nothing;
use super::settings::{PlanSchema, patched};
use crate::problem::Problem;

/// A canary to begin: a component with settings, or a retained revision.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CanaryStart {
    /// The digest of a component that was uploaded, or that a revision has already.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    component: Option<Digest>,
    /// What to change in the settings of the active revision, with `component`: a JSON merge patch (RFC 7396).
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    settings: Option<Value>,
    /// The number of a retained revision, in place of `component`.
    #[serde(default)]
    #[schema(value_type = Option<u32>, minimum = 1)]
    revision: Option<RevisionNumber>,
    /// How it is tried. What is not said is 5%, 25% and 50% for five minutes each.
    #[serde(default)]
    #[schema(value_type = Option<PlanSchema>)]
    plan: CanaryPlan,
}

/// The canary of a service that is under way, and how the last one ended.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CanaryStatus {
    /// The canary that is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    canary: Option<Canary>,
    /// How the last one ended, in this run of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Ended>,
}

/// A canary.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Canary {
    /// The candidate.
    #[schema(example = "orders@5")]
    revision: String,
    /// The step, counted from 1.
    step: u32,
    /// How many steps there are.
    steps: u32,
    /// The share of calls that the candidate gets.
    #[schema(example = "5%")]
    share: String,
    /// The share of requests that is mirrored to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mirrored: Option<String>,
    /// When the step began.
    #[serde(serialize_with = "units::timestamp::serialize")]
    #[schema(value_type = String, format = DateTime)]
    since: SystemTime,
    /// How long it has lasted, not counting the time in which the host was down.
    #[serde(serialize_with = "units::duration::serialize")]
    #[schema(value_type = String, example = "42s")]
    baked: Duration,
    /// What the step waits for: `baking` for its end, `prolonged` for more calls, `waiting` for somebody who decides, and
    /// `halted` that it can be written down that the canary is over.
    #[schema(example = "baking")]
    phase: &'static str,
    /// Why it waits for somebody.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The errors that the canary has cost its callers since it began.
    errors: u32,
    /// The numbers of the candidate in this step.
    candidate: Numbers,
    /// The numbers of the stable revision in the same time.
    stable: Numbers,
    /// What came of the requests that were mirrored to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mirror: Option<Mirror>,
    /// How it is tried.
    #[schema(value_type = PlanSchema)]
    plan: CanaryPlan,
}

/// How a revision does.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Numbers {
    /// Calls that ended.
    calls: u64,
    /// Those among them that were errors.
    errors: u64,
    /// The time within which half of them had an answer.
    #[serde(with = "units::optional_duration", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "3ms")]
    p50: Option<Duration>,
    /// The time within which 99 of 100 had one.
    #[serde(with = "units::optional_duration", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "12ms")]
    p99: Option<Duration>,
}

/// A canary that is over.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EndedCanary)]
pub(super) struct Ended {
    /// The revision that was tried.
    #[schema(example = "orders@5")]
    revision: String,
    /// Whether it serves all calls since.
    promoted: bool,
    /// How it ended, as a sentence.
    message: String,
    /// When it ended.
    #[serde(serialize_with = "units::timestamp::serialize")]
    #[schema(value_type = String, format = DateTime)]
    ended: SystemTime,
    /// The errors that it cost its callers.
    errors: u32,
}

impl From<Sample> for Numbers {
    fn from(sample: Sample) -> Self {
        let Sample { calls, errors, p50, p99 } = sample;
        Self { calls, errors, p50, p99 }
    }
}

impl From<EndedCanary> for Ended {
    fn from(ended: EndedCanary) -> Self {
        let EndedCanary { revision, promoted, message, ended, errors } = ended;
        Self { revision: revision.to_string(), promoted, message, ended, errors }
    }
}

impl From<CanaryView> for Canary {
    fn from(view: CanaryView) -> Self {
        let (phase, reason) = match view.phase {
            CanaryPhase::Baking => ("baking", None),
            CanaryPhase::Prolonged => ("prolonged", None),
            CanaryPhase::Waiting(reason) => ("waiting", Some(reason)),
            CanaryPhase::Halted => ("halted", None),
        };
        Self {
            revision: view.revision.to_string(),
            step: view.step.saturating_add(1),
            steps: view.plan.n_steps(),
            share: view.share.to_string(),
            mirrored: view.mirrored.map(|share| share.to_string()),
            since: view.since,
            baked: Duration::from_secs(view.baked.as_secs()),
            phase,
            reason,
            errors: view.errors,
            candidate: view.candidate.into(),
            stable: view.stable.into(),
            mirror: view.mirror.map(Mirror::from),
            plan: view.plan,
        }
    }
}

/// Shows the canary of a service.
#[utoipa::path(
    get, operation_id = "showCanary", path = "/v1/services/{name}/canary", tag = "services",
    params(("name" = String, Path, description = "The service")),
    responses(
        (status = 200, description = "The canary, if one is under way", body = CanaryStatus),
        (status = 404, description = "There is no such service", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn show(
    State(state): State<AdminState>,
    OfService(name): OfService,
) -> Result<Json<CanaryStatus>, Rejection> {
    let service = state.control.service(&name).ok_or_else(|| Rejection::no_service(&name))?;
    let (canary, last) = (service.canary.map(Canary::from), service.last_canary.map(Ended::from));
    Ok(Json(CanaryStatus { canary, last }))
}

/// Begins a canary.
///
/// The candidate is held against the same checks as a deployment, and then gets its first share. It is promoted or ended by
/// its numbers. With `Accept: text/event-stream` the answer is a stream: `step` events as they happen, then one `outcome` or
/// `error`.
#[utoipa::path(
    post, operation_id = "startCanary", path = "/v1/services/{name}/canary", tag = "services",
    params(("name" = String, Path, description = "The service")),
    request_body = CanaryStart,
    responses(
        (status = 200, description = "The candidate gets its first share", content((ChangeOutcome = "application/json"), (String = "text/event-stream"))),
        (status = 400, description = "The request is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such service, component or revision", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "A canary or another change of it is under way, or nothing of it serves", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The component, the settings or the plan cannot be", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The host failed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The host is stopping", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn start(
    State(state): State<AdminState>,
    OfService(service): OfService,
    headers: HeaderMap,
    JsonBody(start): JsonBody<CanaryStart>,
) -> Result<Response, Rejection> {
    let source = match (start.component, start.revision) {
        (Some(component), None) => {
            let present = state.control.settings_of(&service);
            let settings = match &start.settings {
                Some(patch) => patched(&present, patch)?,
                None => present,
            };
            CanarySource::New { component, settings: Box::new(settings) }
        }
        (None, Some(revision)) if start.settings.is_none() => CanarySource::Retained(revision),
        (None, Some(_)) => {
            return Err(Rejection::invalid("a retained `revision` has its own `settings`; leave them away"));
        }
        _ => return Err(Rejection::invalid("name what is to be tried: a `component`, or a retained `revision`")),
    };
    let request = CanaryRequest { service, source, plan: start.plan };
    change::answer(state.control.start_canary(request), &headers).await
}

/// Makes the candidate of a canary the revision that serves, however far the canary is.
///
/// With `Accept: text/event-stream` the answer is a stream: `step` events as they happen, then one `outcome` or `error`.
#[utoipa::path(
    post, operation_id = "promoteCanary", path = "/v1/services/{name}/canary/promote", tag = "services",
    params(("name" = String, Path, description = "The service")),
    request_body = Nothing,
    responses(
        (status = 200, description = "It serves", content((ChangeOutcome = "application/json"), (String = "text/event-stream"))),
        (status = 404, description = "No canary of it is under way", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Another change of it is under way", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "It would break services that call it", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The host failed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The host is stopping", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn promote(
    State(state): State<AdminState>,
    OfService(name): OfService,
    headers: HeaderMap,
    JsonBody(Nothing {}): JsonBody<Nothing>,
) -> Result<Response, Rejection> {
    change::answer(state.control.promote_canary(&name), &headers).await
}

/// Ends a canary: what served before it serves alone.
///
/// With `Accept: text/event-stream` the answer is a stream: `step` events as they happen, then one `outcome` or `error`.
#[utoipa::path(
    post, operation_id = "abortCanary", path = "/v1/services/{name}/canary/abort", tag = "services",
    params(("name" = String, Path, description = "The service")),
    request_body = Nothing,
    responses(
        (status = 200, description = "It is over", content((ChangeOutcome = "application/json"), (String = "text/event-stream"))),
        (status = 404, description = "No canary of it is under way", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Another change of it is under way", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The host failed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The host is stopping", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn abort(
    State(state): State<AdminState>,
    OfService(name): OfService,
    headers: HeaderMap,
    JsonBody(Nothing {}): JsonBody<Nothing>,
) -> Result<Response, Rejection> {
    change::answer(state.control.abort_canary(&name), &headers).await
}

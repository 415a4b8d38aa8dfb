//! The policies of a service: each value with where it came from.

use axum::Json;
use axum::extract::State;
use patchbay_control::{PolicySource, PolicyValue};
use serde::Serialize;
use utoipa::ToSchema;

use super::AdminState;
use super::path::OfService;
use super::rejection::Rejection;
use crate::problem::Problem;

/// One value of a policy.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Policy {
    /// The link that it is about; absent: all calls of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "shop:inventory/stock@0.1.0")]
    link: Option<String>,
    /// Its key in `runtime.toml`.
    #[schema(example = "retry.attempts")]
    key: String,
    /// The value, as text.
    #[schema(example = "3")]
    value: String,
    /// Where it came from: `built-in`, `defaults`, `service`, `deployment` or `callee`.
    #[schema(example = "service")]
    source: &'static str,
    /// The line of `runtime.toml` that says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    /// The revision whose deployment said it.
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    /// The service that is called, where the link has what that has.
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
}

impl From<PolicyValue> for Policy {
    fn from(policy: PolicyValue) -> Self {
        let PolicyValue { link, key, value, source } = policy;
        let (mut line, mut revision, mut service) = (None, None, None);
        let source = match source {
            PolicySource::BuiltIn => "built-in",
            PolicySource::Defaults(at) => {
                line = Some(at);
                "defaults"
            }
            PolicySource::Service(at) => {
                line = Some(at);
                "service"
            }
            PolicySource::Deployment(number) => {
                revision = Some(number.get());
                "deployment"
            }
            PolicySource::Callee(name) => {
                service = Some(name.to_string());
                "callee"
            }
        };
        Self { link: link.map(|link| link.to_string()), key, value, source, line, revision, service }
    }
}

/// Shows the policies that hold for a service and for its links, each value with where it came from.
#[utoipa::path(
    get, operation_id = "showPolicies", path = "/v1/services/{name}/policy", tag = "services",
    params(("name" = String, Path, description = "The service")),
    responses(
        (status = 200, description = "The policies", body = [Policy]),
        (status = 404, description = "There is no such service, or it cannot serve", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn policies(
    State(state): State<AdminState>,
    OfService(name): OfService,
) -> Result<Json<Vec<Policy>>, Rejection> {
    let policies = state.control.policies(&name).ok_or_else(|| Rejection::no_service(&name))?;
    Ok(Json(policies.into_iter().map(Policy::from).collect()))
}

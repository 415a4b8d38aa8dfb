//! Who may do what, and which rule decides.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use patchbay_control::{Caller, Explanation, Question};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::AdminState;
use super::rejection::Rejection;
use crate::problem::Problem;

/// What is asked.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asking {
    /// Who asks: a service, a user, both with `&` between them, or `outside`.
    #[param(example = "issuer:corp&user:ann&scope:orders.read")]
    caller: String,
    /// What for: a request, a service, what it offers, or a topic.
    #[param(example = "GET /api/orders/1")]
    target: String,
}

/// What the rules say of one thing that somebody may ask for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Authorization {
    /// What is asked for: a function, a method, `http`, or what was asked.
    #[schema(example = "shop:inventory/stock@0.1.0.reserve")]
    asked: String,
    /// Whether they may.
    allowed: bool,
    /// The rule that decided, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "orders shop:inventory/stock")]
    rule: Option<String>,
    /// The reason.
    reason: String,
}

impl From<Explanation> for Authorization {
    fn from(explanation: Explanation) -> Self {
        let Explanation { asked, allowed, rule, reason } = explanation;
        Self { asked, allowed, rule, reason }
    }
}

/// Explains who may do what, and which rule decides.
#[utoipa::path(
    get, operation_id = "explainAuthorization", path = "/v1/authz", tag = "host", params(Asking),
    responses(
        (status = 200, description = "What the rules say", body = [Authorization]),
        (status = 400, description = "Nobody is asked about, or nothing", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No route leads there, or no such service serves", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn explain(
    State(state): State<AdminState>,
    asking: Result<Query<Asking>, QueryRejection>,
) -> Result<Json<Vec<Authorization>>, Rejection> {
    let Query(asking) = asking.map_err(|error| Rejection::invalid(error.body_text()))?;
    let caller: Caller = asking.caller.parse().map_err(|error| Rejection::invalid(format!("{error}")))?;
    let question: Question = asking.target.parse().map_err(|error| Rejection::invalid(format!("{error}")))?;
    let explained = match &question {
        Question::Service(name) => state.control.explain_service(&caller, name).unwrap_or_default(),
        _ => state.control.rulebook().answer(&caller, &question),
    };
    match question {
        Question::Service(name) | Question::Http(name, _) | Question::Function(name, _) if explained.is_empty() => {
            Err(Rejection::no_service(&name))
        }
        Question::Request { .. } if explained.is_empty() => {
            Err(Rejection::not_found(format!("no route leads to `{}`", asking.target)))
        }
        _ => Ok(Json(explained.into_iter().map(Authorization::from).collect())),
    }
}

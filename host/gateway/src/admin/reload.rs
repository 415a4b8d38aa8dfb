//! A new `runtime.toml`: tried, or taken.

use axum::Json;
use axum::extract::{Query, State};
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::AdminState;
use super::rejection::Rejection;
use crate::problem::Problem;
use crate::reload::{NotReloaded, NotReloadedKind, Reloaded};

/// How the file is to be reloaded.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct ReloadQuery {
    /// Only tell what would change: everything is read, compiled and judged, and nothing is taken.
    #[serde(default)]
    dry_run: bool,
}

/// Reloads `runtime.toml`.
///
/// It is taken as a whole, in one step, or not at all. Calls that are under way end as they began.
#[utoipa::path(
    post, operation_id = "reload", path = "/v1/reload", tag = "host", params(ReloadQuery),
    responses(
        (status = 200, description = "What is different", body = Reloaded),
        (status = 400, description = "The request is not valid", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Another change is under way", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The file, or what it names, is not right; nothing changed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The host starts or stops", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn reload(
    State(state): State<AdminState>,
    query: Result<Query<ReloadQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Reloaded>, Rejection> {
    let Query(query) = query.map_err(|error| Rejection::invalid(error.body_text()))?;
    Ok(Json(state.reload.reload(query.dry_run).await?))
}

impl From<NotReloaded> for Rejection {
    fn from(refusal: NotReloaded) -> Self {
        let (status, kind, title) = match refusal.kind {
            NotReloadedKind::Refused => {
                (StatusCode::UNPROCESSABLE_ENTITY, "urn:patchbay:admin:refused", "Change refused")
            }
            NotReloadedKind::Conflict => (StatusCode::CONFLICT, "urn:patchbay:admin:conflict", "Conflict"),
            NotReloadedKind::Host => {
                (StatusCode::INTERNAL_SERVER_ERROR, "urn:patchbay:admin:host-failed", "Host failed")
            }
            NotReloadedKind::Unavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "urn:patchbay:admin:unavailable", "Host unavailable")
            }
        };
        Problem::new(status, kind, title, refusal.message).into()
    }
}

//! Components: uploaded before they are deployed, kept by digest.

use axum::Json;
use axum::extract::{Request, State};
use http::StatusCode;
use http_body::Body as _;
use http_body_util::BodyExt;
use patchbay_model::units;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::AdminState;
use super::json::is_type;
use super::rejection::Rejection;
use crate::problem::Problem;

/// A component that was stored.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Stored {
    /// Its address: the SHA-256 of its bytes.
    #[schema(example = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    digest: String,
    /// Its size in bytes.
    size: u64,
}

/// The bytes of a component.
#[derive(ToSchema)]
#[schema(as = Component, value_type = String, format = Binary)]
#[expect(dead_code, reason = "its shape stands in the document; the body is never held as a whole")]
pub(super) struct Uploaded(Vec<u8>);

/// Stores a component.
///
/// The body is streamed to disk. Nothing of it is kept if it breaks off, pauses for too long or turns out to be too
/// large. A component that no revision uses is removed at the next start of the host.
#[utoipa::path(
    post, operation_id = "uploadComponent", path = "/v1/components", tag = "components",
    request_body(content = Uploaded, content_type = "application/wasm", description = "The bytes of the component"),
    responses(
        (status = 201, description = "The component is stored", body = Stored),
        (status = 400, description = "The body is empty, or broke off", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body paused for too long", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is no `application/wasm`", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The host could not store it", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn upload(
    State(state): State<AdminState>,
    request: Request,
) -> Result<(StatusCode, Json<Stored>), Rejection> {
    if !is_type(request.headers(), &["application/wasm", "application/octet-stream"]) {
        return Err(Rejection::media_type("application/wasm"));
    }
    let limit = state.config.max_upload;
    let too_large = || Rejection::too_large("the component", limit);
    let mut body = request.into_body();
    if body.size_hint().lower() > limit {
        return Err(too_large());
    }
    let mut writer = state.control.components().begin().await?;
    let mut left = limit;
    let pause = state.config.upload_pause;
    loop {
        let frame = timeout(pause, body.frame()).await.map_err(|_| {
            let pause = units::format_duration(pause);
            Rejection::too_slow(format!("nothing of the component came for {pause}"))
        })?;
        let Some(frame) = frame else {
            break;
        };
        let frame = frame.map_err(|error| Rejection::invalid(format!("the component broke off: {error}")))?;
        let Ok(piece) = frame.into_data() else {
            continue;
        };
        left = left.checked_sub(piece.len() as u64).ok_or_else(too_large)?;
        writer.write(piece).await?;
    }
    if left == limit {
        return Err(Rejection::invalid("the body is empty; send the bytes of a component"));
    }
    let stored = state.control.store(writer).await?;
    Ok((StatusCode::CREATED, Json(Stored { digest: stored.digest.to_string(), size: stored.size })))
}

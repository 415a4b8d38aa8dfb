//! How the admin API says no: always a problem, never bare text.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use patchbay_control::{ChangeError, ChangeErrorKind};
use patchbay_model::ServiceName;
use patchbay_model::ports::StorageError;

use crate::problem::Problem;

/// A refused or failed request.
#[derive(Debug)]
pub(crate) struct Rejection(Box<Problem>);

impl From<Problem> for Rejection {
    fn from(problem: Problem) -> Self {
        Self(Box::new(problem))
    }
}

impl Rejection {
    /// The request is not what this endpoint takes.
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::BAD_REQUEST, "urn:patchbay:admin:invalid", "Invalid request", detail).into()
    }

    /// The token is missing or wrong. Which of both is nobody's business.
    pub(super) fn unauthorized() -> Self {
        Problem::new(
            StatusCode::UNAUTHORIZED,
            "urn:patchbay:admin:unauthorized",
            "Unauthorized",
            "send the admin token of this host as `Authorization: Bearer TOKEN`; it is in the state directory",
        )
        .into()
    }

    /// A page of others made a browser send it.
    pub(crate) fn foreign() -> Self {
        Problem::new(
            StatusCode::FORBIDDEN,
            "urn:patchbay:admin:foreign",
            "Not from the dashboard",
            "a session counts for requests of the dashboard alone; send the admin token as `Authorization: Bearer TOKEN`",
        )
        .into()
    }

    /// The system has no random bits to make the name of a session of.
    pub(crate) fn no_randomness() -> Self {
        let detail = "the system gives no randomness, so there can be no session; see the log of the system";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "urn:patchbay:admin:host-failed", "Host failed", detail).into()
    }

    /// There is no such thing.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::NOT_FOUND, "urn:patchbay:admin:not-found", "Not found", detail).into()
    }

    /// There is no such service.
    pub(super) fn no_service(name: &ServiceName) -> Self {
        Self::not_found(format!("there is no service `{name}`; `GET /v1/services` lists those there are"))
    }

    /// The path is known, the method is not.
    pub(super) fn method_not_allowed() -> Self {
        Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "urn:patchbay:admin:method-not-allowed",
            "Method not allowed",
            "use one of the methods in the `Allow` header",
        )
        .into()
    }

    /// The body is larger than `limit` bytes.
    pub(super) fn too_large(what: &str, limit: u64) -> Self {
        let limit = patchbay_model::units::format_size(limit);
        let detail = format!("{what} is larger than the {limit} that this host accepts");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "urn:patchbay:admin:too-large", "Request too large", detail).into()
    }

    /// The body did not come.
    pub(super) fn too_slow(detail: impl Into<String>) -> Self {
        Problem::new(StatusCode::REQUEST_TIMEOUT, "urn:patchbay:admin:too-slow", "Request too slow", detail).into()
    }

    /// The body is of another media type.
    pub(crate) fn media_type(wanted: &str) -> Self {
        Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "urn:patchbay:admin:media-type",
            "Unsupported media type",
            format!("send the body as `{wanted}`"),
        )
        .into()
    }

    pub(super) fn into_problem(self) -> Problem {
        *self.0
    }
}

impl From<ChangeError> for Rejection {
    fn from(error: ChangeError) -> Self {
        let (status, kind, title) = match error.kind {
            ChangeErrorKind::NotFound => (StatusCode::NOT_FOUND, "urn:patchbay:admin:not-found", "Not found"),
            ChangeErrorKind::Refused | ChangeErrorKind::Unlinked => {
                (StatusCode::UNPROCESSABLE_ENTITY, "urn:patchbay:admin:refused", "Change refused")
            }
            ChangeErrorKind::Conflict => (StatusCode::CONFLICT, "urn:patchbay:admin:conflict", "Conflict"),
            // Before a step begins, the host's one reason to fail is that it stops.
            ChangeErrorKind::Host if error.step.is_none() => {
                (StatusCode::SERVICE_UNAVAILABLE, "urn:patchbay:admin:unavailable", "Host unavailable")
            }
            ChangeErrorKind::Host => {
                (StatusCode::INTERNAL_SERVER_ERROR, "urn:patchbay:admin:host-failed", "Host failed")
            }
        };
        Problem::new(status, kind, title, error.message).at(error.step).into()
    }
}

impl From<StorageError> for Rejection {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Missing(_) => Self::not_found(error.to_string()),
            StorageError::Damaged { .. } | StorageError::Medium { .. } => Problem::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "urn:patchbay:admin:host-failed",
                "Host failed",
                error.to_string(),
            )
            .into(),
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let status = self.0.status_code();
        let mut reply = Response::from(self.0.into_reply()).map(Body::new);
        let extra = match status {
            StatusCode::UNAUTHORIZED => Some((WWW_AUTHENTICATE, "Bearer realm=\"patchbay\"")),
            StatusCode::SERVICE_UNAVAILABLE => Some((RETRY_AFTER, "1")),
            _ => None,
        };
        if let Some((name, value)) = extra {
            reply.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        reply
    }
}

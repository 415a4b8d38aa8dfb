//! What stands in paths and queries: parsed once, refused with a problem.

use std::error::Error;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use patchbay_model::{RevisionNumber, ServiceName};

use super::rejection::Rejection;

/// The service in the path.
pub(super) struct OfService(pub(super) ServiceName);

/// The service and the revision in the path.
pub(super) struct OfRevision(pub(super) ServiceName, pub(super) RevisionNumber);

impl<S: Send + Sync> FromRequestParts<S> for OfService {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let Path(name) = Path::<String>::from_request_parts(parts, state).await.map_err(invalid)?;
        name.parse().map(Self).map_err(invalid)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OfRevision {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let Path((name, number)) = Path::<(String, String)>::from_request_parts(parts, state).await.map_err(invalid)?;
        Ok(Self(name.parse().map_err(invalid)?, number.parse().map_err(invalid)?))
    }
}

fn invalid<E: Error>(error: E) -> Rejection {
    Rejection::invalid(error.to_string())
}

//! What stands in paths and queries: parsed once, refused with a problem.

use std::error::Error;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use patchbay_control::DeadLetterPlace;
use patchbay_model::bus::Topic;
use patchbay_model::{RevisionNumber, ServiceName};

use super::rejection::Rejection;

/// The service in the path.
pub(super) struct OfService(pub(super) ServiceName);

/// The service and the revision in the path.
pub(super) struct OfRevision(pub(super) ServiceName, pub(super) RevisionNumber);

/// The topic in the path.
pub(super) struct OfTopic(pub(super) Topic);

/// The dead letter in the path.
pub(super) struct OfDeadLetter(pub(super) DeadLetterPlace);

impl<S: Send + Sync> FromRequestParts<S> for OfTopic {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let Path(topic) = Path::<String>::from_request_parts(parts, state).await.map_err(invalid)?;
        topic.parse().map(Self).map_err(invalid)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OfDeadLetter {
    type Rejection = Rejection;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Rejection> {
        let Path((topic, sequence)) =
            Path::<(String, String)>::from_request_parts(parts, state).await.map_err(invalid)?;
        place(&topic, &sequence).map(Self)
    }
}

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

/// Where a dead letter is.
pub(super) fn place(topic: &str, sequence: &str) -> Result<DeadLetterPlace, Rejection> {
    let sequence = sequence
        .parse()
        .map_err(|_| Rejection::invalid(format!("`{sequence}` is no place in a topic; places count from 1")))?;
    Ok(DeadLetterPlace { topic: topic.parse().map_err(invalid)?, sequence })
}

fn invalid<E: Error>(error: E) -> Rejection {
    Rejection::invalid(error.to_string())
}

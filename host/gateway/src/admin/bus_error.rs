//! How failures of the bus are told: the one table from error to problem.

use http::StatusCode;
use patchbay_model::bus::BusError;

use super::rejection::Rejection;
use crate::problem::Problem;

impl From<BusError> for Rejection {
    /// The table. Without a wildcard, so that a new kind of error is decided on here.
    fn from(error: BusError) -> Self {
        let (status, kind, title) = match &error {
            BusError::Invalid(_) => (StatusCode::BAD_REQUEST, "urn:patchbay:admin:invalid", "Invalid request"),
            BusError::Denied(_) => (StatusCode::FORBIDDEN, "urn:patchbay:admin:denied", "Publisher not allowed"),
            BusError::TooLarge { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, "urn:patchbay:admin:too-large", "Request too large")
            }
            // Not 429: however slowly its client publishes, there is no room.
            BusError::Full { .. } => (StatusCode::INSUFFICIENT_STORAGE, "urn:patchbay:admin:topic-full", "Topic full"),
            BusError::Unavailable(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "urn:patchbay:admin:bus-unavailable", "Bus unavailable")
            }
            BusError::Timeout(_) => (StatusCode::GATEWAY_TIMEOUT, "urn:patchbay:admin:bus-timeout", "Bus too slow"),
            // Whoever answers may subscribe in a moment, so trying again makes sense.
            BusError::NoResponders(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "urn:patchbay:admin:no-responders", "Nobody answers")
            }
            BusError::NotFound(_) => (StatusCode::NOT_FOUND, "urn:patchbay:admin:not-found", "Not found"),
            BusError::Storage(_) => (StatusCode::INTERNAL_SERVER_ERROR, "urn:patchbay:admin:bus-failed", "Bus failed"),
        };
        Problem::new(status, kind, title, error.to_string()).into()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::response::IntoResponse;

    use super::*;

    #[test]
    fn every_error_has_its_status() {
        let text = || "why".to_owned();
        for (error, status) in [
            (BusError::Invalid(text()), 400),
            (BusError::Denied(text()), 403),
            (BusError::TooLarge { size: 2, limit: 1 }, 413),
            (BusError::Full { topic: text(), reached: text() }, 507),
            (BusError::Unavailable(text()), 503),
            (BusError::Timeout(Duration::from_secs(1)), 504),
            (BusError::NoResponders(text()), 503),
            (BusError::NotFound(text()), 404),
            (BusError::Storage(text()), 500),
        ] {
            let said = error.to_string();
            let problem = Rejection::from(error.clone()).into_problem();
            assert_eq!((problem.status, problem.detail), (status, said));
            let reply = Rejection::from(error).into_response();
            assert_eq!(reply.headers().contains_key("retry-after"), status == 503);
        }
    }
}

//! What the server and its client say went wrong, as the port says it.

use std::time::Duration;

use async_nats::client::{PublishErrorKind, RequestErrorKind};
use async_nats::jetstream::{self, ErrorCode};
use patchbay_model::bus::BusError;

/// An error of JetStream, about the declared topic `topic`.
pub(super) fn of_jetstream(topic: &str, error: &jetstream::Error) -> BusError {
    let text = format!("JetStream says of `{topic}`: {error}");
    match error.error_code() {
        // The store of a stream that discards what is new says which limit is reached.
        ErrorCode::STREAM_STORE_FAILED if error.to_string().contains("maximum") => {
            BusError::Full { topic: topic.to_owned(), reached: error.to_string() }
        }
        ErrorCode::STREAM_MESSAGE_DELETE_FAILED if error.to_string().contains("no message found") => {
            BusError::NotFound(text)
        }
        ErrorCode::STREAM_NOT_FOUND
        | ErrorCode::CONSUMER_NOT_FOUND
        | ErrorCode::NO_MESSAGE_FOUND
        | ErrorCode::SEQUENCE_NOT_FOUND => BusError::NotFound(text),
        ErrorCode::INSUFFICIENT_RESOURCES
        | ErrorCode::STORAGE_RESOURCES_EXCEEDED
        | ErrorCode::MEMORY_RESOURCES_EXCEEDED
        | ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
        | ErrorCode::STREAM_STORE_FAILED => BusError::Storage(text),
        _ if error.code() == 503 => BusError::Unavailable(text),
        _ => BusError::Storage(text),
    }
}

/// An error of a request of JetStream's API that got no answer from JetStream, about `what`.
pub(super) fn of_request(what: &str, kind: RequestErrorKind, timeout: Duration) -> BusError {
    match kind {
        RequestErrorKind::TimedOut => BusError::Timeout(timeout),
        RequestErrorKind::NoResponders => {
            BusError::Unavailable(format!("no JetStream answers for {what}; is it enabled for this account?"))
        }
        RequestErrorKind::InvalidSubject => BusError::Invalid(format!("NATS takes no such subject for {what}")),
        RequestErrorKind::MaxPayloadExceeded => BusError::Invalid(format!("{what} is larger than the server takes")),
        RequestErrorKind::Other => BusError::Unavailable(format!("the connection to NATS failed for {what}")),
    }
}

/// An error of a message that is not stored.
pub(super) fn of_publish(kind: PublishErrorKind, size: usize, limit: usize) -> BusError {
    match kind {
        PublishErrorKind::MaxPayloadExceeded => BusError::TooLarge { size: size as u64, limit: limit as u64 },
        PublishErrorKind::InvalidSubject => BusError::Invalid("NATS takes no such topic".to_owned()),
        PublishErrorKind::Send => BusError::Unavailable("the connection to NATS is closed".to_owned()),
    }
}

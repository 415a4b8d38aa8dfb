//! Why a request with an idempotency key, or without one, is not served: the statuses of
//! draft-ietf-httpapi-idempotency-key-header, 2.7, and what the bounds of the host add to them.

use http::{HeaderValue, StatusCode, header};
use patchbay_model::{CallId, Reply};

use crate::problem::Problem;

/// Why a request is not served.
#[derive(Debug, Clone, Copy)]
pub(super) enum Refusal {
    /// The route wants a key, and there is none.
    Missing,
    /// The key is none.
    Invalid,
    /// The caller is nobody in particular, and a key belongs to somebody.
    Anonymous,
    /// The request with the key is not done yet.
    Running,
    /// It is, and what it said is not known any more.
    Lost,
    /// The key was used for another request.
    Other,
    /// There is no room for one more key.
    Full {
        /// Of this caller, or of all together.
        of_caller: bool,
    },
}

impl Refusal {
    /// What the caller reads.
    pub(super) fn reply(self, call: CallId) -> Reply {
        let (status, kind, title, detail) = self.entry();
        let mut reply = Problem::new(status, kind, title, detail).of_call(call).into_reply();
        if let Some(seconds) = self.retry_after() {
            reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        reply
    }

    /// Seconds after which to try again.
    const fn retry_after(self) -> Option<&'static str> {
        match self {
            Self::Running => Some("1"),
            Self::Full { .. } => Some("60"),
            Self::Missing | Self::Invalid | Self::Anonymous | Self::Lost | Self::Other => None,
        }
    }

    const fn entry(self) -> (StatusCode, &'static str, &'static str, &'static str) {
        match self {
            Self::Missing => (
                StatusCode::BAD_REQUEST,
                "urn:patchbay:idempotency:key-missing",
                "Idempotency key missing",
                "send an `Idempotency-Key`, such as `Idempotency-Key: \"8e03978e-40d5-43dd-bc93-6894a57f9324\"`",
            ),
            Self::Invalid => (
                StatusCode::BAD_REQUEST,
                "urn:patchbay:idempotency:key-invalid",
                "Idempotency key not valid",
                "the `Idempotency-Key` has to be one string in quotes, of 1 to 255 characters of ASCII",
            ),
            Self::Anonymous => (
                StatusCode::BAD_REQUEST,
                "urn:patchbay:idempotency:caller-unknown",
                "Idempotency key of an unknown caller",
                "keys belong to callers that have proved who they are; send a credential, or no `Idempotency-Key`",
            ),
            Self::Running => (
                StatusCode::CONFLICT,
                "urn:patchbay:idempotency:running",
                "Request still running",
                "the request with this key is not done yet; ask again in a moment",
            ),
            Self::Lost => (
                StatusCode::CONFLICT,
                "urn:patchbay:idempotency:reply-lost",
                "Reply not kept",
                "the request with this key was sent to the service, and its reply was not kept; look at what it was to \
                 change, and use another key for another attempt",
            ),
            Self::Other => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "urn:patchbay:idempotency:key-reused",
                "Idempotency key used for another request",
                "the key was used for a request with another method, path or body; use another key",
            ),
            Self::Full { of_caller: true } => (
                StatusCode::TOO_MANY_REQUESTS,
                "urn:patchbay:idempotency:too-many-keys",
                "Too many idempotency keys",
                "the caller has as many keys as it may have at a time",
            ),
            Self::Full { of_caller: false } => (
                StatusCode::SERVICE_UNAVAILABLE,
                "urn:patchbay:idempotency:no-room",
                "No room for idempotency keys",
                "the route has as many keys, or as much of requests with keys, as it may have at a time",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All there are, in the order of the documentation.
    const ALL: [Refusal; 8] = [
        Refusal::Missing,
        Refusal::Invalid,
        Refusal::Anonymous,
        Refusal::Running,
        Refusal::Lost,
        Refusal::Other,
        Refusal::Full { of_caller: true },
        Refusal::Full { of_caller: false },
    ];

    #[test]
    fn refusals_are_those_of_the_documentation() {
        let docs = include_str!("../../../../../docs/edge.md");
        let table: Vec<_> = docs.lines().filter(|line| line.starts_with("| `urn:patchbay:idempotency:")).collect();
        assert_eq!(table.len(), ALL.len());
        for (line, refusal) in table.iter().zip(ALL) {
            let (status, kind, ..) = refusal.entry();
            let reply = refusal.reply(CallId::new(7));
            let wait = reply.headers().get(header::RETRY_AFTER).map(|wait| wait.to_str().unwrap());
            let wait = wait.map_or(String::new(), |wait| format!(", `Retry-After: {wait}`"));
            let told = format!("| `{kind}` | {}{wait} |", status.as_u16());
            assert!(line.starts_with(&told) && reply.status() == status, "{line}: {told}");
        }
    }
}

//! Why a collector did not take something, and whether it may take it later (OTLP specification, failures).

use std::error::Error;
use std::time::Duration;

use prost::Message;
use tonic::{Code, Status};

/// A batch was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Refusal {
    /// Why, for people.
    pub why: String,
    /// Whether it can be sent again.
    pub again: bool,
    /// After what time, if the collector says so.
    pub after: Option<Duration>,
}

/// The longest pause that a collector can ask for.
const LONGEST: Duration = Duration::from_secs(60);

impl Refusal {
    /// Nothing came of it: the collector is not there, or does not answer.
    pub(super) fn unreachable(why: impl Into<String>) -> Self {
        Self { why: why.into(), again: true, after: None }
    }

    /// What a status of gRPC says.
    pub(super) fn of_status(status: &Status) -> Self {
        let after = retry_delay(status.details()).map(|after| after.min(LONGEST));
        let again = match status.code() {
            Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss => true,
            // It recovers only where it says when.
            Code::ResourceExhausted => after.is_some(),
            Code::Ok
            | Code::Unknown
            | Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::FailedPrecondition
            | Code::Unimplemented
            | Code::Internal
            | Code::Unauthenticated => false,
        };
        // The message of one that could not connect says little; what led to it says more.
        let cause = status.source().map(|source| format!(": {}", root_cause(source))).unwrap_or_default();
        Self { why: format!("{}: {}{cause}", status.code(), status.message()), again, after }
    }

    /// What a status of HTTP says, with `Retry-After` in seconds or as a date that is not read.
    pub(super) fn of_response(status: http::StatusCode, retry_after: Option<&str>) -> Self {
        let after = retry_after.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
        let again = matches!(status.as_u16(), 429 | 502 | 503 | 504);
        Self { why: format!("the answer is {status}"), again, after: after.map(|after| after.min(LONGEST)) }
    }
}

/// What lies at the bottom of an error.
pub(super) fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// `google.rpc.Status`, as far as it is read.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(message, repeated, tag = "3")]
    details: Vec<RpcAny>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct RpcAny {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    delay: Option<RpcDuration>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, Copy, PartialEq, Message)]
struct RpcDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// The delay in the `RetryInfo` among the details of a status, if there is one.
fn retry_delay(details: &[u8]) -> Option<Duration> {
    let status = RpcStatus::decode(details).ok()?;
    let info = status.details.iter().find(|any| any.type_url.ends_with("/google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(info.value.as_slice()).ok()?.delay?;
    Some(Duration::new(u64::try_from(delay.seconds).ok()?, u32::try_from(delay.nanos).ok()?.min(999_999_999)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(seconds: i64) -> Vec<u8> {
        let info = RetryInfo { delay: Some(RpcDuration { seconds, nanos: 5 }) };
        let any =
            RpcAny { type_url: "type.googleapis.com/google.rpc.RetryInfo".to_owned(), value: info.encode_to_vec() };
        RpcStatus { details: vec![any] }.encode_to_vec()
    }

    #[test]
    fn statuses_say_whether_to_come_again() {
        let after = |seconds| Some(Duration::new(seconds, 5));
        for (code, details, again, wait) in [
            (Code::Unavailable, Vec::new(), true, None),
            (Code::Unavailable, details(3), true, after(3)),
            (Code::Unavailable, details(3600), true, Some(LONGEST)),
            (Code::Unavailable, details(-1), true, None),
            (Code::ResourceExhausted, Vec::new(), false, None),
            (Code::ResourceExhausted, details(1), true, after(1)),
            (Code::ResourceExhausted, vec![0xff; 9], false, None),
            (Code::DeadlineExceeded, Vec::new(), true, None),
            (Code::Unauthenticated, Vec::new(), false, None),
            (Code::InvalidArgument, Vec::new(), false, None),
            (Code::Internal, Vec::new(), false, None),
        ] {
            let refusal = Refusal::of_status(&Status::with_details(code, "no", details.into()));
            assert_eq!((refusal.again, refusal.after), (again, wait), "{code:?}");
        }
        for (status, header, again, wait) in [
            (503, Some("7"), true, Some(7)),
            (429, None, true, None),
            (502, Some("soon"), true, None),
            (504, Some("9999"), true, Some(60)),
            (500, Some("7"), false, Some(7)),
            (400, None, false, None),
            (401, None, false, None),
        ] {
            let refusal = Refusal::of_response(http::StatusCode::from_u16(status).unwrap(), header);
            assert_eq!((refusal.again, refusal.after), (again, wait.map(Duration::from_secs)), "{status}");
        }
    }
}

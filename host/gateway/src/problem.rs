//! What a caller reads when something fails: problem details (RFC 9457), and the one table from fault to status.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use patchbay_control::Step;
use patchbay_model::{CallId, Fault, FaultKind, Reply, full_body};
use serde::Serialize;
use utoipa::ToSchema;

/// The media type of a problem.
const MEDIA_TYPE: HeaderValue = HeaderValue::from_static("application/problem+json");

/// A problem as the caller reads it (RFC 9457). It never says what only the operator may know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Problem {
    /// What kind of problem it is: a URN that stays the same, for programs to compare.
    #[serde(rename = "type")]
    #[schema(example = "urn:patchbay:fault:not-found")]
    pub kind: &'static str,
    /// The kind in words.
    #[schema(example = "Not found")]
    pub title: &'static str,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// What happened this time, and what to do about it.
    #[schema(example = "no service answers at this address")]
    pub detail: String,
    /// The call it happened to, as a URN. The log of the host has the same number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "urn:patchbay:call:00000000000000a7")]
    pub instance: Option<String>,
    /// The step at which a change failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "compile")]
    pub step: Option<&'static str>,
}

/// How one kind of fault is told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) urn: &'static str,
    pub(crate) status: u16,
    pub(crate) title: &'static str,
    /// Seconds after which to try again.
    pub(crate) retry_after: Option<&'static str>,
}

const fn entry(urn: &'static str, status: u16, title: &'static str) -> Entry {
    Entry { urn, status, title, retry_after: None }
}

impl Entry {
    /// What fails now may go well in a moment.
    const fn soon_again(mut self) -> Self {
        self.retry_after = Some("1");
        self
    }
}

/// The table. Without a wildcard, so that a new kind of fault is decided on here.
pub(crate) const fn entry_of(kind: FaultKind) -> Entry {
    match kind {
        FaultKind::NotFound => entry("urn:patchbay:fault:not-found", 404, "Not found"),
        FaultKind::MethodNotAllowed => entry("urn:patchbay:fault:method-not-allowed", 405, "Method not allowed"),
        FaultKind::Unauthenticated => entry("urn:patchbay:fault:unauthenticated", 401, "Credential required"),
        FaultKind::Denied => entry("urn:patchbay:fault:denied", 403, "Caller not allowed"),
        FaultKind::Invalid => entry("urn:patchbay:fault:invalid", 400, "Invalid request"),
        FaultKind::TooLarge => entry("urn:patchbay:fault:too-large", 413, "Request too large"),
        FaultKind::Deadline => entry("urn:patchbay:fault:deadline", 504, "Deadline passed"),
        FaultKind::Overloaded => entry("urn:patchbay:fault:overloaded", 503, "Service overloaded").soon_again(),
        FaultKind::RateLimited => entry("urn:patchbay:fault:rate-limited", 429, "Too many calls").soon_again(),
        FaultKind::Unavailable => entry("urn:patchbay:fault:unavailable", 503, "Service unavailable").soon_again(),
        FaultKind::Exhausted => entry("urn:patchbay:fault:exhausted", 500, "Service out of resources"),
        FaultKind::Trapped => entry("urn:patchbay:fault:trapped", 500, "Service broke off"),
        FaultKind::Failed => entry("urn:patchbay:fault:failed", 502, "Service gave no valid answer"),
        FaultKind::Loop => entry("urn:patchbay:fault:loop", 508, "Loop of calls"),
        FaultKind::Cancelled => entry("urn:patchbay:fault:cancelled", 499, "Call cancelled"),
        FaultKind::Internal => entry("urn:patchbay:fault:internal", 500, "Host failed"),
    }
}

/// A call as problems name it.
fn urn_of(call: CallId) -> String {
    format!("urn:patchbay:call:{call}")
}

impl Problem {
    /// A problem of the host's own interface, which is no fault of a call.
    pub(crate) fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, title, status: status.as_u16(), detail: detail.into(), instance: None, step: None }
    }

    /// The problem of a change that failed at `step`.
    #[must_use]
    pub(crate) fn at(mut self, step: Option<Step>) -> Self {
        self.step = step.map(Step::name);
        self
    }

    /// What the caller may read of a fault.
    pub(crate) fn of(fault: &Fault, call: CallId) -> Self {
        let entry = entry_of(fault.kind());
        Self {
            kind: entry.urn,
            title: entry.title,
            status: entry.status,
            detail: fault.public().to_owned(),
            instance: Some(urn_of(call)),
            step: None,
        }
    }

    /// The same problem, as one of `call`.
    #[must_use]
    pub(crate) fn of_call(mut self, call: CallId) -> Self {
        self.instance = Some(urn_of(call));
        self
    }

    /// The status as hyper knows it.
    pub(crate) fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The problem as JSON.
    pub(crate) fn to_json(&self) -> Bytes {
        // Strings and one number cannot fail to be JSON.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// The problem as a reply.
    pub(crate) fn into_reply(self) -> Reply {
        let mut reply = Reply::new(full_body(self.to_json()));
        *reply.status_mut() = self.status_code();
        reply.headers_mut().insert(header::CONTENT_TYPE, MEDIA_TYPE);
        // What failed once need not fail again.
        reply.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        reply
    }
}

/// Marks the reply that tells of a fault, for those in the host who must not take it for one of a service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Faulted {
    /// The kind of the fault.
    pub(crate) kind: FaultKind,
    /// Whether no instance has begun to work on the call.
    pub(crate) unprocessed: bool,
}

/// The reply to a call that failed.
pub(crate) fn reply_to(fault: &Fault, call: CallId) -> Reply {
    let mut reply = Problem::of(fault, call).into_reply();
    let usual = entry_of(fault.kind()).retry_after.map(HeaderValue::from_static);
    // Whole seconds, and never too early.
    let known = fault.retry_after().map(|wait| HeaderValue::from(wait.as_millis().div_ceil(1000).max(1) as u64));
    if let Some(seconds) = known.or(usual) {
        reply.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    reply.extensions_mut().insert(Faulted { kind: fault.kind(), unprocessed: fault.is_unprocessed() });
    reply
}

#[cfg(test)]
mod tests;

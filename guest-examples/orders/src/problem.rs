//! Replies that say what went wrong, as `application/problem+json` (RFC 9457).

use serde_json::json;

use crate::api::Reply;

/// A problem with the given status; `detail` is for the person who reads it.
pub(crate) fn reply(status: u16, detail: &str) -> Reply {
    let title = match status {
        400 => "Bad Request",
        402 => "Payment Required",
        404 => "Not Found",
        405 => "Method Not Allowed",
        409 => "Conflict",
        413 => "Content Too Large",
        422 => "Unprocessable Content",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Error",
    };
    let problem = json!({ "title": title, "status": status, "detail": detail });
    Reply { status, kind: "application/problem+json", header: None, body: problem.to_string().into_bytes() }
}

/// The problem of what may be tried again soon.
pub(crate) fn later(detail: &str) -> Reply {
    Reply { header: Some(("retry-after", "1".to_owned())), ..reply(503, detail) }
}

/// The problem of a method that this path does not have.
pub(crate) fn method_not_allowed(allowed: &str) -> Reply {
    let problem = reply(405, &format!("this path answers to {allowed}"));
    Reply { header: Some(("allow", allowed.to_owned())), ..problem }
}

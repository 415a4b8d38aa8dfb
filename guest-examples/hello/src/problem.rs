//! What went wrong with a request.

use serde_json::json;

/// An answer that says what went wrong, as `application/problem+json` (RFC 9457).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    /// One more header, besides `content-type`.
    pub(crate) header: Option<(&'static str, &'static str)>,
    /// What is wrong, for the person who reads it.
    pub(crate) detail: String,
}

impl Problem {
    pub(crate) fn new(status: u16, detail: String) -> Self {
        Self { status, header: None, detail }
    }

    /// The path does not have the method of the request.
    pub(crate) fn not_allowed(allow: &'static str) -> Self {
        Self { header: Some(("allow", allow)), ..Self::new(405, format!("this path answers to {allow}")) }
    }

    /// Trying again soon may help.
    pub(crate) fn later(detail: String) -> Self {
        Self { header: Some(("retry-after", "1")), ..Self::new(503, detail) }
    }

    /// The body.
    pub(crate) fn json(&self) -> String {
        json!({ "status": self.status, "detail": self.detail }).to_string()
    }
}

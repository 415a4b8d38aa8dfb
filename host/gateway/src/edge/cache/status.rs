//! What a cache did with a request, as its caller reads it (RFC 9211).

use http::{HeaderMap, HeaderName, HeaderValue};

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Why a request was taken to the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Forward {
    /// The cache does not answer such requests.
    Bypass,
    /// The cache does not answer requests with this method.
    Method,
    /// Nothing is kept of this URI.
    Miss,
    /// Only what other fields of the header have led to is kept of it.
    Varied,
    /// The caller wanted it.
    Request,
    /// What is kept was too old.
    Stale,
}

/// What the cache did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    /// It answered.
    Hit {
        /// For how many seconds more the reply is fresh.
        ttl: i64,
        /// Whether it waited for the request of somebody else.
        collapsed: bool,
    },
    /// The service was asked.
    Forwarded {
        why: Forward,
        /// What the service said, where that is not the status of the reply.
        status: Option<u16>,
        /// Whether the reply is kept.
        stored: bool,
    },
}

/// Adds a line about this cache, behind those of others that are further away from the caller.
pub(super) fn note(headers: &mut HeaderMap, status: Status) {
    let text = match status {
        Status::Hit { ttl, collapsed: false } => format!("patchbay; hit; ttl={ttl}"),
        Status::Hit { collapsed: true, .. } => "patchbay; fwd=uri-miss; collapsed".to_owned(),
        Status::Forwarded { why, status, stored } => {
            let status = status.map_or(String::new(), |status| format!("; fwd-status={status}"));
            let stored = if stored { "; stored" } else { "" };
            format!("patchbay; fwd={}{status}{stored}", why.name())
        }
    };
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.append(CACHE_STATUS, value);
    }
}

impl Forward {
    /// All of them, in the order of their declaration.
    pub(super) const ALL: [Self; 6] =
        [Self::Bypass, Self::Method, Self::Miss, Self::Varied, Self::Request, Self::Stale];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Method => "method",
            Self::Miss => "uri-miss",
            Self::Varied => "vary-miss",
            Self::Request => "request",
            Self::Stale => "stale",
        }
    }
}

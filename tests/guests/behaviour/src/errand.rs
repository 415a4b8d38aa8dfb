//! What a probing guest asks of others.

use crate::query::Query;
use crate::target::Target;

/// A request to send, and how long to wait for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errand {
    /// Where it goes.
    pub target: Target,
    /// Nanoseconds until there is a connection.
    pub connect: Option<u64>,
    /// Nanoseconds until the reply begins.
    pub first_byte: Option<u64>,
    /// Nanoseconds between parts of the reply.
    pub between_bytes: Option<u64>,
}

impl Errand {
    /// The same for another path.
    pub(crate) fn to_path(mut self, path: &str) -> Self {
        path.clone_into(&mut self.target.path);
        self
    }

    /// Reads `url=URL&connect=MS&first=MS&between=MS`; only the address is required.
    pub(crate) fn parse(query: &Query) -> Option<Self> {
        let wait = |key| query.text(key).and_then(|ms| ms.parse().ok()).map(|ms: u64| ms.saturating_mul(1_000_000));
        Some(Self {
            target: query.text("url").and_then(Target::parse)?,
            connect: wait("connect"),
            first_byte: wait("first"),
            between_bytes: wait("between"),
        })
    }
}

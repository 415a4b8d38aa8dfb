//! What was answered to a request, as far as it is compared.

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use patchbay_model::{Digest, FaultKind, Reply};

use super::tally::MirroredAnswer;

/// Bytes of a body that a sample shows.
const SHOWN: usize = 256;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// A reply with this status; its body, if it was complete and not larger than what is kept.
    Status(u16, Option<Bytes>),
    /// None: the call ended in a fault.
    Fault(FaultKind),
}

impl Answer {
    /// Reads a reply whole, up to `limit` bytes.
    pub(super) async fn read(reply: Reply, limit: u64) -> Self {
        let status = reply.status().as_u16();
        let limited = Limited::new(reply.into_body(), usize::try_from(limit).unwrap_or(usize::MAX));
        Self::Status(status, limited.collect().await.ok().map(http_body_util::Collected::to_bytes))
    }

    /// What a sample shows of it; how its body begins only if `show_body`.
    pub(super) fn shown(&self, show_body: bool) -> MirroredAnswer {
        match self {
            Self::Fault(kind) => MirroredAnswer { fault: Some(*kind), ..MirroredAnswer::default() },
            Self::Status(status, body) => {
                let begins = body.as_ref().filter(|_| show_body).map(|body| {
                    let (beginning, _) = body.split_at(body.len().min(SHOWN));
                    String::from_utf8_lossy(beginning).into_owned()
                });
                MirroredAnswer {
                    status: Some(*status),
                    fault: None,
                    size: body.as_ref().map(|body| body.len() as u64),
                    digest: body.as_ref().map(|body| Digest::of(body)),
                    begins,
                }
            }
        }
    }
}

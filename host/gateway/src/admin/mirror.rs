//! What came of mirrored requests, as operators see it.

use patchbay_control::{MirrorSample, MirrorView, MirroredAnswer};
use serde::Serialize;
use utoipa::ToSchema;

/// What is mirrored, and how the answers compare.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Mirror {
    /// The revision or the service that gets the requests.
    #[schema(example = "orders@5")]
    to: String,
    /// The share of requests that is mirrored.
    #[schema(example = "10%")]
    share: String,
    /// Requests that were answered alike, by status and by body.
    same: u64,
    /// Requests that were answered with another status, or by one side only.
    status_differs: u64,
    /// Requests that were answered with the same status and another body.
    body_differs: u64,
    /// Requests that were answered with the same status, and a body that broke off or is too large to be compared.
    uncompared: u64,
    /// Requests in the share that were not mirrored: too large, broken off, or too many at a time.
    left_out: u64,
    /// The first requests that were answered differently.
    samples: Vec<Difference>,
}

/// A request that was answered differently.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Difference {
    /// The live call.
    #[schema(example = "00000000000000a7")]
    call: String,
    /// The mirrored call.
    mirrored_call: String,
    /// The method of the request.
    #[schema(example = "GET")]
    method: String,
    /// Its path, without the query.
    path: String,
    /// What the caller got.
    live: DifferentAnswer,
    /// What nobody got.
    mirrored: DifferentAnswer,
}

/// One of two answers that differ.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DifferentAnswer {
    /// The status, if there was a reply.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    /// The kind of the fault, if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "trapped")]
    fault: Option<&'static str>,
    /// Size of the body in bytes, if it was read to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    /// Digest of the body, if it was read to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// How the body begins, if `mirror.show_bodies` says that it may be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    begins: Option<String>,
}

impl From<MirrorView> for Mirror {
    fn from(view: MirrorView) -> Self {
        let MirrorView { to, share, same, status_differs, body_differs, uncompared, left_out, samples } = view;
        let (share, samples) = (share.to_string(), samples.into_iter().map(Difference::from).collect());
        Self { to, share, same, status_differs, body_differs, uncompared, left_out, samples }
    }
}

impl From<MirrorSample> for Difference {
    fn from(sample: MirrorSample) -> Self {
        Self {
            call: sample.call.to_string(),
            mirrored_call: sample.mirrored_call.to_string(),
            method: sample.method.to_string(),
            path: sample.path,
            live: sample.live.into(),
            mirrored: sample.mirrored.into(),
        }
    }
}

impl From<MirroredAnswer> for DifferentAnswer {
    fn from(answer: MirroredAnswer) -> Self {
        let MirroredAnswer { status, fault, size, digest, begins } = answer;
        let digest = digest.map(|digest| digest.to_string());
        Self { status, fault: fault.map(patchbay_model::FaultKind::name), size, digest, begins }
    }
}

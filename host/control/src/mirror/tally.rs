//! How answers to mirrored requests compare with those to the live ones: counts, and the first that differ.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use http::Method;
use patchbay_model::traffic::TrafficShare;
use patchbay_model::{CallId, Digest, FaultKind};

use super::answer::Answer;

/// Samples that are kept.
const SAMPLES: usize = 8;

/// Counts, and samples.
#[derive(Debug, Default)]
pub(super) struct Tally {
    same: AtomicU64,
    status_differs: AtomicU64,
    body_differs: AtomicU64,
    uncompared: AtomicU64,
    left_out: AtomicU64,
    samples: Mutex<Vec<MirrorSample>>,
}

/// What is mirrored, and what came of it, seen from outside.
#[derive(Debug, Clone)]
pub struct MirrorView {
    /// The revision or the service that gets the requests.
    pub to: String,
    /// The share of requests that is mirrored.
    pub share: TrafficShare,
    /// Requests that were answered alike, by status and by body.
    pub same: u64,
    /// Requests that were answered with another status, or by one side only.
    pub status_differs: u64,
    /// Requests that were answered with the same status and another body.
    pub body_differs: u64,
    /// Requests that were answered with the same status, and a body that broke off or is too large to be compared.
    pub uncompared: u64,
    /// Requests in the share that were not mirrored: too large, broken off, too many at a time, or while the host is
    /// saturated.
    pub left_out: u64,
    /// The first requests that were answered differently.
    pub samples: Vec<MirrorSample>,
}

/// A request that was answered differently.
#[derive(Debug, Clone)]
pub struct MirrorSample {
    /// The live call.
    pub call: CallId,
    /// The mirrored call.
    pub mirrored_call: CallId,
    /// Its method.
    pub method: Method,
    /// Its path, without the query.
    pub path: String,
    /// What the caller got.
    pub live: MirroredAnswer,
    /// What nobody got.
    pub mirrored: MirroredAnswer,
}

/// One of two answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MirroredAnswer {
    /// The status, if there was a reply.
    pub status: Option<u16>,
    /// The fault, if there was none.
    pub fault: Option<FaultKind>,
    /// Size of the body in bytes, if it was read to its end.
    pub size: Option<u64>,
    /// Digest of the body, if it was read to its end.
    pub digest: Option<Digest>,
    /// How the body begins, if samples show it.
    pub begins: Option<String>,
}

impl Tally {
    /// Counts a request that was not mirrored.
    pub(super) fn left_out(&self) {
        self.left_out.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts how two answers compare. `sample` is what is kept of the request if they differ.
    pub(super) fn compare(
        &self,
        live: &Answer,
        mirrored: &Answer,
        show_bodies: bool,
        sample: impl FnOnce() -> MirrorSample,
    ) {
        let count = match (live, mirrored) {
            (Answer::Status(one, body), Answer::Status(other, other_body)) if one == other => {
                match (body, other_body) {
                    (Some(body), Some(other)) if body == other => &self.same,
                    (Some(_), Some(_)) => &self.body_differs,
                    _ => &self.uncompared,
                }
            }
            (Answer::Fault(one), Answer::Fault(other)) if one == other => &self.same,
            _ => &self.status_differs,
        };
        count.fetch_add(1, Ordering::Relaxed);
        if std::ptr::eq(count, &raw const self.same) || std::ptr::eq(count, &raw const self.uncompared) {
            return;
        }
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() < SAMPLES {
            let (live, mirrored) = (live.shown(show_bodies), mirrored.shown(show_bodies));
            samples.push(MirrorSample { live, mirrored, ..sample() });
        }
    }

    pub(super) fn view(&self, to: String, share: TrafficShare) -> MirrorView {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        MirrorView {
            to,
            share,
            same: read(&self.same),
            status_differs: read(&self.status_differs),
            body_differs: read(&self.body_differs),
            uncompared: read(&self.uncompared),
            left_out: read(&self.left_out),
            samples: self.samples.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

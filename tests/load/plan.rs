//! When to begin measuring, and when to stop: at a time, or after a number of requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

/// What all connections go by.
#[derive(Clone)]
pub(crate) struct Plan {
    /// The end of the warm-up.
    pub(crate) begin: Instant,
    /// When no request is sent or counted any more.
    pub(crate) end: Instant,
    left: Arc<AtomicU64>,
}

impl Plan {
    /// A plan that begins now, with the warm-up.
    pub(crate) fn new(warm_up: f64, seconds: f64, requests: u64) -> Self {
        let begin = Instant::now() + Duration::from_secs_f64(warm_up);
        let end = begin + Duration::from_secs_f64(seconds);
        Self { begin, end, left: Arc::new(AtomicU64::new(requests)) }
    }

    /// Whether another request is to be sent. After the warm-up, each of them is one of the number to send.
    pub(crate) fn goes_on(&self, now: Instant) -> bool {
        now < self.begin
            || now < self.end && self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    /// Whether an answer that came at this time counts.
    pub(crate) fn measures(&self, answered: Instant) -> bool {
        (self.begin..self.end).contains(&answered)
    }
}

//! In which traces something failed of late: as many as have a place, of which a newer one takes that of an older one.

use std::sync::atomic::{AtomicU64, Ordering};

use patchbay_model::trace::TraceId;

/// Traces that are remembered, at most.
const PLACES: usize = 1024;

/// Traces in which something failed.
#[derive(Debug)]
pub(super) struct Marks(Box<[AtomicU64]>);

impl Default for Marks {
    fn default() -> Self {
        Self((0..PLACES).map(|_| AtomicU64::new(0)).collect())
    }
}

impl Marks {
    /// Something failed in this trace.
    pub(super) fn set(&self, trace: TraceId) {
        if let Some(place) = self.place(trace) {
            place.store(trace.low(), Ordering::Relaxed);
        }
    }

    /// Whether something failed in it.
    pub(super) fn has(&self, trace: TraceId) -> bool {
        self.place(trace).is_some_and(|place| place.load(Ordering::Relaxed) == trace.low() && trace.low() != 0)
    }

    fn place(&self, trace: TraceId) -> Option<&AtomicU64> {
        // Not the last bytes alone: ids of others may have anything there.
        let number = trace.low() ^ trace.low() >> 32;
        self.0.get(usize::try_from(number % PLACES as u64).unwrap_or(0))
    }
}

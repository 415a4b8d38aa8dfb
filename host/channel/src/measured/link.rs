//! What is measured of the calls of one caller of one service.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use patchbay_model::FaultKind;
use patchbay_model::metrics::{Exemplar, HistogramReading, MEASURED};
use tokio::time::Instant;

use super::histogram::Histogram;

/// The calls of a link.
#[derive(Debug, Default)]
pub struct Measures {
    /// How long they took until there was an answer, or a fault. All calls are in it, so that there is one count less.
    durations: Histogram,
    faults: [AtomicU64; FaultKind::ALL.len()],
    error_replies: AtomicU64,
}

/// What was measured up to now.
#[derive(Debug, Clone, PartialEq)]
pub struct LinkReading {
    /// How long calls took until there was an answer, or a fault. Its count is that of all calls.
    pub durations: HistogramReading,
    /// Calls that ended in a fault, those that their caller gave up among them: the kinds that there were.
    pub faults: Vec<(FaultKind, u64)>,
    /// Calls that were answered with an HTTP status from 500 on.
    pub error_replies: u64,
}

impl Measures {
    /// A call ended like this.
    pub(super) fn ended(&self, took: Duration, outcome: Result<Option<u16>, FaultKind>) {
        if !MEASURED {
            return;
        }
        self.durations.count(took);
        match outcome {
            Ok(status) if status.is_some_and(|status| status >= 500) => {
                self.error_replies.fetch_add(1, Ordering::Relaxed);
            }
            Ok(_) => {}
            Err(kind) => {
                if let Some(count) = self.faults.get(kind as usize) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    }

    /// Keeps a call that ended as an example.
    pub fn illustrate(&self, exemplar: Exemplar) {
        self.durations.illustrate(exemplar);
    }

    /// All that was measured.
    pub fn read(&self) -> LinkReading {
        let faults = FaultKind::ALL.into_iter().zip(self.faults.iter().map(|count| count.load(Ordering::Relaxed)));
        LinkReading {
            durations: self.durations.read(),
            faults: faults.filter(|(_, count)| *count > 0).collect(),
            error_replies: self.error_replies.load(Ordering::Relaxed),
        }
    }
}

/// A call that is being measured. If it is dropped before its end, its caller gave it up.
#[derive(Debug)]
pub(crate) struct Measuring<'a> {
    measures: &'a Measures,
    begun: Instant,
    over: bool,
}

impl<'a> Measuring<'a> {
    /// A call that arrived at `begun`.
    pub(crate) const fn new(measures: &'a Measures, begun: Instant) -> Self {
        Self { measures, begun, over: false }
    }

    /// It ended at `now`: with a reply, and its HTTP status if it has one, or with a fault. How long it took, and where that
    /// stands.
    pub(crate) fn ended(&mut self, now: Instant, outcome: Result<Option<u16>, FaultKind>) -> (Duration, &'a Measures) {
        self.over = true;
        let took = now.saturating_duration_since(self.begun);
        self.measures.ended(took, outcome);
        (took, self.measures)
    }
}

impl Drop for Measuring<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.measures.ended(self.begun.elapsed(), Err(FaultKind::Cancelled));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_call_is_measured_once_however_it_ends() {
        let measures = Measures::default();
        let measuring = || Measuring::new(&measures, Instant::now());
        let (mut answered, mut erred, mut failed) = (measuring(), measuring(), measuring());
        let forsaken = measuring();
        tokio::time::advance(Duration::from_millis(20)).await;
        let now = Instant::now();
        assert_eq!(answered.ended(now, Ok(Some(499))).0, Duration::from_millis(20));
        erred.ended(now, Ok(Some(500)));
        failed.ended(now, Err(FaultKind::Trapped));
        drop((answered, erred, failed, forsaken));
        let reading = measures.read();
        assert_eq!((reading.durations.count(), reading.error_replies), (4, 1));
        assert_eq!(reading.faults, [(FaultKind::Trapped, 1), (FaultKind::Cancelled, 1)]);
        assert!((reading.durations.sum - 0.08).abs() < 1e-9);
    }
}

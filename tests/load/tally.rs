//! What came of requests: the latencies of those that were answered, and why the others were not.

use std::collections::BTreeMap;
use std::io::{Error, Result};
use std::time::Duration;

use hdrhistogram::Histogram;

/// Reasons that are told apart; what fails otherwise is counted with the last.
const REASONS: usize = 16;

/// A count of requests.
pub(crate) struct Tally {
    latencies: Histogram<u64>,
    failures: BTreeMap<String, u64>,
    /// When each answered request was sent, and its latency, in microseconds; if that is wanted.
    timeline: Option<Vec<[u32; 2]>>,
}

impl Tally {
    /// Microseconds up to a minute, to three digits; and each of them, if `timeline` is wanted.
    pub(crate) fn new(timeline: bool) -> Result<Self> {
        let latencies = Histogram::new_with_bounds(1, 60_000_000, 3).map_err(Error::other)?;
        Ok(Self { latencies, failures: BTreeMap::new(), timeline: timeline.then(Vec::new) })
    }

    /// Counts a request that was answered. `sent` is the time since measuring began.
    pub(crate) fn answer(&mut self, sent: Duration, latency: Duration) {
        let micros = |duration: Duration| u32::try_from(duration.as_micros()).unwrap_or(u32::MAX);
        self.latencies.saturating_record(micros(latency).max(1).into());
        if let Some(timeline) = &mut self.timeline {
            timeline.push([micros(sent), micros(latency)]);
        }
    }

    /// Counts a request that failed.
    pub(crate) fn failure(&mut self, error: &Error) {
        self.fail(error.to_string(), 1);
    }

    fn fail(&mut self, reason: String, count: u64) {
        if self.failures.len() < REASONS || self.failures.contains_key(&reason) {
            *self.failures.entry(reason).or_default() += count;
        } else if let Some(mut last) = self.failures.last_entry() {
            *last.get_mut() += count;
        }
    }

    /// Adds what another one counted.
    pub(crate) fn add(&mut self, other: &Self) -> Result<()> {
        for (reason, count) in &other.failures {
            self.fail(reason.clone(), *count);
        }
        if let (Some(timeline), Some(other)) = (&mut self.timeline, &other.timeline) {
            timeline.extend_from_slice(other);
        }
        self.latencies.add(&other.latencies).map_err(Error::other)
    }

    /// Requests that were answered with success.
    pub(crate) fn answered(&self) -> u64 {
        self.latencies.len()
    }

    /// Requests that failed.
    pub(crate) fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// Why requests failed, and how many for each reason.
    pub(crate) fn failures(&self) -> &BTreeMap<String, u64> {
        &self.failures
    }

    /// The timeline as bytes: two little-endian 32-bit numbers for each answered request, in no order.
    pub(crate) fn timeline(&self) -> Vec<u8> {
        self.timeline.iter().flatten().flatten().flat_map(|number| number.to_le_bytes()).collect()
    }

    /// The latency that this share of the answers did not exceed, in microseconds.
    pub(crate) fn quantile(&self, share: f64) -> u64 {
        self.latencies.value_at_quantile(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tallies_add_up_and_no_failure_is_lost() {
        let mut sum = Tally::new(true).unwrap();
        for part in 0..20 {
            let mut tally = Tally::new(true).unwrap();
            tally.answer(Duration::from_micros(258), Duration::from_micros(1000));
            tally.failure(&Error::other(format!("reason {part:02}")));
            sum.add(&tally).unwrap();
        }
        assert_eq!((sum.answered(), sum.failed(), sum.failures().len()), (20, 20, REASONS));
        assert_eq!(sum.quantile(0.5), 1000);
        assert_eq!(sum.timeline(), [2, 1, 0, 0, 232, 3, 0, 0].repeat(20));
    }
}

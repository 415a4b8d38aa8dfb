//! Names of traces and spans: a counter, stirred with what is random in this run of the host.

use patchbay_model::trace::{SpanContext, SpanId, TraceFlags, TraceId};
use patchbay_striped::Numbers;

use crate::chance::chance;

/// Gives names. Each comes once in a run, and looks random.
#[derive(Debug)]
pub(super) struct Ids {
    high: u64,
    low: u64,
    span: u64,
    numbers: Numbers,
}

/// What one step of SplitMix64 adds to its seed, so that the numbers of a seed have the whole period.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Ids {
    pub(super) fn new(seed: u64) -> Self {
        Self { high: chance(seed, 1), low: chance(seed, 2), span: chance(seed, 3), numbers: Numbers::default() }
    }

    /// The name of a span.
    pub(super) fn span(&self) -> SpanId {
        loop {
            if let Some(span) = SpanId::new(nth(self.span, self.count())) {
                return span;
            }
        }
    }

    /// The names of a trace and its first span. It is not sampled yet.
    pub(super) fn root(&self) -> SpanContext {
        loop {
            let count = self.count();
            let trace = u128::from(nth(self.high, count)) << 64 | u128::from(nth(self.low, count));
            if let (Some(trace), Some(span)) = (TraceId::new(trace), SpanId::new(nth(self.span, count))) {
                return SpanContext { trace, span, flags: TraceFlags::RANDOM, state: None };
            }
        }
    }

    fn count(&self) -> u64 {
        self.numbers.next()
    }
}

/// The `count`th number of a seed. Different counts have different numbers.
const fn nth(seed: u64, count: u64) -> u64 {
    chance(seed.wrapping_add(count.wrapping_mul(STEP)), 0)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_come_once_and_look_random() {
        let ids = Ids::new(7);
        let roots: Vec<_> = (0..10_000).map(|_| ids.root()).collect();
        let spans: HashSet<_> = roots.iter().map(|root| root.span).chain((0..10_000).map(|_| ids.span())).collect();
        let traces: HashSet<_> = roots.iter().map(|root| root.trace.low() >> 8).collect();
        assert_eq!((spans.len(), traces.len()), (20_000, 10_000));
        for bit in 0..128 {
            let set = roots.iter().filter(|root| root.trace.number() >> bit & 1 == 1).count();
            assert!((4_700..5_300).contains(&set), "bit {bit} is set in {set} of 10,000");
        }
        assert_ne!(Ids::new(8).root().trace, Ids::new(7).root().trace);
    }
}

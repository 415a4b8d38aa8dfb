//! What became of what was to be sent, as metrics.

use std::sync::{Arc, Mutex, PoisonError};

use patchbay_model::metrics::{Collected, Counter, Family, MetricSource};
use patchbay_model::ports::BoxFuture;

use super::Signal;
use super::outbox::{OutboxCounts, Tally};

static ITEMS: Family<Counter, 2> = Family::new(
    "patchbay_otlp_items",
    "Spans, log records and collections of metrics that were to go to a collector, by what became of them.",
    ["signal", "outcome"],
);

/// The tallies of all outboxes. There are as many as there are signals.
#[derive(Debug, Clone, Default)]
pub(super) struct Tallies(Arc<Mutex<Vec<Told>>>);

/// The tally of an outbox, and what goes through it.
type Told = (Signal, Arc<Tally>);

impl Tallies {
    pub(super) fn add(&self, signal: Signal, tally: Arc<Tally>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((signal, tally));
    }
}

impl MetricSource for Tallies {
    fn collect<'a>(&'a self, into: &'a mut Collected) -> BoxFuture<'a, ()> {
        into.declare(&ITEMS);
        for (signal, tally) in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let OutboxCounts { sent, dropped, refused } = tally.read();
            for (outcome, count) in [("sent", sent), ("dropped", dropped), ("refused", refused)] {
                into.add(&ITEMS, [signal.name(), outcome], count);
            }
        }
        Box::pin(std::future::ready(()))
    }
}

//! What control counts besides what the channel counts: what happened to services, how long changes take, and messages.

mod events;
mod topics;

use patchbay_channel::Histogram;

use crate::change::Step;

pub(crate) use events::EventCounts;
pub(crate) use topics::{TopicTallies, TopicTally};

/// Everything that control counts, for as long as the host runs.
#[derive(Debug, Default)]
pub(crate) struct ControlMeasured {
    pub(crate) events: EventCounts,
    /// How long steps of changes took, those that failed among them.
    steps: [Histogram; Step::ALL.len()],
    /// How long it took to put a snapshot in the place of the one before.
    pub(crate) switches: Histogram,
    pub(crate) topics: TopicTallies,
}

impl ControlMeasured {
    /// How long steps of this kind took.
    pub(crate) fn step(&self, step: Step) -> Option<&Histogram> {
        self.steps.get(step as usize)
    }
}

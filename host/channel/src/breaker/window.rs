//! What became of the calls of late: a window that slides over them in ten steps.

use patchbay_model::policy::{BreakerSettings, Share};
use patchbay_striped::Striped;
use tokio::time::Instant;

use crate::recent::{Recent, TICKS};

/// The calls of a window, by how they ended.
#[derive(Debug)]
pub(super) struct Window {
    base: Instant,
    /// How long a step is, in nanoseconds.
    step: u128,
    success_rate: Share,
    min_calls: u64,
    successes: Striped<Recent>,
    failures: Recent,
}

impl Window {
    /// A window that has seen nothing.
    pub(super) fn new(settings: &BreakerSettings) -> Self {
        Self {
            base: Instant::now(),
            step: (settings.window.as_nanos() / u128::from(TICKS)).max(1),
            success_rate: settings.success_rate,
            min_calls: settings.min_calls.into(),
            successes: Striped::default(),
            failures: Recent::default(),
        }
    }

    /// Counts a call that succeeded.
    pub(super) fn success(&self, now: Instant) {
        self.successes.own().add(self.tick(now));
    }

    /// Counts a call that failed. `true` if too small a share of those in the window succeeded.
    pub(super) fn failure(&self, now: Instant) -> bool {
        let tick = self.tick(now);
        self.failures.add(tick);
        let successes = self.successes.iter().map(|successes| successes.sum(tick)).sum::<u64>();
        let calls = successes + self.failures.sum(tick);
        calls >= self.min_calls && !self.success_rate.is_met_by(successes, calls)
    }

    /// Begins anew, so that what opened the breaker once does not do so again when it has closed.
    pub(super) fn forget(&self) {
        self.successes.iter().for_each(Recent::clear);
        self.failures.clear();
    }

    fn tick(&self, now: Instant) -> u32 {
        let steps = now.saturating_duration_since(self.base).as_nanos() / self.step;
        u32::try_from(steps).unwrap_or(u32::MAX)
    }
}

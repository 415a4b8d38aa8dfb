//! When a revision that keeps failing is left alone.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DAY, Judge, Share};
use crate::units;

/// When the circuit breaker of a revision opens, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BreakerSettings {
    /// Failures in a row that open it; 0: however many.
    pub failures: u32,
    /// It opens when a smaller share of the calls in `window` succeeds; 0%: however small.
    pub success_rate: Share,
    /// The time that `success_rate` looks back.
    #[serde(with = "units::duration")]
    pub window: Duration,
    /// Calls that `window` has to have seen for `success_rate` to say anything.
    pub min_calls: u32,
    /// How long it is open the first time; each time after a probe that failed is twice as long.
    #[serde(with = "units::duration")]
    pub open: Duration,
    /// What that does not grow beyond.
    #[serde(with = "units::duration")]
    pub max_open: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self {
            failures: 7,
            success_rate: Share::NONE,
            window: Duration::from_secs(10),
            min_calls: 20,
            open: Duration::from_secs(1),
            max_open: Duration::from_secs(60),
        }
    }
}

impl BreakerSettings {
    pub(crate) fn judge(&self, judge: &mut Judge<'_>) {
        for (key, value) in [("breaker.failures", self.failures), ("breaker.min_calls", self.min_calls)] {
            judge.require(value <= 1_000_000, key, "must be at most 1000000");
        }
        for (key, value) in
            [("breaker.window", self.window), ("breaker.open", self.open), ("breaker.max_open", self.max_open)]
        {
            let possible = value >= Duration::from_millis(10) && value <= DAY;
            judge.require(possible, key, "must lie between 10ms and 24h");
        }
        judge.require(self.open <= self.max_open, "breaker.open", "must not be longer than `max_open`");
    }
}

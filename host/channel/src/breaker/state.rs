//! The phases of a breaker, and what leads from one to the next: a function of what happened and of the time.

use std::time::Duration;

use patchbay_model::policy::BreakerSettings;
use tokio::time::Instant;

use super::BreakerStatus;
use crate::chance::chance;

/// Where a breaker stands.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Failures since the last success.
    failures: u32,
    /// How often it opened since the last success.
    openings: u32,
    phase: Phase,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Calls go through.
    #[default]
    Closed,
    /// None does until then.
    Open(Instant),
    /// One does, the probe, and the others wait for it.
    HalfOpen,
}

/// Whether a call may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Ordinary,
    /// As the probe.
    Probe,
    Refused {
        failures: u32,
        remaining: Duration,
    },
}

impl State {
    pub(super) fn admit(&mut self, now: Instant) -> Admission {
        match self.phase {
            Phase::Closed => Admission::Ordinary,
            Phase::Open(until) if until <= now => {
                self.phase = Phase::HalfOpen;
                Admission::Probe
            }
            Phase::Open(until) => Admission::Refused { failures: self.failures, remaining: until - now },
            Phase::HalfOpen => Admission::Refused { failures: self.failures, remaining: Duration::ZERO },
        }
    }

    /// A call failed; for how long the breaker opens with it, if it does. `too_few`: whether too small a share of the
    /// calls of late succeeded. Calls that began before it opened do not keep it open for longer.
    pub(super) fn failure(
        &mut self,
        settings: &BreakerSettings,
        (probes, too_few): (bool, bool),
        now: Instant,
        seed: u64,
    ) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        let opens = match self.phase {
            Phase::Closed => too_few || settings.failures > 0 && self.failures >= settings.failures,
            Phase::Open(_) => false,
            Phase::HalfOpen => probes,
        };
        opens.then(|| {
            let open = open_time(settings, self.openings, seed);
            self.openings = self.openings.saturating_add(1);
            self.phase = Phase::Open(now + open);
            open
        })
    }

    /// The probe did not fail so far. The next failure opens again.
    pub(super) fn relent(&mut self) {
        if self.phase == Phase::HalfOpen {
            self.phase = Phase::Closed;
        }
    }

    /// A call came to a good end. While the breaker is not closed, only the probe has a say; `None`: this one has none.
    /// Otherwise, whether nothing is held against the revision any more that was before.
    pub(super) fn success(&mut self) -> Option<bool> {
        (self.phase == Phase::Closed).then(|| std::mem::take(self).openings > 0)
    }

    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    pub(super) fn status(&self, now: Instant) -> Option<BreakerStatus> {
        let remaining = match self.phase {
            Phase::Closed => return None,
            Phase::Open(until) => until.saturating_duration_since(now),
            Phase::HalfOpen => Duration::ZERO,
        };
        Some(BreakerStatus { failures: self.failures, remaining })
    }
}

/// For how long a breaker opens: doubled for each time before, and up to a quarter shorter by chance.
fn open_time(settings: &BreakerSettings, before: u32, seed: u64) -> Duration {
    let factor = 1_u32.checked_shl(before).unwrap_or(u32::MAX);
    let full = settings.open.saturating_mul(factor).min(settings.max_open);
    full - full / 4 * (chance(seed, before) % 1024) as u32 / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_for_twice_as_long_up_to_a_bound_and_differs_by_chance() {
        let settings = BreakerSettings::default();
        for (before, full) in [(0, 1), (1, 2), (2, 4), (5, 32), (6, 60), (31, 60), (32, 60), (u32::MAX, 60)] {
            let full = Duration::from_secs(full);
            let all: std::collections::BTreeSet<_> = (0..100).map(|seed| open_time(&settings, before, seed)).collect();
            assert!(all.iter().all(|open| *open <= full && *open >= full * 3 / 4), "{before}: {all:?}");
            assert!(all.len() > 50, "{before}: {} different ones", all.len());
        }
    }
}

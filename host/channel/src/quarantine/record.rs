//! What is held against a revision, and what follows from it: a function of what happened and of the time.

use std::time::Duration;

use tokio::time::Instant;

use super::QuarantineStatus;

/// The first rest; each further one is twice as long.
const FIRST: Duration = Duration::from_secs(1);
/// The longest rest.
const LONGEST: Duration = Duration::from_secs(60);

/// Crashes without a success in between.
#[derive(Debug, Default)]
pub(super) struct Record {
    crashes: u32,
    /// Rests since the last success.
    rests: u32,
    phase: Phase,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Calls go through.
    #[default]
    Open,
    /// None does until then.
    Resting(Instant),
    /// One does, and the others wait for it.
    Trying,
}

/// Whether a call may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    Ordinary,
    /// As the one call that tries.
    Try,
    Refused {
        crashes: u32,
        remaining: Duration,
    },
}

impl Record {
    pub(super) fn admit(&mut self, now: Instant) -> Admission {
        match self.phase {
            Phase::Open => Admission::Ordinary,
            Phase::Resting(until) if until <= now => {
                self.phase = Phase::Trying;
                Admission::Try
            }
            Phase::Resting(until) => Admission::Refused { crashes: self.crashes, remaining: until - now },
            Phase::Trying => Admission::Refused { crashes: self.crashes, remaining: Duration::ZERO },
        }
    }

    /// A call ended in a crash; the rest that begins with it. Calls that began before a rest do not lengthen it.
    pub(super) fn crash(&mut self, tries: bool, now: Instant, after: u32, seed: u64) -> Option<Duration> {
        self.crashes = self.crashes.saturating_add(1);
        let begins = match self.phase {
            Phase::Open => self.crashes >= after,
            Phase::Resting(_) => false,
            Phase::Trying => tries,
        };
        begins.then(|| {
            let rest = rest(self.rests, seed);
            self.rests = self.rests.saturating_add(1);
            self.phase = Phase::Resting(now + rest);
            rest
        })
    }

    /// The call that tries did not crash so far. The next crash begins a rest again.
    pub(super) fn relent(&mut self) {
        if self.phase == Phase::Trying {
            self.phase = Phase::Open;
        }
    }

    /// A call came to a good end. `true` if that ended a quarantine.
    pub(super) fn success(&mut self) -> bool {
        std::mem::take(self).rests > 0
    }

    pub(super) const fn crashes(&self) -> u32 {
        self.crashes
    }

    pub(super) fn status(&self, now: Instant) -> Option<QuarantineStatus> {
        let remaining = match self.phase {
            Phase::Open => return None,
            Phase::Resting(until) => until.saturating_duration_since(now),
            Phase::Trying => Duration::ZERO,
        };
        Some(QuarantineStatus { crashes: self.crashes, remaining })
    }
}

/// The length of a rest: doubled for each one before, and up to a quarter shorter by chance.
fn rest(before: u32, seed: u64) -> Duration {
    let full = FIRST.saturating_mul(1_u32.checked_shl(before).unwrap_or(u32::MAX)).min(LONGEST);
    full - full / 4 * (chance(seed, before) % 1024) / 1024
}

/// A number that looks like chance and is the same for the same seed and round: one step of SplitMix64.
const fn chance(seed: u64, round: u32) -> u32 {
    let mut mixed = seed.wrapping_add((round as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed >> 33) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rests_double_up_to_a_bound_and_differ_by_chance() {
        for (before, full) in [(0, 1), (1, 2), (2, 4), (5, 32), (6, 60), (31, 60), (32, 60), (u32::MAX, 60)] {
            let full = Duration::from_secs(full);
            let rests: std::collections::BTreeSet<_> = (0..100).map(|seed| rest(before, seed)).collect();
            assert!(rests.iter().all(|rest| *rest <= full && *rest >= full * 3 / 4), "{before}: {rests:?}");
            assert!(rests.len() > 50, "{before}: {} different ones", rests.len());
        }
    }
}

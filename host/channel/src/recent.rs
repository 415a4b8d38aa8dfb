//! How often something happened of late: a ring of counters, one for each tick of the time that counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many ticks count, the present one among them.
pub(crate) const TICKS: u64 = 10;
/// One more than count, so that the tick that is over is not the one that begins.
const SLOTS: usize = 11;

/// What was counted in the last [`TICKS`] ticks. Ticks are numbers that grow with time; what one is, is the owner's to
/// say.
#[derive(Debug, Default)]
pub(crate) struct Recent([AtomicU64; SLOTS]);

impl Recent {
    /// Counts one at `tick`.
    pub(crate) fn add(&self, tick: u32) {
        let Some(slot) = self.0.get(tick as usize % SLOTS) else { return };
        // Nearly always the tick has begun already, and this is all there is to do.
        if tick_of(slot.load(Ordering::Relaxed)) == tick {
            slot.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let first = u64::from(tick) << 32 | 1;
        let counted = slot.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
            Some(if tick_of(held) == tick { held + 1 } else { first })
        });
        debug_assert!(counted.is_ok(), "the function always has an answer");
    }

    /// All that was counted in the ticks up to `tick` that count.
    pub(crate) fn sum(&self, tick: u32) -> u64 {
        let held = self.0.iter().map(|slot| slot.load(Ordering::Relaxed));
        let counts = |held: &u64| tick.checked_sub(tick_of(*held)).is_some_and(|age| u64::from(age) < TICKS);
        held.filter(counts).map(|held| held & u64::from(u32::MAX)).sum()
    }

    /// Forgets everything.
    pub(crate) fn clear(&self) {
        for slot in &self.0 {
            slot.store(0, Ordering::Relaxed);
        }
    }
}

/// The tick that a slot was last counted in: its upper half.
const fn tick_of(held: u64) -> u32 {
    (held >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_old_does_not_count() {
        let recent = Recent::default();
        for tick in [0, 0, 3, 9, 10, 10, 10, 30] {
            recent.add(tick);
        }
        // The eleventh slot is that of tick 30 by now; what 8 held is long gone.
        assert_eq!(recent.sum(10), 5, "3, 9, and three times 10");
        assert_eq!(recent.sum(30), 1);
        recent.clear();
        assert_eq!(recent.sum(30), 0);
    }
}

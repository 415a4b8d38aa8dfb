//! How long the polls of guests take, by sample: looking at the clock twice for each of them would cost a typed call a tenth of
//! its time. One of [`SHARE`] is looked at, by chance, and counts as that many; so what is counted is right on average, and for
//! thousands of polls nearly so. Long polls are not guessed: a tick of the epoch finds them, and from then on the meter has
//! their CPU time.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// One of so many polls is looked at; a power of two.
const SHARE: u32 = 16;

thread_local! {
    /// Whether the outermost poll on this thread is looked at; those inside of it are, too, because theirs is not its time.
    static LOOKED_AT: Cell<bool> = const { Cell::new(false) };
    /// How long other guests were polled inside of the one on this thread, in its poll.
    static WITHIN: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    /// What chance has come to on this thread.
    static CHANCE: Cell<u32> = const { Cell::new(0x9e37_79b9) };
}

/// A poll that may be looked at.
pub(super) struct Sample(Option<Looked>);

struct Looked {
    begun: Instant,
    /// What was polled inside of the poll around this one, so far.
    outer: Duration,
}

impl Sample {
    /// A poll begins, on a thread that is inside of no other one, or is.
    pub(super) fn begin(outermost: bool) -> Self {
        Self::begin_by(outermost, real_now)
    }

    /// It ends. What it stands for, without what was polled inside of it; nothing if it was not looked at.
    pub(super) fn end(self) -> Duration {
        self.end_by(real_now)
    }

    /// The same by another clock.
    fn begin_by(outermost: bool, now: impl FnOnce() -> Instant) -> Self {
        if outermost {
            LOOKED_AT.set(chance().is_multiple_of(SHARE));
        }
        let looked_at = LOOKED_AT.get();
        Self(looked_at.then(|| Looked { outer: WITHIN.replace(Duration::ZERO), begun: now() }))
    }

    fn end_by(self, now: impl FnOnce() -> Instant) -> Duration {
        let Some(Looked { begun, outer }) = self.0 else { return Duration::ZERO };
        let took = now().saturating_duration_since(begun);
        let own = took.saturating_sub(WITHIN.get());
        WITHIN.set(outer + took);
        own * SHARE
    }
}

/// The next number of a thread that looks like chance (Marsaglia, "Xorshift RNGs").
fn chance() -> u32 {
    let mut number = CHANCE.get();
    number ^= number << 13;
    number ^= number >> 17;
    number ^= number << 5;
    CHANCE.set(number);
    // The lower bits are the less random ones.
    number >> 8
}

/// Now, by a clock that never pauses, as CPU time does not.
#[expect(clippy::disallowed_methods, reason = "it stands for CPU time, which passes under a paused clock, too")]
fn real_now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_polls_come_to_what_they_took_and_those_inside_of_others_are_their_own() {
        let (mut outer, mut inner) = (Duration::ZERO, Duration::ZERO);
        let (start, micro) = (real_now(), Duration::from_micros(1));
        for number in 0..40_000 {
            // 5 us of its own, then 20 us in another one, then 3 us of its own.
            let at = |micros: u32| move || start + micro * (number * 100 + micros);
            let sample = Sample::begin_by(true, at(0));
            let within = Sample::begin_by(false, at(5));
            inner += within.end_by(at(25));
            outer += sample.end_by(at(28));
        }
        let share = |found: Duration, real: u32| found.as_secs_f64() / (micro * real * 40_000).as_secs_f64();
        assert!((0.9..1.1).contains(&share(outer, 8)), "{outer:?}");
        assert!((0.9..1.1).contains(&share(inner, 20)), "{inner:?}");
    }
}

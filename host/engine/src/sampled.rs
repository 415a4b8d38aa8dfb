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
        if outermost {
            LOOKED_AT.set(chance().is_multiple_of(SHARE));
        }
        let looked_at = LOOKED_AT.get();
        Self(looked_at.then(|| Looked { outer: WITHIN.replace(Duration::ZERO), begun: real_now() }))
    }

    /// It ends. What it stands for, without what was polled inside of it; nothing if it was not looked at.
    pub(super) fn end(self) -> Duration {
        let Some(Looked { begun, outer }) = self.0 else { return Duration::ZERO };
        let took = begun.elapsed();
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

    fn spin(time: Duration) {
        let begun = real_now();
        while begun.elapsed() < time {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn many_polls_come_to_what_they_took_and_those_inside_of_others_are_their_own() {
        let (mut outer, mut inner, mut real) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        let micro = Duration::from_micros(1);
        for _ in 0..4000 {
            let begun = real_now();
            let sample = Sample::begin(true);
            spin(micro * 5);
            let within = Sample::begin(false);
            spin(micro * 20);
            inner += within.end();
            outer += sample.end();
            real += begun.elapsed();
        }
        let whole = (outer + inner).as_secs_f64() / real.as_secs_f64();
        assert!((0.5..2.0).contains(&whole), "{outer:?} and {inner:?} of {real:?}");
        assert!(outer < inner / 2, "{outer:?} {inner:?}");
        assert!(!outer.is_zero());
    }
}

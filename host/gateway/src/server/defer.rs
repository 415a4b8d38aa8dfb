//! Replies that are put off until the other connections that are ready had their turn.
//!
//! A connection that answers a request and writes the reply at once has its thread go from the guest to the kernel and back for each
//! request: what the one has in the caches the other one drives out, and whoever reads the replies is woken for each. Put off for
//! one round of the runtime, the guests of all connections that are ready work one after the other, and then all replies go out.
//!
//! Where nobody else is ready it would be work for nothing, and wake another thread that looks for some. Where the others take long it
//! would be a wait for nothing. Both are noticed, and then replies of the thread go out at once for some time.

use std::cell::Cell;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How much CPU time each of the others may take, on average, in a round that is worth waiting for. It is CPU time because a thread
/// that has to wait for a core takes long, too, and has most to gain.
const SHORT: Duration = Duration::from_micros(100);

/// Polls of connections after which a round is watched again: the CPU time costs a system call.
const WATCH: u32 = 64;

/// Replies that go out at once after one that had to wait for long: the first time, and at most. Each time in a row they are twice as
/// many, because one such round says little: it may be the first of many that are not like it.
const PAUSE: (u32, u32) = (2, 1_024);

/// Replies that go out at once after one for which nobody else was ready: the first time, and at most; twice as many each time in a
/// row. They are few: whoever reads a reply that came early sends the next request early, and then rounds fall apart.
const ALONE: (u32, u32) = (1, 4);

/// What a thread knows of its rounds.
#[derive(Debug, Clone, Copy)]
struct Rounds {
    /// Connections that were polled, over and over.
    polls: u32,
    /// Replies that go out at once, before the next one is put off.
    at_once: u32,
    /// Polls until a round is watched.
    unwatched: u32,
    /// How many replies go out at once after the next round that takes long.
    pause: u32,
    /// How many do after the next round without others.
    alone: u32,
}

/// A reply that waits for the others.
#[derive(Debug)]
struct Round {
    /// What was polled when it began.
    polls: u32,
    /// The CPU time of the thread then, if it is watched.
    worked: Option<Duration>,
}

impl Rounds {
    const NONE: Self = Self { polls: 0, at_once: 0, unwatched: 0, pause: PAUSE.0, alone: ALONE.0 };

    const fn polled(&mut self) {
        self.polls = self.polls.wrapping_add(1);
        self.unwatched = self.unwatched.saturating_sub(1);
    }

    /// A reply is put off, unless it is to go out at once.
    fn begin(&mut self, worked: impl FnOnce() -> Duration) -> Option<Round> {
        if let Some(at_once) = self.at_once.checked_sub(1) {
            self.at_once = at_once;
            return None;
        }
        let watched = self.unwatched == 0;
        if watched {
            self.unwatched = WATCH;
        }
        Some(Round { polls: self.polls, worked: watched.then(worked) })
    }

    /// The reply goes out, in the next poll of its connection.
    fn end(&mut self, round: &Round, worked: impl FnOnce() -> Duration) {
        let others = self.polls.wrapping_sub(round.polls).saturating_sub(1);
        if others == 0 {
            return self.had_no_others();
        }
        self.alone = (self.alone / 2).max(ALONE.0);
        let Some(before) = round.worked else { return };
        if worked().saturating_sub(before) > SHORT.saturating_mul(others) {
            self.at_once = self.pause;
            self.pause = self.pause.saturating_mul(2).min(PAUSE.1);
            // Whether that was right is seen as soon as another one is put off.
            self.unwatched = 0;
        } else {
            self.pause = (self.pause / 2).max(PAUSE.0);
        }
    }
}

impl Rounds {
    fn had_no_others(&mut self) {
        self.at_once = self.alone;
        self.alone = self.alone.saturating_mul(2).min(ALONE.1);
    }
}

thread_local! {
    static ROUNDS: Cell<Rounds> = const { Cell::new(Rounds::NONE) };
}

/// A connection is polled on this thread.
pub(super) fn polled() {
    change(Rounds::polled);
}

/// A reply that was put off.
#[derive(Debug)]
pub(super) struct Deferred {
    round: Round,
    /// Which thread it was put off on, by the place of what that knows.
    thread: usize,
}

impl Deferred {
    /// Puts off a reply, unless it is to go out at once. Whoever gets this has to be polled once more.
    pub(super) fn begin() -> Option<Self> {
        let round = change(|rounds| rounds.begin(cpu_time))?;
        Some(Self { round, thread: thread() })
    }

    /// The reply goes out now.
    pub(super) fn end(self) {
        let here = self.thread == thread();
        // A thread that takes a connection over from another one has nothing else to do.
        change(|rounds| if here { rounds.end(&self.round, cpu_time) } else { rounds.had_no_others() });
    }
}

fn change<T>(change: impl FnOnce(&mut Rounds) -> T) -> T {
    let mut rounds = ROUNDS.get();
    let changed = change(&mut rounds);
    ROUNDS.set(rounds);
    changed
}

fn thread() -> usize {
    ROUNDS.with(|rounds| std::ptr::from_ref(rounds).addr())
}

/// What the thread has worked.
fn cpu_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// How many of `replies` are put off, while each has to wait for `others` that take `each`.
    fn put_off(rounds: &mut Rounds, replies: u32, others: u32, each: Duration) -> u32 {
        let mut n_put_off = 0;
        for _ in 0..replies {
            rounds.polled();
            let Some(round) = rounds.begin(|| MS) else { continue };
            n_put_off += 1;
            (0..=others).for_each(|_| rounds.polled());
            rounds.end(&round, || MS + each * others);
        }
        n_put_off
    }

    #[test]
    fn replies_wait_for_others_that_are_short() {
        let mut rounds = Rounds::NONE;
        assert_eq!(put_off(&mut rounds, 1_000, 1, MS / 10), 1_000);
        assert_eq!(put_off(&mut rounds, 1_000, 30, MS / 20), 1_000);
    }

    #[test]
    fn who_is_alone_waits_now_and_then() {
        let mut rounds = Rounds::NONE;
        // After 1 and 2 replies, and then after 4 each time.
        assert_eq!(put_off(&mut rounds, 2 + 3 + 5 * (1 + 4), 0, MS), 2 + 5);
        assert_eq!(put_off(&mut rounds, 10, 5, MS / 20), 10);
        assert_eq!(put_off(&mut rounds, 1 + 1 + 1, 0, MS), 2, "that is forgotten when there are others");
    }

    #[test]
    fn who_is_beside_others_that_compute_waits_ever_more_seldom() {
        let mut rounds = Rounds::NONE;
        // After 2, 4, and so on up to 512, and then after 1024 each time; each round is watched now.
        assert_eq!(put_off(&mut rounds, 9 + 1_022 + 2 * (1 + 1_024), 2, MS), 9 + 2);
        assert_eq!(rounds.pause, PAUSE.1);
        // One reply of the first round that is short is watched, and one of each 64 polls after it.
        assert_eq!(put_off(&mut rounds, 64, 2, MS / 20), 64);
        assert_eq!(rounds.pause, PAUSE.1 >> 4);
    }

    #[test]
    fn one_long_round_changes_little() {
        let mut rounds = Rounds::NONE;
        put_off(&mut rounds, 100, 10, MS / 20);
        // Many wait in it at a time, and one of them is watched.
        (0..WATCH).for_each(|_| rounds.polled());
        let waiting: Vec<_> = (0..20).filter_map(|_| rounds.begin(|| MS)).collect();
        (0..20).for_each(|_| rounds.polled());
        waiting.iter().for_each(|round| rounds.end(round, || MS * 40));
        assert_eq!((waiting.len(), rounds.at_once), (20, 2));
    }

    #[test]
    fn a_thread_that_takes_a_connection_over_is_alone() {
        let computed = || Round { polls: 0, worked: Some(Duration::ZERO) };
        polled();
        polled();
        Deferred { round: computed(), thread: thread() ^ 1 }.end();
        assert_eq!((ROUNDS.get().alone, ROUNDS.get().at_once), (2, 1));
        change(|rounds| rounds.at_once = 0);
        let used = std::iter::repeat_with(cpu_time).find(|used| *used > SHORT).unwrap();
        Deferred { round: computed(), thread: thread() }.end();
        assert_eq!(
            (ROUNDS.get().alone, ROUNDS.get().at_once),
            (ALONE.0, PAUSE.0),
            "this thread has worked for {used:?}"
        );
    }
}

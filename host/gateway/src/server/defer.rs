//! Replies that are put off until the other connections that are ready had their turn.
//!
//! A connection that answers a request and writes the reply at once has its thread go from the guest to the kernel and back for each
//! request: what the one has in the caches the other one drives out, and whoever reads the replies is woken for each. Put off for
//! one round of the runtime, the guests of all connections that are ready work one after the other, and then all replies go out.
//!
//! Where nobody else is ready it would be work for nothing, and where the others take long it would be a wait for nothing; both are
//! noticed, and then replies of the thread go out at once for some time.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;

/// How long each of the others may take, on average, in a round that is worth waiting for.
const SHORT: Duration = Duration::from_micros(150);

/// Replies that go out at once after one that was put off for nothing: the first time, and at most. Each time in a row they are twice
/// as many, because one such round says little: the thread may have had to wait for a core, or come to the first of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pause {
    next: u32,
    first: u32,
    most: u32,
}

impl Pause {
    const fn new(first: u32, most: u32) -> Self {
        Self { next: first, first, most }
    }

    /// How many now.
    fn take(&mut self) -> u32 {
        let now = self.next;
        self.next = now.saturating_mul(2).min(self.most);
        now
    }

    const fn end(&mut self) {
        self.next = self.first;
    }
}

/// What a thread knows of its rounds.
#[derive(Debug, Clone, Copy)]
struct Rounds {
    /// Connections that were polled, over and over.
    polls: u32,
    /// Replies that go out at once, before the next one is put off.
    at_once: u32,
    /// For when nobody else was ready.
    alone: Pause,
    /// For when the others took long.
    long: Pause,
}

impl Rounds {
    const NONE: Self = Self { polls: 0, at_once: 0, alone: Pause::new(1, 16), long: Pause::new(2, 1_024) };

    /// A reply waited so long for so many other connections.
    fn learn(&mut self, others: u32, waited: Duration) {
        if others == 0 {
            self.at_once = self.alone.take();
        } else if waited > SHORT.saturating_mul(others) {
            self.at_once = self.long.take();
        } else {
            self.alone.end();
            self.long.end();
        }
    }
}

thread_local! {
    static ROUNDS: Cell<Rounds> = const { Cell::new(Rounds::NONE) };
}

/// A connection is polled on this thread.
pub(super) fn polled() {
    let rounds = ROUNDS.get();
    ROUNDS.set(Rounds { polls: rounds.polls.wrapping_add(1), ..rounds });
}

/// A reply that was put off.
#[derive(Debug)]
pub(super) struct Deferred {
    since: Instant,
    /// What the thread had polled then.
    polls: u32,
    /// Which thread that was, by the place of what it knows.
    thread: usize,
}

impl Deferred {
    /// Puts off a reply, unless it is to go out at once. Whoever gets this has to be polled once more.
    pub(super) fn begin() -> Option<Self> {
        let rounds = ROUNDS.get();
        match rounds.at_once.checked_sub(1) {
            Some(at_once) => {
                ROUNDS.set(Rounds { at_once, ..rounds });
                None
            }
            None => Some(Self { since: Instant::now(), polls: rounds.polls, thread: thread() }),
        }
    }

    /// The reply goes out now, in the next poll of its connection.
    pub(super) fn end(self) {
        // A thread that took the connection over knows nothing of the round.
        if self.thread == thread() {
            let mut rounds = ROUNDS.get();
            let others = rounds.polls.wrapping_sub(self.polls).saturating_sub(1);
            rounds.learn(others, self.since.elapsed());
            ROUNDS.set(rounds);
        }
    }
}

fn thread() -> usize {
    ROUNDS.with(|rounds| std::ptr::from_ref(rounds).addr())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_round_is_worth_it_while_others_are_ready_and_short() {
        let mut rounds = Rounds::NONE;
        for (others, waited, at_once) in [
            (0, Duration::ZERO, 1),
            (0, MS, 2),
            (20, MS, 0),
            (0, MS, 1),
            (1, MS, 2),
            (20, MS * 4, 4),
            (1, MS / 10, 0),
            (20, MS * 4, 2),
        ] {
            rounds.at_once = 0;
            rounds.learn(others, waited);
            assert_eq!(rounds.at_once, at_once, "{others} others in {waited:?}");
        }
    }

    /// How many of `replies` are put off, while each has to wait for `others` that take `each`.
    async fn put_off(replies: u32, others: u32, each: Duration) -> u32 {
        let mut n_put_off = 0;
        for _ in 0..replies {
            polled();
            let Some(deferred) = Deferred::begin() else { continue };
            n_put_off += 1;
            for _ in 0..others {
                polled();
                tokio::time::advance(each).await;
            }
            polled();
            deferred.end();
        }
        n_put_off
    }

    #[tokio::test(start_paused = true)]
    async fn a_thread_learns_from_its_rounds() {
        assert_eq!(put_off(100, 8, MS / 50).await, 100);
        // After 1, 2, 4 and 8 replies, and then after 16 each time.
        assert_eq!(put_off(4 + 15 + 3 * (1 + 16), 0, MS).await, 4 + 3);
        ROUNDS.set(Rounds::NONE);
        // After 2, 4, and so on up to 512, and then after 1024 each time.
        assert_eq!(put_off(9 + 1_022 + 2 * (1 + 1_024), 2, MS).await, 9 + 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_round_that_began_on_another_thread_says_nothing() {
        let elsewhere = std::thread::spawn(|| Deferred { since: Instant::now(), polls: 7, thread: thread() }.thread);
        let deferred = Deferred { since: Instant::now(), polls: 0, thread: elsewhere.join().unwrap() ^ 1 };
        deferred.end();
        assert_eq!(ROUNDS.get().at_once, 0);
    }
}

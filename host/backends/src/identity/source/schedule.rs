//! When keys are fetched. Pure: what it decides follows from what happened, and when.

use std::time::Duration;

use tokio::time::Instant;

/// How long keys are used where their issuer does not say.
const USUAL: Duration = Duration::from_secs(300);

/// They are used at least as long as this, whatever the issuer says, so that it is not asked all the time ...
const SHORTEST: Duration = Duration::from_secs(30);

/// ... and are asked for after this, so that a key that is withdrawn is known to be.
const LONGEST: Duration = Duration::from_secs(3600);

/// How long nobody asks again after a key that no issuer had.
const COOL: Duration = Duration::from_secs(30);

/// The pause after the first failure. It doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// When keys are fetched next, and who may ask for them before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Schedule {
    /// When they are fetched next.
    pub(super) due: Instant,
    /// Whether that is under way, or about to be.
    under_way: bool,
    /// Whether somebody asked for it who missed a key.
    asked: bool,
    /// Nobody who misses a key is heard before.
    closed_until: Instant,
    failures: u32,
}

impl Schedule {
    /// At first, keys are fetched at once.
    pub(super) const fn new(now: Instant) -> Self {
        Self { due: now, under_way: true, asked: false, closed_until: now, failures: 0 }
    }

    /// Somebody misses a key. Whether to wait for the keys that are being fetched, which may begin with this.
    pub(super) fn ask(&mut self, now: Instant) -> bool {
        // While the issuer is down, it is asked after pauses, and not by everybody who calls.
        if self.under_way || self.failures > 0 || now < self.closed_until {
            return self.under_way;
        }
        (self.due, self.under_way, self.asked) = (now, true, true);
        true
    }

    /// Keys are being fetched.
    pub(super) const fn begin(&mut self) {
        self.under_way = true;
    }

    /// Keys came. `changed`: they are others than before; `max_age`: how long the issuer says they can be used.
    pub(super) fn succeeded(&mut self, now: Instant, changed: bool, max_age: Option<Duration>) {
        let used = max_age.unwrap_or(USUAL).clamp(SHORTEST, LONGEST);
        // Before they end, so that no call has to wait.
        self.due = now + used * 4 / 5;
        // Who asks for keys that nobody has gets none, and closes the door; who asks for keys that there are cannot do
        // so more often than the issuer changes them.
        if self.asked && !changed {
            self.closed_until = now + COOL;
        }
        (self.under_way, self.asked, self.failures) = (false, false, 0);
    }

    /// No keys came.
    pub(super) fn failed(&mut self, now: Instant) {
        let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(6)).min(LONGEST_PAUSE);
        self.failures = self.failures.saturating_add(1);
        self.due = now + pause;
        (self.under_way, self.asked) = (false, false);
    }

    /// Failures since the last success.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn who_asks_for_what_is_not_there_is_heard_once_in_a_while() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start);
        assert!(schedule.ask(start), "the first fetch is under way");
        schedule.begin();
        schedule.succeeded(start, true, None);
        // Nobody asked for that one, so the next is heard; it is fruitless.
        assert!(schedule.ask(start + SECOND));
        assert_eq!(schedule.due, start + SECOND);
        assert!(schedule.ask(start + SECOND), "the same fetch");
        schedule.succeeded(start + SECOND, false, None);
        for later in 1..=30 {
            assert!(!schedule.ask(start + later * SECOND), "{later}");
        }
        // The next one finds something, and so may whoever comes after it.
        let later = start + 31 * SECOND;
        assert!(schedule.ask(later));
        schedule.succeeded(later, true, None);
        assert!(schedule.ask(later));
    }

    #[tokio::test(start_paused = true)]
    async fn keys_are_fetched_before_they_end_and_after_pauses_where_they_cannot_be() {
        let start = Instant::now();
        for (said, due) in [(None, 240), (Some(0), 24), (Some(100), 80), (Some(u64::MAX), 2880)] {
            let mut schedule = Schedule::new(start);
            schedule.succeeded(start, true, said.map(Duration::from_secs));
            assert_eq!(schedule.due, start + due * SECOND, "{said:?}");
        }
        let mut schedule = Schedule::new(start);
        for pause in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            schedule.begin();
            schedule.failed(start);
            assert_eq!(schedule.due, start + pause * SECOND);
            assert!(!schedule.ask(start), "nobody is heard in the pause");
        }
        assert_eq!(schedule.failures(), 9);
        schedule.succeeded(start, false, None);
        assert!(schedule.ask(start));
    }
}

//! A delivery: a message on its way to an instance, and what the instance says of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::message::Message;
use crate::{CallContext, Hold};

/// One message on its way to an instance.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// What is known of the call. Its attempt is that of the message.
    pub context: Box<CallContext>,
    /// The message.
    pub message: Arc<Message>,
    /// The consumer group that it is delivered to.
    pub group: Arc<str>,
    /// How long the instance may go on. Its context has the deadline that it began with.
    pub patience: Arc<Patience>,
    /// What the call occupies until it is over.
    pub hold: Hold,
}

/// What an instance says of a message that was delivered to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Acknowledge,
    /// It failed, and is to be tried again.
    Retry {
        /// After what time, where the instance says so; otherwise after the pause of the subscription.
        after: Option<Duration>,
        /// Why it failed, where the instance says so.
        reason: Option<String>,
    },
    /// It can never be done: it becomes a dead letter at once.
    Reject {
        /// Why.
        reason: String,
    },
}

/// How long an instance may work on a message. It can ask for more, as much at a time as it had at first.
#[derive(Debug)]
pub struct Patience {
    until: Mutex<Instant>,
    /// The most that one extension gives.
    grant: Duration,
}

impl Patience {
    /// Until a deadline, and `grant` more from whenever it is extended.
    pub const fn new(until: Instant, grant: Duration) -> Self {
        Self { until: Mutex::new(until), grant }
    }

    /// When it ends.
    pub fn until(&self) -> Instant {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Extends it to `by` from `now`, or to what one extension gives if that is less. Never shortens it. Returns what
    /// is left then.
    pub fn extend(&self, now: Instant, by: Duration) -> Duration {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = (now + by.min(self.grant)).max(*until);
        until.saturating_duration_since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_bounded_and_never_shorten() {
        // Any point in time will do; the clock is not asked.
        let clock = Patience::new(epoch(), Duration::from_secs(15));
        let at = |seconds| epoch() + Duration::from_secs(seconds);
        let patience = Patience::new(at(15), Duration::from_secs(15));
        for (now, by, left) in [(5, 3, 10), (10, 10, 10), (12, 600, 15), (27, 1, 1)] {
            assert_eq!(patience.extend(at(now), Duration::from_secs(by)), Duration::from_secs(left), "{now} {by}");
        }
        assert_eq!((patience.until(), clock.until()), (at(28), epoch()));
    }

    #[allow(clippy::disallowed_methods, reason = "the origin of a scale")]
    fn epoch() -> Instant {
        static EPOCH: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
        *EPOCH
    }
}

//! What sets the level: a pure function of what was, how the host fares, and the time.
//!
//! How the host fares is the *standing delay*: the shortest time, of several in a row, that something ready to run had to
//! wait for a thread. The shortest, because a burst makes some wait and passes, while a queue that stands makes all of
//! them wait (CoDel, RFC 8289). The level follows it as the drop rate of PIE does (RFC 8033): by how far the delay is from
//! the one that is aimed at, and by whether it grows or shrinks. The second part is what keeps it from going too far: a
//! queue that is being worked off is still long when enough is refused already.
//!
//! Memory is the other reason. It does not come back as a queue does, so it sets the level outright: the nearer to the
//! limit, the higher.

use std::time::Duration;

use tokio::time::Instant;

use super::level::Level;

/// The time that the two shares below are for.
const PERIOD: Duration = Duration::from_millis(100);
/// What one period adds to the level while the delay is twice the one that is aimed at, in thousandths; and takes off
/// while there is none.
const INTEGRAL: f64 = 30.0;
/// What is added when the delay has grown by as much as the one that is aimed at, and taken off when it has shrunk so.
const TREND: f64 = 120.0;
/// What the trend changes in one step at the most.
const MOST_AT_ONCE: f64 = 900.0;
/// A delay that is longer counts as so many times the one that is aimed at.
const WORST: f64 = 4.0;
/// For how long nothing has been refused when it is told that it is over.
const CALM: Duration = Duration::from_secs(5);
/// Where memory begins to matter, and where [`Level::MOST`] is reached, as shares of the limit.
const MEMORY: (f64, f64) = (0.90, 0.99);
/// What one period takes off the level that memory set, so that what comes back comes back slowly.
const MEMORY_RELEASE: f64 = 50.0;

/// What is aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShedTargets {
    /// The delay that is tolerated when it stands.
    pub delay: Duration,
    /// What the process may have of memory, in bytes; `None`: memory is no reason.
    pub memory: Option<u64>,
}

/// How the host fares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LoadSample {
    /// The standing delay.
    pub delay: Duration,
    /// What the process has of memory, in bytes, where that is known.
    pub memory: Option<u64>,
}

/// What has changed, for whoever tells the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShedNews {
    /// Calls are refused from now on.
    Began(LoadSample),
    /// None is refused any more.
    Ended {
        /// For how long some were.
        lasted: Duration,
    },
}

/// The state machine.
#[derive(Debug, Clone)]
pub struct Controller {
    targets: ShedTargets,
    /// Levels in thousandths, with the fractions that a [`Level`] does not have.
    by_delay: f64,
    by_memory: f64,
    last: Option<(Instant, Duration)>,
    /// Since when calls are refused, and when one was last.
    shedding: Option<(Instant, Instant)>,
}

impl Controller {
    /// One that has seen nothing.
    pub const fn new(targets: ShedTargets) -> Self {
        Self { targets, by_delay: 0.0, by_memory: 0.0, last: None, shedding: None }
    }

    /// Aims at something else from now on.
    pub const fn aim(&mut self, targets: ShedTargets) {
        self.targets = targets;
    }

    /// The level from `now` on.
    pub fn step(&mut self, sample: LoadSample, now: Instant) -> (Level, Option<ShedNews>) {
        // The time since the last step in periods. One that comes late is not carried to extremes.
        let (periods, before) = match self.last {
            Some((last, delay)) => {
                ((now.saturating_duration_since(last).as_secs_f64() / PERIOD.as_secs_f64()).min(5.0), delay)
            }
            None => (1.0, Duration::ZERO),
        };
        self.last = Some((now, sample.delay));
        let target = self.targets.delay.as_secs_f64().max(1e-6);
        let relative = |delay: Duration| delay.as_secs_f64() / target;
        let (delay, before) = (relative(sample.delay), relative(before));
        let mut change = INTEGRAL * (delay.min(WORST) - 1.0) * periods;
        // How a delay that is tolerated changes is no reason for anything.
        if delay.max(before) > 1.0 {
            change += (TREND * (delay - before)).clamp(-MOST_AT_ONCE, MOST_AT_ONCE);
        }
        self.by_delay = (self.by_delay + change).clamp(0.0, f64::from(Level::MOST.bits()));
        let wanted = self.wanted_by(sample.memory);
        self.by_memory = wanted.max(self.by_memory - MEMORY_RELEASE * periods).max(0.0);
        let level = Level::new(self.by_delay.max(self.by_memory) as u32);
        (level, self.tell(level, sample, now))
    }

    /// The level that memory asks for.
    fn wanted_by(&self, memory: Option<u64>) -> f64 {
        let (Some(used), Some(limit)) = (memory, self.targets.memory) else { return 0.0 };
        let (first, last) = MEMORY;
        let used = used as f64 / limit.max(1) as f64;
        ((used - first) / (last - first)).clamp(0.0, 1.0) * f64::from(Level::MOST.bits())
    }

    fn tell(&mut self, level: Level, sample: LoadSample, now: Instant) -> Option<ShedNews> {
        let since = self.shedding.map(|(since, _)| since);
        if level > Level::NONE {
            self.shedding = Some((since.unwrap_or(now), now));
            return since.is_none().then_some(ShedNews::Began(sample));
        }
        let (since, last) = self.shedding?;
        if now.saturating_duration_since(last) < CALM {
            return None;
        }
        self.shedding = None;
        Some(ShedNews::Ended { lasted: last.saturating_duration_since(since) })
    }

    /// Whether there is nothing to watch for while no call comes.
    pub const fn is_at_rest(&self) -> bool {
        self.shedding.is_none()
    }
}

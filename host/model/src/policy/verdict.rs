//! What a rate says of a call: whether it may come, how many more may come, and when all of them may come again.

use std::time::Duration;

use super::Rate;

/// What one rate says of one call, in the terms of the `RateLimit` fields of HTTP (draft-ietf-httpapi-ratelimit-headers).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateVerdict {
    /// Which rate it is: `route`, `user`, `address`.
    pub policy: &'static str,
    /// Calls that may come in `window`.
    pub quota: u64,
    /// The time that `quota` is for, in seconds, at least 1.
    pub window: u64,
    /// Calls that may come now. Zero if this one was refused.
    pub remaining: u64,
    /// Seconds until as many calls may come at once as ever, rounded up.
    pub reset: u64,
}

impl RateVerdict {
    /// What `rate` says, by which `remaining` calls may come now, and a whole burst after `reset`.
    pub fn new(policy: &'static str, rate: &Rate, remaining: u64, reset: Duration) -> Self {
        let (quota, window) = rate.quota();
        Self { policy, quota, window, remaining: remaining.min(u64::from(rate.burst())), reset: whole_seconds(reset) }
    }
}

impl Rate {
    /// The rate as a number of calls and the whole seconds that they are for: the time in which a burst grows back.
    pub fn quota(&self) -> (u64, u64) {
        let interval = self.interval().as_nanos().max(1);
        let window = u64::try_from((interval * u128::from(self.burst())).div_ceil(NANOS)).unwrap_or(u64::MAX).max(1);
        let quota = u64::try_from(u128::from(window) * NANOS / interval).unwrap_or(u64::MAX);
        (quota.max(u64::from(self.burst())), window)
    }
}

const NANOS: u128 = 1_000_000_000;

fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// What all rates say of one call that it was held against, in the order in which they were asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RateVerdicts([Option<RateVerdict>; Self::MOST]);

impl RateVerdicts {
    /// Rates that one call can be held against.
    pub const MOST: usize = 3;

    /// Adds one; there is room for [`RateVerdicts::MOST`], and what is beyond is not told.
    pub fn add(&mut self, verdict: RateVerdict) {
        if let Some(place) = self.0.iter_mut().find(|place| place.is_none()) {
            *place = Some(verdict);
        }
    }

    /// Whether there is no rate.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &RateVerdict> {
        self.0.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_quota_for_whole_seconds() {
        for (rate, quota) in [
            ("100/s", (100, 1)),
            ("100/s burst 20", (100, 1)),
            ("10/s burst 100", (100, 10)),
            ("600/1m", (10, 1)),
            ("600/1m burst 25", (30, 3)),
            ("5/10s burst 3", (3, 6)),
            ("60/m", (1, 1)),
            ("1/24h", (1, 86_400)),
            ("3/s burst 4000000000", (4_000_000_000, 1_333_333_332)),
            ("1/24h burst 4000000000", (4_000_000_000, 345_600_000_000_000)),
        ] {
            assert_eq!(rate.parse::<Rate>().unwrap().quota(), quota, "{rate}");
        }
    }

    #[test]
    fn there_is_room_for_every_rate_of_a_route() {
        let rate: Rate = "10/s burst 3".parse().unwrap();
        let mut verdicts = RateVerdicts::default();
        assert!(verdicts.is_empty());
        for policy in ["address", "user", "route", "one too many"] {
            verdicts.add(RateVerdict::new(policy, &rate, 99, Duration::from_millis(200)));
        }
        let told: Vec<_> = verdicts.iter().map(|one| (one.policy, one.remaining, one.reset)).collect();
        assert_eq!(told, [("address", 3, 1), ("user", 3, 1), ("route", 3, 1)]);
    }
}

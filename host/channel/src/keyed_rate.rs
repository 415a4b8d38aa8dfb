//! A rate for each of many: for each user, or for each address.
//!
//! The arithmetic is that of `governor`. What is ours is what it keeps its numbers in (`keys.rs`), which is bounded: a
//! stranger with a network of addresses must not be able to fill the memory of the host, nor to push others out.

mod key;
mod keys;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::{Clock, Reference as _};
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::{Quota, RateLimiter};
use patchbay_model::User;
use patchbay_model::policy::{Rate, RateVerdict};
use tokio::time::Instant;

use key::{Key, KeyMaker};
use keys::Keys;

/// Keys that one rate keeps apart; with what is around them, 4 MiB.
const ROOM: usize = 65_536;
/// What a whole burst can take to grow back, in nanoseconds: no sum of `governor` is too large for it.
const LONGEST: u64 = 1 << 61;

/// How often each of many may call.
pub(crate) struct KeyedRate {
    rate: Rate,
    policy: &'static str,
    limiter: RateLimiter<Key, Keys, Ticks, StateInformationMiddleware>,
    key_maker: KeyMaker,
    crowded: Arc<AtomicU64>,
}

impl std::fmt::Debug for KeyedRate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyedRate").field("policy", &self.policy).field("rate", &self.rate).finish_non_exhaustive()
    }
}

/// Tokio's clock, which tests can pause, as `governor` reads it: the time since there is this rate.
#[derive(Debug, Clone)]
struct Ticks(Instant);

impl Clock for Ticks {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.0.elapsed().into()
    }
}

impl KeyedRate {
    /// `rate` for each key, under the name `policy`.
    pub(crate) fn new(policy: &'static str, rate: Rate) -> Self {
        Self::with_room(policy, rate, ROOM)
    }

    fn with_room(policy: &'static str, rate: Rate, room: usize) -> Self {
        let interval = rate.interval().max(Duration::from_nanos(1));
        let most = LONGEST / u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX).max(1);
        let burst = u64::from(rate.burst()).min(most);
        let burst = u32::try_from(burst).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        // No period is empty: it is a nanosecond at least.
        let quota = Quota::with_period(interval).unwrap_or_else(|| Quota::per_second(burst)).allow_burst(burst);
        let crowded = Arc::<AtomicU64>::default();
        let keys = Keys::new(room, interval, crowded.clone());
        let limiter = RateLimiter::new(quota, keys, Ticks(Instant::now()));
        Self { rate, policy, limiter, key_maker: KeyMaker::default(), crowded }
    }

    /// Lets a call of this user pass, or of this address where there is no user, unless it comes too early.
    ///
    /// # Errors
    /// The time after which one may come. The verdict comes either way.
    pub(crate) fn admit(&self, user: Option<&User>, address: Option<IpAddr>) -> (RateVerdict, Result<(), Duration>) {
        match self.limiter.check_key(&self.key_maker.key(user, address)) {
            Ok(passed) => {
                let remaining = u64::from(passed.remaining_burst_capacity());
                let spent = u32::try_from(u64::from(self.rate.burst()).saturating_sub(remaining)).unwrap_or(u32::MAX);
                let reset = self.rate.interval().saturating_mul(spent);
                (RateVerdict::new(self.policy, &self.rate, remaining, reset), Ok(()))
            }
            Err(refused) => {
                let now = self.limiter.clock().now();
                let wait = Duration::from(refused.earliest_possible().duration_since(now));
                let reset = wait + self.rate.interval().saturating_mul(self.rate.burst() - 1);
                (RateVerdict::new(self.policy, &self.rate, 0, reset), Err(wait))
            }
        }
    }

    /// Calls that had to share a rate, because there were too many keys to keep them apart.
    pub(crate) fn crowded(&self) -> u64 {
        self.crowded.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;

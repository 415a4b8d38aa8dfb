//! What the channel keeps of a service for as long as the service is there, across its revisions: a swap gives it no
//! second set of places, no second burst and no second budget.

use std::sync::atomic::{AtomicU64, Ordering};

use patchbay_model::Settings;
use patchbay_model::policy::{LinkSettings, RetrySettings};
use tokio::time::Instant;

use crate::budget::RetryBudget;
use crate::bulkhead::Bulkhead;
use crate::measured::ServiceMeasured;
use crate::rate::RateLimit;

/// A service, as far as the channel remembers it.
#[derive(Debug)]
pub struct Standing {
    pub(crate) bulkhead: Bulkhead,
    pub(crate) rate: RateLimit,
    pub(crate) budget: RetryBudget,
    pub(crate) tally: Tally,
    pub(crate) measured: ServiceMeasured,
}

impl Standing {
    /// A service that was never called.
    pub fn new(settings: &Settings) -> Self {
        Self {
            bulkhead: Bulkhead::new(&settings.limits),
            rate: RateLimit::new(settings.rate),
            budget: RetryBudget::default(),
            tally: Tally::default(),
            measured: ServiceMeasured::default(),
        }
    }

    /// Takes over the settings of another revision. Calls that have a place keep it.
    pub fn resize(&self, settings: &Settings) {
        self.bulkhead.resize(&settings.limits);
        self.rate.set(settings.rate);
    }

    /// Its places for calls.
    pub const fn bulkhead(&self) -> &Bulkhead {
        &self.bulkhead
    }

    /// Its calls, by who made them.
    pub const fn measured(&self) -> &ServiceMeasured {
        &self.measured
    }

    /// Second attempts that the retry budget would allow now.
    pub fn retries_left(&self, settings: &RetrySettings) -> u64 {
        self.budget.left(settings, Instant::now())
    }

    /// What the policies have done since the service is there.
    pub fn counts(&self) -> Counts {
        self.tally.read()
    }
}

/// What the channel keeps of a link.
#[derive(Debug)]
pub struct LinkStanding {
    pub(crate) bulkhead: Option<Bulkhead>,
    pub(crate) rate: RateLimit,
}

impl LinkStanding {
    /// A link that was never used. `limits` are those of the service that is called; its queue is that of the link, too.
    pub fn new(settings: &LinkSettings, limits: &patchbay_model::Limits) -> Self {
        let places = settings.concurrency.map(|concurrency| patchbay_model::Limits { concurrency, ..limits.clone() });
        Self { bulkhead: places.as_ref().map(Bulkhead::new), rate: RateLimit::new(settings.rate) }
    }
}

/// How often a policy had to do something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Callers that showed no credential where one is needed, or one that is not good.
    pub unauthenticated: u64,
    /// Callers that were refused by the rules.
    pub denied: u64,
    /// Calls that came too early for the rate.
    pub rate_limited: u64,
    /// Calls that found no place.
    pub overloaded: u64,
    /// Attempts after the first one of a call.
    pub retries: u64,
    /// Attempts that the budget did not allow.
    pub retries_refused: u64,
    /// Attempts that met an open breaker.
    pub broken_off: u64,
    /// Calls that something else answered.
    pub fallbacks: u64,
}

/// The counters behind [`Counts`]. Nothing touches them while all goes well.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) unauthenticated: Counter,
    pub(crate) denied: Counter,
    pub(crate) rate_limited: Counter,
    pub(crate) overloaded: Counter,
    pub(crate) retries: Counter,
    pub(crate) retries_refused: Counter,
    pub(crate) broken_off: Counter,
    pub(crate) fallbacks: Counter,
}

impl Tally {
    fn read(&self) -> Counts {
        Counts {
            unauthenticated: self.unauthenticated.get(),
            denied: self.denied.get(),
            rate_limited: self.rate_limited.get(),
            overloaded: self.overloaded.get(),
            retries: self.retries.get(),
            retries_refused: self.retries_refused.get(),
            broken_off: self.broken_off.get(),
            fallbacks: self.fallbacks.get(),
        }
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

//! What is measured of a route: who was refused there, and how its requests were answered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use patchbay_model::FaultKind;
use patchbay_model::metrics::{HistogramReading, MEASURED};

use super::histogram::{HTTP_BOUNDS, Histogram};
use super::table::{Key, Table};

/// Kinds of answers that are told apart at a route; all others count together.
const MOST_KEYS: usize = 64;

/// Why somebody was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// They showed no credential where one is needed, or one that is not good.
    Unauthenticated,
    /// The rules refused them.
    Denied,
    /// They came too early for a rate.
    RateLimited,
    /// There was no place.
    Overloaded,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unauthenticated, Self::Denied, Self::RateLimited, Self::Overloaded];

    /// The refusal that a fault is, if it is one.
    pub const fn of(kind: FaultKind) -> Option<Self> {
        match kind {
            FaultKind::Unauthenticated => Some(Self::Unauthenticated),
            FaultKind::Denied => Some(Self::Denied),
            FaultKind::RateLimited => Some(Self::RateLimited),
            FaultKind::Overloaded => Some(Self::Overloaded),
            _ => None,
        }
    }

    /// Its name in metrics: that of the fault.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unauthenticated => FaultKind::Unauthenticated.name(),
            Self::Denied => FaultKind::Denied.name(),
            Self::RateLimited => FaultKind::RateLimited.name(),
            Self::Overloaded => FaultKind::Overloaded.name(),
        }
    }
}

/// What tells answers apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyKey {
    /// The method of the request, out of a closed list.
    pub method: &'static str,
    /// The status; 0 if nobody waited for one, or there are too many to tell apart.
    pub status: u16,
    /// The fault that was told, where the host answered in place of a service.
    pub fault: Option<FaultKind>,
}

impl Key for ReplyKey {
    type Kept = Self;

    fn chain(&self) -> usize {
        usize::from(self.status) + 7 * self.method.len()
    }

    fn kept(&self) -> Self {
        *self
    }

    fn is(&self, kept: &Self) -> bool {
        self == kept
    }
}

/// A route, as far as it is measured. Lives as long as the route, whatever is configured on it.
#[derive(Debug)]
pub struct RouteMeasured {
    refusals: [AtomicU64; Refusal::ALL.len()],
    replies: Table<ReplyKey, Histogram>,
    others: Histogram,
}

impl Default for RouteMeasured {
    fn default() -> Self {
        Self { refusals: Default::default(), replies: Table::new(MOST_KEYS), others: Histogram::new(&HTTP_BOUNDS) }
    }
}

impl RouteMeasured {
    /// Somebody was refused.
    pub(crate) fn refused(&self, refusal: Refusal) {
        if let Some(count) = self.refusals.get(refusal as usize).filter(|_| MEASURED) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A request was answered after so long.
    pub fn answered(&self, key: ReplyKey, took: Duration) {
        if !MEASURED {
            return;
        }
        self.replies.get(&key, || Histogram::new(&HTTP_BOUNDS)).unwrap_or(&self.others).count(took);
    }

    /// Those who were refused since the route is there.
    pub fn refusals(&self) -> impl Iterator<Item = (Refusal, u64)> {
        Refusal::ALL.into_iter().zip(self.refusals.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    /// The answers, each kind with how long they took. Without a key: those that are not told apart.
    pub fn replies(&self) -> impl Iterator<Item = (Option<ReplyKey>, HistogramReading)> {
        let told_apart = self.replies.iter().map(|(key, histogram)| (Some(*key), histogram.read()));
        let others = self.others.read();
        told_apart.chain((others.count() > 0).then_some((None, others)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart_and_too_many_are_not() {
        let route = RouteMeasured::default();
        for status in 100..200 {
            for method in ["GET", "PUT"] {
                route.answered(ReplyKey { method, status, fault: None }, Duration::from_millis(1));
            }
        }
        let replies: Vec<_> = route.replies().collect();
        assert_eq!(replies.len(), MOST_KEYS + 1);
        let total: u64 = replies.iter().map(|(_, reading)| reading.count()).sum();
        assert_eq!(total, 200);
        let others = replies.iter().find(|(key, _)| key.is_none()).unwrap().1.count();
        assert_eq!(others, 200 - MOST_KEYS as u64);
    }

    #[test]
    fn every_refusal_has_its_place() {
        let route = RouteMeasured::default();
        for (place, refusal) in Refusal::ALL.into_iter().enumerate() {
            (0..=place).for_each(|_| route.refused(refusal));
        }
        let counts: Vec<_> = route.refusals().map(|(refusal, count)| (refusal.name(), count)).collect();
        let expected = [("unauthenticated", 1), ("denied", 2), ("rate-limited", 3), ("overloaded", 4)];
        assert_eq!(counts, expected);
        assert_eq!(FaultKind::ALL.into_iter().filter_map(Refusal::of).count(), Refusal::ALL.len());
    }
}

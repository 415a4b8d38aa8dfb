//! The retry budget of a service: second attempts are a bounded share of all its calls, whoever makes them, so that a
//! service that fails is not called to death.

use std::sync::{Mutex, PoisonError};

use patchbay_model::policy::RetrySettings;
use patchbay_striped::Striped;
use tokio::time::Instant;

use crate::recent::{Recent, TICKS};

/// What was called and tried again in the last ten seconds.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    base: Instant,
    calls: Striped<Recent>,
    /// Second attempts. Only those who retry look at them.
    retries: Mutex<Recent>,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { base: Instant::now(), calls: Striped::default(), retries: Mutex::default() }
    }
}

impl RetryBudget {
    /// Counts a call that begins.
    pub(crate) fn call(&self, now: Instant) {
        self.calls.own().add(self.second(now));
    }

    /// Takes one second attempt out of the budget. `false` if nothing is left.
    pub(crate) fn withdraw(&self, settings: &RetrySettings, now: Instant) -> bool {
        let second = self.second(now);
        let retries = self.retries.lock().unwrap_or_else(PoisonError::into_inner);
        let left = retries.sum(second) < self.allowed(settings, second);
        if left {
            retries.add(second);
        }
        left
    }

    /// Second attempts that can be taken out of the budget.
    pub(crate) fn left(&self, settings: &RetrySettings, now: Instant) -> u64 {
        let second = self.second(now);
        let retries = self.retries.lock().unwrap_or_else(PoisonError::into_inner);
        self.allowed(settings, second).saturating_sub(retries.sum(second))
    }

    fn allowed(&self, settings: &RetrySettings, second: u32) -> u64 {
        let calls = self.calls.iter().map(|calls| calls.sum(second)).sum();
        settings.budget.of(calls) + u64::from(settings.budget_floor) * TICKS
    }

    fn second(&self, now: Instant) -> u32 {
        u32::try_from(now.saturating_duration_since(self.base).as_secs()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use patchbay_model::policy::Share;
    use proptest::prelude::*;

    use super::*;

    fn settings(percent: u8, floor: u32) -> RetrySettings {
        RetrySettings { budget: Share::percent(percent).unwrap(), budget_floor: floor, ..RetrySettings::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_share_of_the_calls_of_ten_seconds_can_be_tried_again() {
        let (budget, settings) = (RetryBudget::default(), settings(20, 0));
        let withdrawn = || (0..50).filter(|_| budget.withdraw(&settings, Instant::now())).count();
        let call = |n_calls: usize| (0..n_calls).for_each(|_| budget.call(Instant::now()));
        assert_eq!(withdrawn(), 0);
        call(100);
        assert_eq!(budget.left(&settings, Instant::now()), 20);
        assert_eq!(withdrawn(), 20);
        assert_eq!(budget.left(&settings, Instant::now()), 0);
        // Neither the calls nor what was spent on them are remembered for longer.
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(withdrawn(), 0);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(withdrawn(), 0);
        call(5);
        assert_eq!(withdrawn(), 1);
    }

    proptest! {
        /// Whatever comes when: a second attempt is granted only within what the calls of ten seconds allow, and
        /// refused only when all of that is spent.
        #[test]
        fn second_attempts_stay_within_the_budget(
            turns in prop::collection::vec((0_u64..3000, 0_usize..20, 0_usize..40), 1..60),
            percent in 0_u8..=100,
            floor in 0_u32..3,
        ) {
            let (budget, settings) = (RetryBudget::default(), settings(percent, floor));
            let (mut millis, mut calls, mut retries) = (0, Vec::new(), Vec::new());
            for (pause, n_calls, n_wanted) in turns {
                millis += pause;
                let now = budget.base + Duration::from_millis(millis);
                for _ in 0..n_calls {
                    budget.call(now);
                    calls.push(millis / 1000);
                }
                let recent = |all: &[u64]| all.iter().filter(|at| **at + TICKS > millis / 1000).count() as u64;
                let allowed = recent(&calls) * u64::from(percent) / 100 + u64::from(floor) * TICKS;
                for _ in 0..n_wanted {
                    let left = recent(&retries) < allowed;
                    prop_assert_eq!(budget.withdraw(&settings, now), left);
                    retries.extend(left.then_some(millis / 1000));
                }
            }
        }
    }
}

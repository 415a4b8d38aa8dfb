//! The circuit breaker of a revision: one whose calls keep failing gets none for a while, and then one that probes.
//!
//! A failure is the loss of an instance, an end without a valid answer, or the end of the time that the operator allows,
//! if it was this call's own doing. What the service answers, be it an error, is none; nor are refusals, a request that
//! is too large, a caller that leaves or that waits for less than the operator allows, and faults of services that the
//! instance called.

use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use patchbay_model::policy::BreakerSettings;
use patchbay_model::{Blame, Fault, FaultKind};
use tokio::time::Instant;

use crate::deadline::Limit;
use crate::observed::Observed;

mod state;
mod window;

use state::{Admission, State};
use window::Window;

/// The breaker of one revision, from its activation to its end.
pub struct Breaker {
    settings: BreakerSettings,
    seed: u64,
    /// Whether there was a failure since the last success. All that calls look at while there was none.
    uneasy: AtomicBool,
    state: Mutex<State>,
    /// What became of the calls of late, where `success_rate` asks for it.
    window: Option<Window>,
    tell: Box<dyn Fn(BreakerNews) + Send + Sync>,
    observed: Observed,
}

/// What happened, for whoever tells the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerNews {
    /// The revision gets no calls.
    Opened {
        /// Failures in a row.
        failures: u32,
        /// For how long.
        open: Duration,
    },
    /// A call succeeded; nothing is held against the revision any more.
    Closed,
}

/// A breaker that is not closed, seen from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerStatus {
    /// Failures in a row.
    pub failures: u32,
    /// For how long it is still open. Zero if the next call may probe, or one is just probing.
    pub remaining: Duration,
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker").field("settings", &self.settings).field("state", &self.state).finish_non_exhaustive()
    }
}

impl Breaker {
    /// A clean start. `seed` keeps revisions that fail together from being probed together; `tell` hears what happens.
    pub fn new(settings: &BreakerSettings, seed: u64, tell: impl Fn(BreakerNews) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            settings: settings.clone(),
            seed,
            uneasy: AtomicBool::new(false),
            state: Mutex::default(),
            window: (!settings.success_rate.is_none()).then(|| Window::new(settings)),
            tell: Box::new(tell),
            observed: Observed::default(),
        })
    }

    /// How it stands, if it is not closed.
    pub fn status(&self) -> Option<BreakerStatus> {
        self.lock().status(Instant::now())
    }

    /// What became of the calls of the revision: the breaker hears of all of them anyway.
    pub const fn observed(&self) -> &Observed {
        &self.observed
    }

    /// Lets a call through that an instance gets at `begun`, unless it is open.
    ///
    /// # Errors
    /// [`FaultKind::Unavailable`] with the time after which to try again.
    pub(crate) fn admit(&self, begun: Instant) -> Result<Trial<&Self>, Fault> {
        let probes = self.uneasy.load(Ordering::Acquire)
            && match self.lock().admit(Instant::now()) {
                Admission::Ordinary => false,
                Admission::Probe => true,
                Admission::Refused { failures, remaining } => return Err(refused(failures, remaining)),
            };
        Ok(Trial { breaker: self, probes, begun: Some(begun), erred: false })
    }

    fn failure(&self, probes: bool) {
        if self.settings.failures == 0 && self.window.is_none() {
            return;
        }
        let opened = {
            let mut state = self.lock();
            self.uneasy.store(true, Ordering::Release);
            let now = Instant::now();
            let too_few = self.window.as_ref().is_some_and(|window| window.failure(now));
            let open = state.failure(&self.settings, (probes, too_few), now, self.seed);
            if let (Some(_), Some(window)) = (open, &self.window) {
                window.forget();
            }
            open.map(|open| BreakerNews::Opened { failures: state.failures(), open })
        };
        if let Some(opened) = opened {
            (self.tell)(opened);
        }
    }

    fn success(&self, now: Instant) {
        if let Some(window) = &self.window {
            window.success(now);
        }
        if self.uneasy.load(Ordering::Acquire) {
            let closed = {
                let mut state = self.lock();
                let closed = state.success();
                if closed.is_some() {
                    self.uneasy.store(false, Ordering::Release);
                }
                closed
            };
            if closed == Some(true) {
                (self.tell)(BreakerNews::Closed);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(failures: u32, remaining: Duration) -> Fault {
    Fault::new(FaultKind::Unavailable, "the service keeps failing and is left alone; the call was not begun")
        .with_retry_after(remaining)
        .with_details(format_args!("its breaker is open; {failures} calls in a row failed"))
        .unprocessed()
}

/// One call on a revision. Whatever it does not say before it is dropped says nothing about the revision.
#[derive(Debug)]
pub(crate) struct Trial<B: Deref<Target = Breaker>> {
    breaker: B,
    /// Whether the others wait for how this call ends.
    probes: bool,
    /// When an instance got the call, while there is no answer.
    begun: Option<Instant>,
    /// Whether it counts as an error already.
    erred: bool,
}

impl<B: Deref<Target = Breaker>> Trial<B> {
    /// The same trial, which keeps the breaker by another reference to it.
    pub(crate) fn kept_by<C: Deref<Target = Breaker>>(mut self, breaker: C) -> Trial<C> {
        let (begun, erred) = (self.begun.take(), self.erred);
        Trial { breaker, probes: std::mem::take(&mut self.probes), begun, erred }
    }

    /// There is an answer since `now`, with this status if it is a reply to an HTTP request.
    pub(crate) fn replied(&mut self, status: Option<u16>, now: Instant) {
        self.answered();
        self.ended(now);
        if status.is_some_and(|status| status >= 500) {
            self.erred();
        }
    }

    /// Counts how long the call took, unless it has had an answer.
    fn ended(&mut self, now: Instant) {
        if let Some(begun) = self.begun.take() {
            self.breaker.observed.ended(now.saturating_duration_since(begun));
        }
    }

    /// Counts the call as an error, once.
    fn erred(&mut self) {
        if !std::mem::replace(&mut self.erred, true) {
            self.breaker.observed.erred();
        }
    }

    /// The head of a reply is there: the others need not wait for the end of the body.
    pub(crate) fn answered(&mut self) {
        if std::mem::take(&mut self.probes) {
            self.breaker.lock().relent();
        }
    }

    /// The call came to a good end `now`.
    pub(crate) fn succeeded(&mut self, now: Instant) {
        self.answered();
        self.breaker.success(now);
    }

    /// The call ended in a fault. `limit`: what bound its time.
    pub(crate) fn failed(&mut self, fault: &Fault, limit: Limit) {
        let counts = match fault.kind() {
            FaultKind::Trapped | FaultKind::Exhausted | FaultKind::Failed => true,
            FaultKind::Deadline => limit == Limit::Operator,
            FaultKind::NotFound
            | FaultKind::MethodNotAllowed
            | FaultKind::Unauthenticated
            | FaultKind::Denied
            | FaultKind::Invalid
            | FaultKind::TooLarge
            | FaultKind::Overloaded
            | FaultKind::RateLimited
            | FaultKind::Unavailable
            | FaultKind::Loop
            | FaultKind::Cancelled
            | FaultKind::Internal => false,
        };
        if counts && fault.blame() == Blame::Own {
            self.ended(Instant::now());
            self.erred();
            self.breaker.failure(std::mem::take(&mut self.probes));
        }
    }
}

impl<B: Deref<Target = Breaker>> Drop for Trial<B> {
    fn drop(&mut self) {
        self.answered();
    }
}

#[cfg(test)]
mod tests;

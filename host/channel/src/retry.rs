//! Retrying: whether a call that failed is tried again, and after what pause.

use std::time::Duration;

use patchbay_model::policy::RetrySettings;
use patchbay_model::{Blame, CallId, Fault, FaultKind};
use tokio::time::Instant;

use crate::budget::RetryBudget;
use crate::chance::chance;

/// An attempt that failed.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) fault: Fault,
    /// Whether what the call carries can be handed over once more.
    pub(crate) whole: bool,
    /// Whether the call may run twice: it is declared idempotent.
    pub(crate) repeatable: bool,
    /// Whether the time of this attempt alone was over, and not that of the call.
    pub(crate) too_slow: bool,
}

/// What becomes of a call after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Another attempt, after this pause.
    Again(Duration),
    /// The fault is told to the caller.
    Tell,
    /// The same, for the sole reason that the budget of the service is spent.
    BudgetSpent,
}

/// Decides on the attempt that failed as the `attempt`th of the call `id`.
pub(crate) fn judge(
    failed: &Failed,
    (id, attempt): (CallId, u32),
    settings: &RetrySettings,
    budget: &RetryBudget,
    (now, deadline): (Instant, Instant),
) -> Verdict {
    if attempt >= settings.attempts || !failed.whole || !is_worth_it(failed) {
        return Verdict::Tell;
    }
    let fault = &failed.fault;
    let longest = settings.backoff.saturating_mul(1 << (attempt - 1).min(16)).min(settings.max_backoff);
    let pause = part_of(longest, chance(id.number(), attempt));
    // Who says when to come again is believed; who is busy for longer than a pause may be, is not waited for.
    let pause = match fault.retry_after() {
        Some(wait) if wait > settings.max_backoff => return Verdict::Tell,
        Some(wait) => pause.max(wait),
        None => pause,
    };
    if now + pause >= deadline {
        return Verdict::Tell;
    }
    if budget.withdraw(settings, now) { Verdict::Again(pause) } else { Verdict::BudgetSpent }
}

/// Whether another attempt can do good, and no harm.
fn is_worth_it(failed: &Failed) -> bool {
    let fault = &failed.fault;
    // What a service further down could not do was tried again there.
    if fault.blame() == Blame::Callee {
        return false;
    }
    match fault.kind() {
        // Too many calls are not helped by more of them.
        FaultKind::Overloaded | FaultKind::RateLimited => false,
        FaultKind::Unavailable => fault.is_unprocessed() || failed.repeatable,
        FaultKind::Trapped | FaultKind::Failed => failed.repeatable,
        FaultKind::Deadline => failed.repeatable && failed.too_slow,
        FaultKind::NotFound
        | FaultKind::MethodNotAllowed
        | FaultKind::Unauthenticated
        | FaultKind::Denied
        | FaultKind::Invalid
        | FaultKind::TooLarge
        | FaultKind::Exhausted
        | FaultKind::Loop
        | FaultKind::Cancelled
        | FaultKind::Internal => false,
    }
}

/// A random part of `longest` ("full jitter"), so that calls that failed together do not come back together.
fn part_of(longest: Duration, chance: u64) -> Duration {
    longest.mul_f64((chance >> 11) as f64 / (1_u64 << 53) as f64)
}

#[cfg(test)]
mod tests;

//! What becomes of a canary: a function of its plan, of where it stands, of what was seen, and of the time. Nothing here
//! waits, and nothing here acts.

use std::time::Duration;

use patchbay_model::traffic::CanaryPlan;
use patchbay_model::units;
use tokio::time::Instant;

use super::rules::{Sample, Verdict, judge};

/// Where a canary stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// The step, counted from 0.
    pub(crate) step: u32,
    /// Since when this run of the host is at it.
    pub(crate) begun: Instant,
    /// How long earlier runs were.
    pub(crate) used: Duration,
    pub(crate) phase: Phase,
}

impl Position {
    /// The beginning of a step.
    pub(crate) const fn at(step: u32, begun: Instant, used: Duration) -> Self {
        Self { step, begun, used, phase: Phase::Baking }
    }

    /// How long the step has lasted. The time in which the host was down is not counted.
    pub(crate) fn baked(&self, now: Instant) -> Duration {
        self.used.saturating_add(now.saturating_duration_since(self.begun))
    }
}

/// What a step waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The end of its time.
    Baking,
    /// More calls: its time is over, and there were too few.
    Prolonged,
    /// Somebody who decides; with the reason.
    Waiting(String),
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// The numbers of the step so far.
    Looked {
        /// Those of the candidate.
        candidate: Sample,
        /// Those of the stable revision in the same time.
        stable: Sample,
        /// The errors that the canary has cost its callers since it began.
        errors: u32,
    },
    /// The breaker of the candidate opened.
    BreakerOpened,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// The next step begins; why the last one is over.
    Advance(String),
    /// It is to be told why the step goes on.
    Tell(String),
    /// The candidate becomes the active revision.
    Promote,
    /// The candidate goes; why.
    Abort(String),
}

/// What follows from an event.
pub(crate) fn next(plan: &CanaryPlan, position: &Position, event: &Event, now: Instant) -> (Position, Option<Action>) {
    let stay = |action| (position.clone(), action);
    let (candidate, stable, errors) = match event {
        Event::BreakerOpened => {
            return stay(Some(Action::Abort("its breaker opened: its calls kept failing".to_owned())));
        }
        Event::Looked { candidate, stable, errors } => (candidate, stable, *errors),
    };
    if let Some(max) = plan.rules.max_errors.filter(|max| errors >= *max) {
        return stay(Some(Action::Abort(format!("it has cost {errors} errors, and `max_errors` is {max}"))));
    }
    let verdict = judge(&plan.rules, candidate, stable);
    if let Verdict::Bad(reason) = verdict {
        return stay(Some(Action::Abort(reason)));
    }
    let baked = position.baked(now);
    if baked < plan.bake || matches!(position.phase, Phase::Waiting(_)) {
        return stay(None);
    }
    let is_last = position.step.saturating_add(1) >= plan.n_steps();
    match verdict {
        Verdict::Good(numbers) if !is_last => {
            (Position::at(position.step.saturating_add(1), now, Duration::ZERO), Some(Action::Advance(numbers)))
        }
        Verdict::Good(numbers) if plan.manual => {
            wait(position, format!("it did well, and waits to be promoted: {numbers}"))
        }
        Verdict::Good(_) => stay(Some(Action::Promote)),
        Verdict::TooFew(reason) | Verdict::Bad(reason) => too_few(plan, position, baked, &reason),
    }
}

/// What follows from too few calls at the end of a step: it is prolonged, and then somebody has to decide.
fn too_few(plan: &CanaryPlan, position: &Position, baked: Duration, reason: &str) -> (Position, Option<Action>) {
    if baked >= plan.bake.saturating_add(plan.prolong) {
        return wait(position, format!("{reason}; promote or abort it"));
    }
    if position.phase == Phase::Prolonged {
        return (position.clone(), None);
    }
    let prolong = units::format_duration(plan.prolong);
    let told = format!("the step is prolonged by up to {prolong}: {reason}");
    (Position { phase: Phase::Prolonged, ..position.clone() }, Some(Action::Tell(told)))
}

fn wait(position: &Position, reason: String) -> (Position, Option<Action>) {
    (Position { phase: Phase::Waiting(reason.clone()), ..position.clone() }, Some(Action::Tell(reason)))
}

#[cfg(test)]
mod tests;

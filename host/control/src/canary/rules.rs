//! Whether a candidate does as well as it should, going by its numbers. Pure.

use std::time::Duration;

use patchbay_channel::Reading;
use patchbay_model::traffic::{CanaryRules, TrafficShare};
use patchbay_model::units;

/// The numbers of a revision in one step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sample {
    /// Calls that ended.
    pub calls: u64,
    /// Those among them that were errors.
    pub errors: u64,
    /// The time within which half of them had an answer.
    pub p50: Option<Duration>,
    /// The time within which 99 of 100 had one.
    pub p99: Option<Duration>,
}

impl From<&Reading> for Sample {
    fn from(reading: &Reading) -> Self {
        Self {
            calls: reading.calls(),
            errors: u64::from(reading.errors),
            p50: reading.latencies.quantile(0.5),
            p99: reading.latencies.quantile(0.99),
        }
    }
}

impl Sample {
    /// The share of errors, from 0 to 1.
    fn error_rate(&self) -> f64 {
        if self.calls == 0 { 0.0 } else { self.errors as f64 / self.calls as f64 }
    }
}

/// What the numbers say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The candidate may go on; its numbers as a sentence.
    Good(String),
    /// It has to go; why.
    Bad(String),
    /// It has not had enough calls to tell, or the stable revision has not; which.
    TooFew(String),
}

/// Holds the numbers of a candidate against the rules, and against those of the stable revision in the same time.
pub(super) fn judge(rules: &CanaryRules, candidate: &Sample, stable: &Sample) -> Verdict {
    let min_calls = u64::from(rules.min_calls);
    if candidate.calls < min_calls {
        return Verdict::TooFew(format!(
            "the candidate had {} calls in this step, and {min_calls} tell enough",
            candidate.calls
        ));
    }
    let rate = candidate.error_rate();
    if let Some(max) = rules.max_error_rate.filter(|max| rate > max.fraction()) {
        return Verdict::Bad(format!("{} of its calls were errors, and `max_error_rate` is {max}", percent(rate)));
    }
    let compares = rules.max_error_increase.is_some() || rules.max_p99.is_some();
    if compares && stable.calls < min_calls {
        return Verdict::TooFew(format!(
            "the stable revision had {} calls in this step, and {min_calls} tell enough to compare with",
            stable.calls
        ));
    }
    if let Some(reason) = worse(rules.max_error_increase, rate, stable.error_rate()) {
        return Verdict::Bad(reason);
    }
    if let (Some(factor), Some(own), Some(other)) = (rules.max_p99, candidate.p99, stable.p99)
        && own > factor.times(other)
    {
        let (own, other) = (rounded(own), rounded(other));
        return Verdict::Bad(format!(
            "its p99 was {own}, that of the stable revision {other}, and `max_p99` is {factor}"
        ));
    }
    Verdict::Good(numbers(candidate))
}

fn worse(max: Option<TrafficShare>, own: f64, other: f64) -> Option<String> {
    let max = max.filter(|max| own > other + max.fraction())?;
    let (own, other) = (percent(own), percent(other));
    Some(format!(
        "{own} of its calls were errors, {other} of those of the stable revision, and `max_error_increase` is {max}"
    ))
}

/// What is to be said of the numbers of a revision.
pub(super) fn numbers(sample: &Sample) -> String {
    let p99 = sample.p99.map(|p99| format!(", p99 {}", rounded(p99))).unwrap_or_default();
    format!("{} calls, {} errors{p99}", sample.calls, sample.errors)
}

fn percent(share: f64) -> String {
    format!("{:.2}%", share * 100.0)
}

/// A latency for people: to the hundredth of a millisecond, or to the millisecond where it is long.
fn rounded(latency: Duration) -> String {
    let unit = if latency < Duration::from_millis(100) { 10_000 } else { 1_000_000 };
    let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX) / unit * unit;
    units::format_duration(Duration::from_nanos(nanos.max(unit)))
}

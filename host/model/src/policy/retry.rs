//! When a call is tried again.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};

use super::{DAY, Judge, Share};
use crate::text::serde_as_text;
use crate::{FunctionName, parse_method, units};

/// How calls of a service are tried again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetrySettings {
    /// How often a call is tried in all. 1: once.
    pub attempts: u32,
    /// The longest pause before the second attempt; it doubles for each further one. The pause is a random part of it.
    #[serde(with = "units::duration")]
    pub backoff: Duration,
    /// What the longest pause does not grow beyond.
    #[serde(with = "units::duration")]
    pub max_backoff: Duration,
    /// How long one attempt may take to answer, where another one may follow it. The last one has what is left of the
    /// deadline.
    #[serde(with = "units::duration")]
    pub attempt_timeout: Duration,
    /// What may run twice without harm, so that it is tried again although it may have been processed.
    pub idempotent: Vec<Repeatable>,
    /// Second attempts may be this share of the calls of the last ten seconds ...
    pub budget: Share,
    /// ... and this many per second on top.
    pub budget_floor: u32,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            attempts: 3,
            backoff: Duration::from_millis(25),
            max_backoff: Duration::from_millis(250),
            attempt_timeout: Duration::from_secs(5),
            idempotent: Vec::new(),
            budget: Share::percent(20).unwrap_or(Share::NONE),
            budget_floor: 10,
        }
    }
}

impl RetrySettings {
    /// Whether a function is declared idempotent.
    pub fn repeats_function(&self, function: &FunctionName) -> bool {
        self.idempotent.iter().any(|one| matches!(one, Repeatable::Function(name) if function.serves(name)))
    }

    /// Whether an HTTP method is declared idempotent.
    pub fn repeats_method(&self, method: &Method) -> bool {
        self.idempotent.iter().any(|one| matches!(one, Repeatable::Method(name) if name == method))
    }

    pub(crate) fn judge(&self, judge: &mut Judge<'_>) {
        judge.require((1..=10).contains(&self.attempts), "retry.attempts", "must lie between 1 and 10");
        for (key, value) in [
            ("retry.backoff", self.backoff),
            ("retry.max_backoff", self.max_backoff),
            ("retry.attempt_timeout", self.attempt_timeout),
        ] {
            let possible = value >= Duration::from_millis(1) && value <= DAY;
            judge.require(possible, key, "must lie between 1ms and 24h");
        }
        judge.require(self.backoff <= self.max_backoff, "retry.backoff", "must not be longer than `max_backoff`");
        judge.require(self.budget_floor <= 1_000_000, "retry.budget_floor", "must be at most 1000000");
    }
}

/// What may run twice without harm: a function, or an HTTP method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repeatable {
    /// A function; without a version, those of all versions.
    Function(FunctionName),
    /// Requests with this method that have no body.
    Method(Method),
}

/// Why a text names nothing that can be idempotent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no function and no HTTP method; write a function such as `shop:inventory/stock.available`, or a method \
     such as `GET`"
)]
pub struct RepeatableError(String);

impl FromStr for Repeatable {
    type Err = RepeatableError;

    fn from_str(text: &str) -> Result<Self, RepeatableError> {
        let function = text.parse().map(Self::Function).ok();
        let method = || parse_method(text).ok().map(Self::Method);
        function.or_else(method).ok_or_else(|| RepeatableError(text.chars().take(160).collect()))
    }
}

impl fmt::Display for Repeatable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Function(function) => function.fmt(f),
            Self::Method(method) => method.fmt(f),
        }
    }
}

serde_as_text!(Repeatable);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_of_any_version_and_methods_can_be_idempotent() {
        let retry = RetrySettings {
            idempotent: ["shop:inventory/stock.available", "a:b/c@1.0.0.f", "GET"]
                .map(|text| text.parse().unwrap())
                .into(),
            ..RetrySettings::default()
        };
        for (function, repeats) in [
            ("shop:inventory/stock@0.1.0.available", true),
            ("shop:inventory/stock@0.1.0.reserve", false),
            ("a:b/c@1.0.0.f", true),
            ("a:b/c@2.0.0.f", false),
        ] {
            assert_eq!(retry.repeats_function(&function.parse().unwrap()), repeats, "{function}");
        }
        assert!(retry.repeats_method(&Method::GET) && !retry.repeats_method(&Method::POST));
        for text in ["", "get it", "shop:inventory/stock"] {
            assert!(text.parse::<Repeatable>().is_err(), "{text}");
        }
    }
}

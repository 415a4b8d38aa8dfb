//! The policies of the channel, as they are configured: how often a service may be called, when a call is tried again,
//! when a revision that keeps failing is left alone, and what stands in for it.

mod access;
mod breaker;
mod edge;
mod fallback;
mod link;
mod priority;
mod rate;
mod retry;
mod route;
mod share;
mod verdict;

pub use access::{AccessRule, AccessRuleError, Asker, Operation, Term};
pub use breaker::BreakerSettings;
pub use edge::{
    CacheSettings, CompressSettings, CorsSettings, EdgeSettings, FilesSettings, HeaderRules, IdempotencySettings,
    OriginPattern, OriginPatternError, RedirectSettings, RewriteSettings,
};
pub use fallback::Fallback;
pub use link::{LinkRetry, LinkSettings};
pub use priority::Priority;
pub use rate::{Rate, RateError};
pub use retry::{Repeatable, RepeatableError, RetrySettings};
pub use route::RouteSettings;
pub use share::{Share, ShareError};
pub use verdict::{RateVerdict, RateVerdicts};

use std::time::Duration;

use crate::settings::SettingsError;

/// A day: no policy waits for longer.
pub(crate) const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Notes what is wrong with the value of a key.
pub(crate) struct Judge<'p>(pub(crate) &'p mut Vec<SettingsError>);

impl Judge<'_> {
    /// Notes that the value of `key` `problem`, unless `met`.
    pub(crate) fn require(&mut self, met: bool, key: &'static str, problem: &str) {
        if !met {
            self.0.push(SettingsError { key, problem: problem.to_owned() });
        }
    }
}

//! How replies are kept for everybody.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::policy::{DAY, Judge};
use crate::units;

/// A shared cache of replies (RFC 9111). What may be kept, and for how long, is for the replies to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CacheSettings {
    /// All that is kept, in bytes. What was not asked for for longest goes first.
    #[serde(with = "units::size")]
    pub memory: u64,
    /// Body of one reply that is kept, in bytes.
    #[serde(with = "units::size")]
    pub max_reply: u64,
    /// How long a reply is fresh that says nothing of it. Zero: not at all.
    #[serde(with = "units::duration")]
    pub default_ttl: Duration,
    /// How long a request waits for another one that is already asking for the same. Zero: every one asks by itself.
    #[serde(with = "units::duration")]
    pub collapse: Duration,
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self { memory: 64 << 20, max_reply: 1 << 20, default_ttl: Duration::ZERO, collapse: Duration::from_secs(2) }
    }
}

impl CacheSettings {
    pub(super) fn judge(&self, judge: &mut Judge<'_>) {
        judge.require((64 << 10..=64 << 30).contains(&self.memory), "cache.memory", "must lie between 64KiB and 64GiB");
        judge.require((1..=1 << 30).contains(&self.max_reply), "cache.max_reply", "must lie between 1B and 1GiB");
        judge.require(self.max_reply <= self.memory, "cache.max_reply", "must not be larger than `memory`");
        judge.require(self.default_ttl <= DAY, "cache.default_ttl", "must be at most 24h");
        judge.require(self.collapse <= Duration::from_secs(60), "cache.collapse", "must be at most 1m");
    }
}

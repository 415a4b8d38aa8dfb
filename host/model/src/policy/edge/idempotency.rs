//! How often what carries one `Idempotency-Key` runs.

use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};

use crate::policy::Judge;
use crate::units;

/// How replies are kept for requests that come again with the same `Idempotency-Key`
/// (draft-ietf-httpapi-idempotency-key-header). They are kept in the memory of this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdempotencySettings {
    /// The methods that it is for. Others go through, with a key or without.
    #[serde(with = "crate::route::methods")]
    pub methods: Vec<Method>,
    /// Whether a request without a key is refused.
    pub required: bool,
    /// Whether callers who have not proved who they are have keys, too: each address has its own.
    pub anonymous: bool,
    /// How long a reply is kept.
    #[serde(with = "units::duration")]
    pub ttl: Duration,
    /// Whether a request that failed (a status of 500 or more, or a call that broke off) is done, too, so that it does not
    /// run again.
    pub keep_errors: bool,
    /// Body of a request with a key, in bytes. It is read before the service is asked.
    #[serde(with = "units::size")]
    pub max_request: u64,
    /// Body of a reply that is kept, in bytes. A larger one reaches its caller, and is not told again.
    #[serde(with = "units::size")]
    pub max_reply: u64,
    /// Keys of all callers at a time.
    pub keys: u32,
    /// Keys of one caller at a time.
    pub keys_per_caller: u32,
    /// Bodies of all kept replies together, in bytes.
    #[serde(with = "units::size")]
    pub memory: u64,
}

impl Default for IdempotencySettings {
    fn default() -> Self {
        Self {
            methods: vec![Method::POST, Method::PATCH],
            required: false,
            anonymous: false,
            ttl: Duration::from_secs(24 * 60 * 60),
            keep_errors: false,
            max_request: 1 << 20,
            max_reply: 1 << 20,
            keys: 100_000,
            keys_per_caller: 10_000,
            memory: 64 << 20,
        }
    }
}

impl IdempotencySettings {
    pub(super) fn judge(&self, judge: &mut Judge<'_>) {
        judge.require(!self.methods.is_empty(), "idempotency.methods", "must name a method, such as `POST`");
        let unsafe_only = self.methods.iter().all(|method| !method.is_safe());
        judge.require(unsafe_only, "idempotency.methods", "must not name methods that change nothing, such as `GET`");
        let week = Duration::from_secs(7 * 24 * 60 * 60);
        let possible = (Duration::from_secs(1)..=week).contains(&self.ttl);
        judge.require(possible, "idempotency.ttl", "must lie between 1s and 7days");
        for (key, size) in [("idempotency.max_request", self.max_request), ("idempotency.max_reply", self.max_reply)] {
            judge.require((1 << 10..=64 << 20).contains(&size), key, "must lie between 1KiB and 64MiB");
        }
        for (key, number) in [("idempotency.keys", self.keys), ("idempotency.keys_per_caller", self.keys_per_caller)] {
            judge.require((1..=10_000_000).contains(&number), key, "must lie between 1 and 10000000");
        }
        let possible = (1 << 10..=16 << 30).contains(&self.memory);
        judge.require(possible, "idempotency.memory", "must lie between 1KiB and 16GiB");
        judge.require(self.max_reply <= self.memory, "idempotency.max_reply", "must not be larger than `memory`");
    }
}

//! What is mirrored: live requests, sent once more to somebody whose answers nobody gets.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::TrafficShare;
use crate::policy::{DAY, Judge};
use crate::{ServiceName, units};

/// How the requests of a service are mirrored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MirrorSettings {
    /// The share of its requests that goes to the service `to`, too.
    pub share: TrafficShare,
    /// The service that gets them. Absent: only the candidate of a canary does, if the canary asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<ServiceName>,
    /// Body of a request or reply that is kept to be mirrored or compared, in bytes.
    #[serde(with = "units::size")]
    pub max_body: u64,
    /// The longest that a mirrored request may take.
    #[serde(with = "units::duration")]
    pub timeout: Duration,
    /// Mirrored requests at a time; the next one is left out.
    pub concurrency: u32,
    /// Whether samples of answers that differ show how their bodies begin.
    pub show_bodies: bool,
}

impl Default for MirrorSettings {
    fn default() -> Self {
        Self {
            share: TrafficShare::NONE,
            to: None,
            max_body: 64 << 10,
            timeout: Duration::from_secs(5),
            concurrency: 16,
            show_bodies: false,
        }
    }
}

impl MirrorSettings {
    /// Notes what is wrong with the settings.
    pub(crate) fn judge(&self, judge: &mut Judge<'_>) {
        judge.require(
            self.share.is_none() || self.to.is_some(),
            "mirror.share",
            "says how much is mirrored, and `to` not where to; name a service, or leave it to a canary (`--mirror`)",
        );
        judge.require(
            self.to.is_none() || !self.share.is_none(),
            "mirror.to",
            "says where to, and `share` not how much is mirrored",
        );
        judge.require(self.max_body <= 8 << 20, "mirror.max_body", "must be at most 8MiB");
        let possible = self.timeout >= Duration::from_millis(1) && self.timeout <= DAY;
        judge.require(possible, "mirror.timeout", "must lie between 1ms and 24h");
        judge.require((1..=1024).contains(&self.concurrency), "mirror.concurrency", "must lie between 1 and 1024");
    }
}

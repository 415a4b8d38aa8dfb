//! Subscriptions: which messages a service reacts to, and how they are handed to it.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::topic::Topic;
use crate::policy::{DAY, Judge};
use crate::text::serde_as_text;
use crate::{ServiceName, SettingsError, units};

/// Whether messages wait for each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// They do not: they are begun in their order, and a later one may be done first.
    #[default]
    None,
    /// Messages with the same key are handled one after the other. One that fails holds up those behind it until it
    /// is acknowledged or a dead letter.
    Key,
}

impl Order {
    /// The name in configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Key => "key",
        }
    }
}

/// With which message of a durable topic a subscription begins that was never there before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Start {
    /// With the next one.
    #[default]
    New,
    /// With the oldest that is kept.
    Beginning,
    /// With the first that was stored at this time or later.
    At(SystemTime),
}

/// Why a text is no start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no start; write \"new\", \"beginning\", or a time in UTC such as \"2026-01-31T12:00:00Z\"")]
pub struct StartError(String);

impl FromStr for Start {
    type Err = StartError;

    fn from_str(text: &str) -> Result<Self, StartError> {
        match text {
            "new" => Ok(Self::New),
            "beginning" => Ok(Self::Beginning),
            time => {
                humantime::parse_rfc3339(time).map(Self::At).map_err(|_| StartError(time.chars().take(80).collect()))
            }
        }
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("new"),
            Self::Beginning => f.write_str("beginning"),
            Self::At(time) => write!(f, "{}", humantime::format_rfc3339_millis(*time)),
        }
    }
}

serde_as_text!(Start);

/// How a service reacts to the messages that a filter chooses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubscriptionSettings {
    /// The consumer group: each message goes to one of those that have the same group and filter. `None`: the name of
    /// the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Whether every host hands each message to the service, instead of one of the hosts that share a broker.
    pub broadcast: bool,
    /// Messages that may be handled at a time.
    pub max_in_flight: u32,
    /// Whether messages wait for each other.
    pub order: Order,
    /// How often a message is tried before it becomes a dead letter.
    pub attempts: u32,
    /// The pause after the first failed attempt; it doubles with each further one, and varies by a fifth.
    #[serde(with = "units::duration")]
    pub backoff: Duration,
    /// The longest pause.
    #[serde(with = "units::duration")]
    pub max_backoff: Duration,
    /// Where messages go that failed too often or were rejected. `None`: `dlq.` and the name of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<Topic>,
    /// With which message it begins.
    pub start: Start,
}

impl Default for SubscriptionSettings {
    fn default() -> Self {
        Self {
            group: None,
            broadcast: false,
            max_in_flight: 32,
            order: Order::None,
            attempts: 5,
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(60),
            dead_letter: None,
            start: Start::New,
        }
    }
}

impl SubscriptionSettings {
    /// The consumer group of a subscription of `service`.
    pub fn group<'s>(&'s self, service: &'s ServiceName) -> &'s str {
        self.group.as_deref().unwrap_or(service.as_str())
    }

    /// Where dead letters of a subscription of `service` go.
    pub fn dead_letter(&self, service: &ServiceName) -> Topic {
        self.dead_letter.clone().unwrap_or_else(|| Topic::of_dead_letters(service))
    }

    /// Everything that is wrong with these settings; empty if they can be enforced.
    pub fn problems(&self) -> Vec<SettingsError> {
        let mut problems = Vec::new();
        self.judge(&mut Judge(&mut problems));
        problems
    }

    fn judge(&self, judge: &mut Judge<'_>) {
        judge.require((1..=10_000).contains(&self.max_in_flight), "max_in_flight", "must lie between 1 and 10000");
        judge.require((1..=1000).contains(&self.attempts), "attempts", "must lie between 1 and 1000");
        let pauses = self.backoff >= Duration::from_millis(1) && self.backoff <= DAY;
        judge.require(pauses, "backoff", "must lie between 1ms and 24h");
        let longest = self.max_backoff >= self.backoff && self.max_backoff <= DAY;
        judge.require(longest, "max_backoff", "must be at least `backoff` and at most 24h");
        // The name of a durable consumer in NATS, of which it becomes a part.
        let is_name = |group: &str| {
            (1..=63).contains(&group.len())
                && group.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
        };
        let named = self.group.as_deref().is_none_or(is_name);
        judge.require(named, "group", "must be 1 to 63 letters, digits, `-` and `_`");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_have_one_form() {
        for text in ["new", "beginning", "2026-01-31T12:00:00.000Z"] {
            assert_eq!(text.parse::<Start>().unwrap().to_string(), text);
        }
        for text in ["", "now", "yesterday", "2026-01-31"] {
            assert!(text.parse::<Start>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_service_has_its_own_group_and_dead_letters() {
        let service: ServiceName = "shipping".parse().unwrap();
        let settings = SubscriptionSettings::default();
        assert_eq!(settings.group(&service), "shipping");
        assert_eq!(settings.dead_letter(&service).as_str(), "dlq.shipping");
        let json = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<SubscriptionSettings>(&json).unwrap(), settings);
    }
}

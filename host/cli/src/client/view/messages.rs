//! What the admin API tells of topics, messages, subscriptions and dead letters.

use std::time::SystemTime;

use patchbay_model::bus::{SubscriptionSettings, TopicSettings};
use patchbay_model::units;
use serde::Deserialize;
use serde_json::{Map, Value};

/// A declared topic.
#[derive(Debug, Deserialize)]
pub(crate) struct Topic {
    pub(crate) topic: String,
    pub(crate) settings: TopicSettings,
    pub(crate) stored: Option<StoredMessages>,
    pub(crate) drift: Vec<String>,
}

/// What a durable topic holds.
#[derive(Debug, Deserialize)]
pub(crate) struct StoredMessages {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) damaged: u64,
}

/// A message that was taken.
#[derive(Debug, Deserialize)]
pub(crate) struct Receipt {
    pub(crate) id: String,
    pub(crate) sequence: Option<u64>,
    pub(crate) duplicate: bool,
}

/// A subscription of a service.
#[derive(Debug, Deserialize)]
pub(crate) struct Subscription {
    pub(crate) service: String,
    pub(crate) topic: String,
    pub(crate) group: String,
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    pub(crate) lag: u64,
    pub(crate) in_flight: u64,
    pub(crate) retrying: u64,
    pub(crate) delivered: u64,
    pub(crate) retried: u64,
    pub(crate) dead_letters: u64,
    pub(crate) settings: SubscriptionSettings,
}

/// A message.
#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    pub(crate) topic: String,
    pub(crate) sequence: Option<u64>,
    pub(crate) stored: String,
    #[serde(default)]
    pub(crate) headers: Vec<Header>,
    pub(crate) event: Map<String, Value>,
}

/// A header of a message.
#[derive(Debug, Deserialize)]
pub(crate) struct Header {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// A dead letter.
#[derive(Debug, Deserialize)]
pub(crate) struct DeadLetter {
    pub(crate) topic: String,
    pub(crate) sequence: u64,
    pub(crate) reason: String,
    pub(crate) service: String,
    pub(crate) revision: Option<u32>,
    pub(crate) filter: String,
    pub(crate) group: String,
    pub(crate) attempts: u32,
    #[serde(with = "units::timestamp")]
    pub(crate) first: SystemTime,
    #[serde(with = "units::timestamp")]
    pub(crate) last: SystemTime,
    pub(crate) replays: u32,
    pub(crate) message: MessageSummary,
}

/// A message in short.
#[derive(Debug, Deserialize)]
pub(crate) struct MessageSummary {
    pub(crate) topic: String,
    pub(crate) id: String,
}

/// A dead letter with its message.
#[derive(Debug, Deserialize)]
pub(crate) struct WholeDeadLetter {
    pub(crate) letter: DeadLetter,
    pub(crate) original: Message,
}

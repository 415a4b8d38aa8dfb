//! The settings of a subscription in the document.

use utoipa::ToSchema;

/// How a service reacts to the messages that a filter chooses.
#[derive(ToSchema)]
#[schema(as = SubscriptionSettings)]
#[expect(dead_code, reason = "its shape stands in the document; values are those of the model")]
pub(crate) struct SubscriptionSchema {
    /// The consumer group: each message goes to one of those that have the same group and filter. Absent: the name of
    /// the service.
    #[schema(required = false)]
    group: Option<String>,
    /// Whether every host hands each message to the service, instead of one of the hosts that share a broker.
    #[schema(required = false, example = false)]
    broadcast: bool,
    /// Messages that may be handled at a time.
    #[schema(required = false, example = 32)]
    max_in_flight: u32,
    /// Whether messages wait for each other: `none`, or `key` for those with the same key.
    #[schema(required = false, example = "none")]
    order: String,
    /// How often a message is tried before it becomes a dead letter.
    #[schema(required = false, example = 5)]
    attempts: u32,
    /// The pause after the first failed attempt; it doubles with each further one.
    #[schema(required = false, example = "1s")]
    backoff: String,
    /// The longest pause.
    #[schema(required = false, example = "1m")]
    max_backoff: String,
    /// Where messages go that failed too often or were rejected. Absent: `dlq.` and the name of the service.
    #[schema(required = false)]
    dead_letter: Option<String>,
    /// With which message of a durable topic it begins: `new`, `beginning`, or a time in UTC.
    #[schema(required = false, example = "new")]
    start: String,
}

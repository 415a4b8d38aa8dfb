//! The declared topics: what is in force, and what they hold.

use axum::Json;
use axum::extract::State;
use patchbay_model::bus::TopicSettings;
use patchbay_model::ports::{TopicInfo, TopicStored};
use serde::Serialize;
use utoipa::ToSchema;

use super::AdminState;
use super::rejection::Rejection;
use crate::problem::Problem;

/// A declared topic.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Topic {
    /// The topic, or the filter for topics, as it is declared.
    #[schema(example = "shop.orders.>")]
    topic: String,
    /// What is in force.
    #[schema(value_type = TopicSettingsSchema)]
    settings: TopicSettings,
    /// What it holds; absent if it is volatile.
    #[serde(skip_serializing_if = "Option::is_none")]
    stored: Option<StoredMessages>,
    /// What is in force and not as it is declared.
    drift: Vec<String>,
}

/// What is declared of a topic, as in `runtime.toml`.
#[derive(ToSchema)]
#[schema(as = TopicSettings)]
#[expect(dead_code, reason = "its shape stands in the document; values are those of the model")]
pub(super) struct TopicSettingsSchema {
    /// How safe its messages are: `volatile` or `durable`.
    #[schema(example = "durable")]
    level: String,
    /// What it keeps, if it is durable.
    retention: RetentionSchema,
    /// For how long a message with the same source and id counts as the same.
    #[schema(example = "2m")]
    dedupe: String,
    /// The services that may publish to it; absent: any.
    #[schema(required = false)]
    publishers: Option<Vec<String>>,
}

/// How much a durable topic keeps.
#[derive(ToSchema)]
#[schema(as = Retention)]
#[expect(dead_code, reason = "its shape stands in the document; values are those of the model")]
pub(super) struct RetentionSchema {
    /// Messages that are older go; `never`: at no age.
    #[schema(example = "7days")]
    age: String,
    /// What all messages may take.
    #[schema(example = "1GiB")]
    size: String,
    /// How many messages there may be; absent: any number.
    #[schema(required = false)]
    count: Option<u64>,
    /// What happens when size or count are reached: `refuse` or `drop-oldest`.
    #[schema(example = "refuse")]
    when_full: String,
}

/// What a durable topic holds.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct StoredMessages {
    /// Messages.
    messages: u64,
    /// What they take, in bytes.
    bytes: u64,
    /// The place of the oldest; 0 if there is none.
    first: u64,
    /// The place of the newest that there ever was; 0 if there was none.
    last: u64,
    /// Records that were found damaged, and are not delivered.
    damaged: u64,
}

impl From<TopicStored> for StoredMessages {
    fn from(stored: TopicStored) -> Self {
        let TopicStored { messages, bytes, first, last, damaged } = stored;
        Self { messages, bytes, first, last, damaged }
    }
}

impl From<TopicInfo> for Topic {
    fn from(info: TopicInfo) -> Self {
        let TopicInfo { topic, settings, stored, drift } = info;
        Self { topic: topic.to_string(), settings, stored: stored.map(StoredMessages::from), drift }
    }
}

/// Lists the declared topics.
///
/// Every other topic is volatile, and is there without being declared.
#[utoipa::path(
    get, operation_id = "listTopics", path = "/v1/topics", tag = "messages",
    responses(
        (status = 200, description = "The topics", body = [Topic]),
        (status = 503, description = "The bus is not available", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn list(State(state): State<AdminState>) -> Result<Json<Vec<Topic>>, Rejection> {
    let topics = state.control.topics().await?;
    Ok(Json(topics.into_iter().map(Topic::from).collect()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use patchbay_model::bus::Retention;
    use serde_json::{Value, to_value};
    use utoipa::PartialSchema;

    use super::*;

    #[test]
    fn the_document_has_the_keys_of_the_model() {
        let settings = TopicSettings {
            publishers: Some(Vec::new()),
            retention: Retention { count: Some(1), ..Retention::default() },
            ..TopicSettings::default()
        };
        let value = to_value(settings).unwrap();
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        for (schema, value) in
            [(TopicSettingsSchema::schema(), &value), (RetentionSchema::schema(), &value["retention"])]
        {
            assert_eq!(keys(&to_value(schema).unwrap()["properties"]), keys(value));
        }
    }
}

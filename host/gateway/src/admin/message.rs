//! A message as operators read it: in the JSON format of CloudEvents, with its place in its topic.

use std::time::SystemTime;

use patchbay_model::bus::{AttributeError, Message};
use patchbay_model::units;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// A message.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Message)]
pub(super) struct MessageView {
    /// Its topic.
    #[schema(example = "shop.orders.created")]
    topic: String,
    /// Its place in its topic, if that is durable.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    /// When the bus stored it, or got it.
    #[serde(serialize_with = "units::timestamp::serialize")]
    #[schema(value_type = String, format = DateTime)]
    stored: SystemTime,
    /// What its publisher sends along besides its attributes. Names may occur more than once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    headers: Vec<Header>,
    /// The message in the JSON format of CloudEvents 1.0. Data that is neither JSON nor text is in `data_base64`.
    #[schema(value_type = Object, example = json!({"specversion": "1.0", "id": "17", "source": "/services/orders", "type": "OrderCreated", "time": "2026-01-31T12:00:00Z", "datacontenttype": "application/json", "data": {"sku": "tea"}}))]
    event: Box<RawValue>,
}

/// A header of a message.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Header {
    /// Its name.
    name: String,
    /// Its value.
    value: String,
}

impl MessageView {
    /// The view of a message.
    ///
    /// # Errors
    /// [`AttributeError`] if an attribute cannot be written in JSON. The bus takes no such message from a service, but
    /// others that share a broker may have sent one.
    pub(super) fn new(message: &Message, sequence: Option<u64>, stored: SystemTime) -> Result<Self, AttributeError> {
        let headers = message.headers.iter().map(|(name, value)| Header { name: name.clone(), value: value.clone() });
        // The format has no place for headers, so they cannot stand against it.
        let bare = Message { headers: Vec::new(), ..message.clone() };
        let event = serde_json::from_slice(&bare.to_json()?);
        Ok(Self {
            topic: message.topic.to_string(),
            sequence,
            stored,
            headers: headers.collect(),
            event: event.map_err(|error| AttributeError::NotJson(error.to_string()))?,
        })
    }
}

//! Publishing as an operator: a message over HTTP, as CloudEvents 1.0 says.

use axum::Json;
use axum::extract::{Request, State};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use patchbay_model::bus::{AttributeError, Message, Receipt, Topic, is_attribute_header, is_structured};
use patchbay_model::ports::Publication;
use serde::Serialize;
use utoipa::ToSchema;

use super::AdminState;
use super::json::read;
use super::path::OfTopic;
use super::rejection::Rejection;
use crate::problem::Problem;

/// What JSON may add to a message besides what base64 does, in bytes.
const ADDED: u64 = 64 << 10;

/// What begins the names of the headers of a request that become headers of the message.
const SENT_ALONG: &str = "message-header-";

/// A message that was taken.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Receipt)]
pub(super) struct PublishReceipt {
    /// The CloudEvents `id` of the message.
    #[schema(example = "00000198c0ffee00-1")]
    id: String,
    /// How safe it is now: `volatile` or `durable`.
    #[schema(example = "durable")]
    level: &'static str,
    /// Its place in its topic, if that is durable.
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<u64>,
    /// Whether it was there already: nothing was added then.
    duplicate: bool,
}

impl PublishReceipt {
    pub(super) fn new(id: String, receipt: Receipt) -> Self {
        let Receipt { level, sequence, duplicate } = receipt;
        Self { id, level: level.name(), sequence, duplicate }
    }
}

/// Publishes a message.
///
/// In the binary mode of CloudEvents the body is the data, `content-type` its media type, and `ce-…` headers are the
/// attributes; what is left out, the host fills in. `ce-partitionkey` is the key. With `application/cloudevents+json` the
/// body is the whole message. `message-header-NAME` becomes the header `NAME` of the message.
#[utoipa::path(
    post, operation_id = "publishMessage", path = "/v1/topics/{topic}/messages", tag = "messages",
    params(
        ("topic" = String, Path, description = "The topic"),
        ("ce-id" = Option<String>, Header, description = "Publishing the same `id` and `source` again adds nothing"),
        ("ce-source" = Option<String>, Header, description = "Who publishes it; left out: `/operator`"),
        ("ce-type" = Option<String>, Header, description = "What happened; left out: the topic"),
        ("ce-subject" = Option<String>, Header, description = "What it is about"),
        ("ce-partitionkey" = Option<String>, Header, description = "Its key: messages with the same one keep their order"),
    ),
    request_body(
        content((Vec<u8> = "*/*"), (Object = "application/cloudevents+json")),
        description = "The data, or the whole message"
    ),
    responses(
        (status = 201, description = "The message was taken", body = PublishReceipt),
        (status = 400, description = "The topic or an attribute is wrong", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body did not come", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The message is too large", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is a batch, or in another format of CloudEvents", body = Problem, content_type = "application/problem+json"),
        (status = 500, description = "The bus failed", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The bus is not available", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "The bus gave no answer; the message may have been taken", body = Problem, content_type = "application/problem+json"),
        (status = 507, description = "The topic is full", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn publish(
    State(state): State<AdminState>,
    OfTopic(topic): OfTopic,
    request: Request,
) -> Result<(StatusCode, Json<PublishReceipt>), Rejection> {
    let (parts, body) = request.into_parts();
    let form = Form::of(&parts.headers)?;
    let body = read(body, form.limit(state.config.max_message), "the message").await?;
    let message = match form {
        Form::Binary => binary(&state, topic, &parts.headers, body)?,
        Form::Structured => structured(&state, topic, &parts.headers, &body)?,
    };
    message.check_attributes()?;
    let id = message.id.clone();
    let receipt = state.control.publish_message(publication(message)).await?;
    Ok((StatusCode::CREATED, Json(PublishReceipt::new(id, receipt))))
}

/// How CloudEvents puts a message into a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Binary,
    Structured,
}

impl Form {
    fn of(headers: &HeaderMap) -> Result<Self, Rejection> {
        let Some(given) = headers.get(CONTENT_TYPE) else { return Ok(Self::Binary) };
        let given = given.to_str().unwrap_or_default();
        if is_structured(given) {
            return Ok(Self::Structured);
        }
        // What begins like this is an event in a format that is not read here, and no data.
        let is_other = given.trim_start().to_ascii_lowercase().starts_with("application/cloudevents");
        if is_other { Err(Rejection::media_type("application/cloudevents+json")) } else { Ok(Self::Binary) }
    }
}

impl Form {
    /// The largest body that can carry a message of `max` bytes, which the bus has the last word on.
    fn limit(self, max: u64) -> usize {
        let limit = match self {
            Self::Binary => max,
            Self::Structured => max.saturating_mul(2).saturating_add(ADDED),
        };
        usize::try_from(limit).unwrap_or(usize::MAX)
    }
}

fn binary(state: &AdminState, topic: Topic, headers: &HeaderMap, data: Bytes) -> Result<Message, Rejection> {
    let headers = of_message(headers)?;
    let pairs = headers.iter().map(|(name, value)| (*name, *value));
    Ok(Message::from_headers(topic, pairs, data, || state.control.defaults_of_operator())?)
}

fn structured(state: &AdminState, topic: Topic, headers: &HeaderMap, body: &[u8]) -> Result<Message, Rejection> {
    let mut message = Message::from_json(topic, body, state.control.defaults_of_operator().time)?;
    let sent_along = of_message(headers)?.into_iter().filter(|(name, _)| !is_attribute_header(name));
    message.headers = sent_along.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Ok(message)
}

/// The headers of a request that are about the message. All others, the token among them, are the request's own.
fn of_message(headers: &HeaderMap) -> Result<Vec<(&str, &str)>, Rejection> {
    let mut found = Vec::new();
    for (name, value) in headers {
        let sent_along = name.as_str().strip_prefix(SENT_ALONG);
        if sent_along.is_none() && !is_attribute_header(name.as_str()) {
            continue;
        }
        if let Some(name) = sent_along.filter(|name| name.is_empty() || is_attribute_header(name)) {
            return Err(Rejection::invalid(format!("`{SENT_ALONG}{name}` names no header to send along")));
        }
        let value = std::str::from_utf8(value.as_bytes())
            .map_err(|_| Rejection::invalid(format!("the header `{name}` is no text in UTF-8")))?;
        found.push((sent_along.unwrap_or(name.as_str()), value));
    }
    Ok(found)
}

/// The message as something to publish.
fn publication(message: Message) -> Publication {
    let key = message.key().map(str::to_owned);
    let is_key = |name: &str| name == "partitionkey";
    Publication {
        topic: message.topic.to_string(),
        id: Some(message.id),
        source: Some(message.source),
        kind: Some(message.kind),
        time: Some(message.time),
        subject: message.subject,
        content_type: message.content_type,
        data_schema: message.data_schema,
        key,
        extensions: message.extensions.into_iter().filter(|(name, _)| !is_key(name)).collect(),
        headers: message.headers,
        reply_to: message.reply_to,
        data: message.data,
    }
}

impl From<AttributeError> for Rejection {
    fn from(error: AttributeError) -> Self {
        Self::invalid(error.to_string())
    }
}

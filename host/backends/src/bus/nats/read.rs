//! Looking at stored messages, and removing them.

use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{DirectGetErrorKind, Stream};
use patchbay_model::bus::{BusError, TopicFilter};
use patchbay_model::ports::Stored;
use serde_json::json;

use super::link::Link;
use super::stream::ask;
use super::{names, wire};

/// Up to `limit` messages of a declared topic that `filter` chooses, from a place on.
pub(super) async fn read(
    link: &Link,
    topic: &TopicFilter,
    filter: &TopicFilter,
    from: u64,
    limit: usize,
) -> Result<Vec<Stored>, BusError> {
    let Some(subjects) = names::common(topic, filter) else { return Ok(Vec::new()) };
    link.connected(0).await?;
    let name = names::of_stream(&link.settings.prefix, topic);
    let stream = link.jetstream.get_stream_no_info(&name).await;
    let stream = stream.map_err(|error| BusError::Storage(format!("the stream {name} cannot be read: {error}")))?;
    let (mut found, mut place) = (Vec::new(), from.max(1));
    while found.len() < limit {
        let Some(message) = next(link, topic, &stream, &subjects, place).await? else { break };
        place = message.sequence.saturating_add(1);
        found.extend(as_stored(link, &name, &message));
    }
    Ok(found)
}

async fn next<T>(
    link: &Link,
    topic: &TopicFilter,
    stream: &Stream<T>,
    subjects: &TopicFilter,
    place: u64,
) -> Result<Option<StreamMessage>, BusError> {
    match stream.direct_get_next_for_subject(subjects.as_str(), Some(place)).await {
        Ok(message) => Ok(Some(message)),
        Err(error) => match error.kind() {
            DirectGetErrorKind::NotFound => Ok(None),
            DirectGetErrorKind::TimedOut => Err(BusError::Timeout(link.settings.request_timeout)),
            _ => Err(BusError::Storage(format!("`{topic}` cannot be read: {error}"))),
        },
    }
}

fn as_stored(link: &Link, stream: &str, message: &StreamMessage) -> Option<Stored> {
    let (sequence, stored) = (message.sequence, message.time.into());
    let arrived = wire::Arrived {
        topic: message.subject.parse().ok()?,
        reply: None,
        headers: Some(&message.headers),
        data: message.payload.clone(),
        time: stored,
    };
    let message = wire::message(arrived, link.settings.author_key.as_ref(), || format!("{stream}-{sequence}"));
    Some(Stored { sequence, stored, message })
}

/// Removes one stored message. Its place on the disk is not written over.
pub(super) async fn remove(link: &Link, topic: &TopicFilter, sequence: u64) -> Result<(), BusError> {
    let name = names::of_stream(&link.settings.prefix, topic);
    let body = json!({ "seq": sequence, "no_erase": true });
    let removed: Result<serde_json::Value, _> =
        ask(link, topic.as_str(), format!("STREAM.MSG.DELETE.{name}"), &body).await;
    match removed {
        Ok(_) | Err(BusError::NotFound(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

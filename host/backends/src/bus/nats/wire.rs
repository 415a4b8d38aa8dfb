//! Messages as NATS carries them: CloudEvents in the binary mode when they are sent; in either mode, or with nothing but
//! data, when they arrive.

use std::time::SystemTime;

use async_nats::{HeaderMap, HeaderName, HeaderValue};
use bytes::Bytes;
use patchbay_model::bus::{BusError, Defaults, Message, Topic, is_structured};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::author_key::{AuthorKey, SIGNATURE};

/// Where a stored message says where its answer goes. NATS has a place for that of its own, and JetStream uses it for
/// acknowledgements.
const REPLY_TO: &str = "Patchbay-Reply-To";

/// What the names of headers begin with that the server acts upon. A publisher that could set them could empty a stream.
const SERVER: &str = "nats-";

/// The header by which JetStream recognises a message that it has already.
const MESSAGE_ID: &str = "Nats-Msg-Id";

/// The longest message id that is written out.
const LONGEST_ID: usize = 400;

/// What cannot be in a message id as it is.
const IN_ID: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// Where messages come from that do not say it.
const SOURCE: &str = "/nats";

/// The headers of a message. One that says for whom it was published is signed with the `key`; without one it does not say.
///
/// # Errors
/// [`BusError::Invalid`] if the message is none of CloudEvents, or has a header that NATS cannot carry.
pub(super) fn headers(message: &Message, key: Option<&AuthorKey>) -> Result<HeaderMap, BusError> {
    message.check_attributes().map_err(|error| BusError::Invalid(error.to_string()))?;
    if let Some((name, _)) = message.headers.iter().find(|(name, _)| is_reserved(name)) {
        return Err(BusError::Invalid(format!("the header `{name}` belongs to the broker; leave it out")));
    }
    let (mut headers, mut wrong) = (HeaderMap::new(), None);
    message.write_headers(|name, value| match (name_of(name), value.parse::<HeaderValue>()) {
        (Some(name), Ok(value)) => headers.append(name, value),
        _ => wrong = wrong.take().or_else(|| Some(name.chars().take(80).collect::<String>())),
    });
    if let Some(key) = key.filter(|_| message.has_author()) {
        let signature = key.sign(message.topic.as_str(), &pairs(&headers), &message.data);
        headers.insert(SIGNATURE, signature.as_str());
    }
    match wrong {
        None => Ok(headers),
        Some(name) => Err(BusError::Invalid(format!(
            "the header `{name}` cannot be sent; names are printable ASCII without `:`, and values have no line breaks"
        ))),
    }
}

/// The name of a header, if it can be one. Those that nearly every message has are neither checked nor copied.
fn name_of(name: &str) -> Option<HeaderName> {
    const KNOWN: [&str; 8] =
        ["ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time", "content-type", "ce-traceparent", "ce-subject"];
    let known = KNOWN.into_iter().find(|known| *known == name);
    known.map(HeaderName::from_static).or_else(|| name.parse().ok())
}

/// Adds what a stored message needs: by what it is recognised, and where its answer goes.
pub(super) fn add_stored(headers: &mut HeaderMap, message: &Message) {
    headers.insert(MESSAGE_ID, message_id(message).as_str());
    if let Some(topic) = &message.reply_to {
        headers.insert(REPLY_TO, topic.as_str());
    }
}

/// One text for source and id, so that the same pair always has the same and no other pair has.
fn message_id(message: &Message) -> String {
    let (source, id) = (utf8_percent_encode(&message.source, IN_ID), utf8_percent_encode(&message.id, IN_ID));
    let text = format!("{source} {id}");
    if text.len() <= LONGEST_ID { text } else { patchbay_model::Digest::of(text.as_bytes()).to_string() }
}

/// Whether a header is one that the broker, or this adapter, acts upon.
fn is_reserved(name: &str) -> bool {
    name.get(..SERVER.len()).is_some_and(|start| start.eq_ignore_ascii_case(SERVER))
        || [REPLY_TO, SIGNATURE].iter().any(|own| name.eq_ignore_ascii_case(own))
}

/// What arrived, as NATS has it.
pub(super) struct Arrived<'a> {
    /// Its subject.
    pub(super) topic: Topic,
    pub(super) reply: Option<&'a str>,
    pub(super) headers: Option<&'a HeaderMap>,
    pub(super) data: Bytes,
    /// When the bus got it.
    pub(super) time: SystemTime,
}

/// The message that arrived. `id` is asked for if it has none.
///
/// Whoever can publish to NATS can send anything. What is no valid CloudEvent is a message nevertheless: it must neither be
/// lost nor hold up those behind it. For whom it was published is believed if that is signed with the `key`.
pub(super) fn message(arrived: Arrived<'_>, key: Option<&AuthorKey>, id: impl Fn() -> String) -> Message {
    let mut pairs: Vec<(&str, &str)> = arrived.headers.map(pairs).unwrap_or_default();
    let stored_reply = pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case(REPLY_TO)).map(|(_, value)| *value);
    let reply_to = stored_reply.or(arrived.reply).and_then(|reply| reply.parse().ok());
    let signature = pairs.iter().find(|(name, _)| name.eq_ignore_ascii_case(SIGNATURE)).map(|(_, value)| *value);
    pairs.retain(|(name, _)| !is_reserved(name));
    let is_signed = key
        .zip(signature)
        .is_some_and(|(key, signature)| key.verify(signature, arrived.topic.as_str(), &pairs, &arrived.data));
    let mut message = structured(&pairs, &arrived).unwrap_or_else(|| {
        binary(&arrived.topic, pairs, arrived.data, || Defaults {
            id: id(),
            source: SOURCE.to_owned(),
            time: arrived.time,
        })
    });
    message.reply_to = reply_to;
    if !is_signed {
        message.forget_author();
    }
    message
}

/// The names and values of headers, in the order of the names, so that a message looks the same whenever it is read.
fn pairs(headers: &HeaderMap) -> Vec<(&str, &str)> {
    let mut pairs: Vec<(&str, &str)> = headers
        .iter()
        .flat_map(|(name, values)| values.iter().map(move |value| (name.as_ref(), value.as_str())))
        .collect();
    // Stable, so that values of one name keep their order.
    pairs.sort_by_key(|(name, _)| *name);
    pairs
}

fn structured(pairs: &[(&str, &str)], arrived: &Arrived<'_>) -> Option<Message> {
    let topic = &arrived.topic;
    pairs.iter().find(|(name, value)| name.eq_ignore_ascii_case("content-type") && is_structured(value))?;
    let mut message = Message::from_json(topic.clone(), &arrived.data, arrived.time)
        .inspect_err(|error| tracing::debug!(%topic, %error, "a message that says it is a CloudEvent is none"))
        .ok()?;
    let others = pairs.iter().filter(|(name, _)| !patchbay_model::bus::is_attribute_header(name));
    message.headers = others.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Some(message)
}

fn binary(topic: &Topic, mut pairs: Vec<(&str, &str)>, data: Bytes, defaults: impl Fn() -> Defaults) -> Message {
    let read =
        |pairs: &[(&str, &str)], data| Message::from_headers(topic.clone(), pairs.iter().copied(), data, &defaults);
    match read(&pairs, data.clone()) {
        Ok(message) => message,
        Err(error) => {
            tracing::debug!(%topic, %error, "a message has an attribute that cannot be read");
            // These are the only ones that reading can fail for.
            let fails = |name: &str| ["ce-time", "ce-specversion"].iter().any(|one| name.eq_ignore_ascii_case(one));
            pairs.retain(|(name, _)| !fails(name));
            read(&pairs, data.clone()).unwrap_or_else(|_| bare(topic, data, defaults()))
        }
    }
}

/// A message of which nothing but the data can be told.
fn bare(topic: &Topic, data: Bytes, defaults: Defaults) -> Message {
    Message {
        topic: topic.clone(),
        id: defaults.id,
        source: defaults.source,
        kind: topic.as_str().to_owned(),
        time: defaults.time,
        subject: None,
        content_type: None,
        data_schema: None,
        extensions: Vec::new(),
        headers: Vec::new(),
        reply_to: None,
        data,
    }
}

/// An id that no other message has.
pub(super) fn random_id() -> String {
    let mut bytes = [0; 16];
    // Without randomness ids would repeat, and messages be taken for one another: an empty part is no worse than none.
    if let Err(error) = getrandom::fill(&mut bytes) {
        tracing::warn!(%error, "the system has no randomness for the id of a message");
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;

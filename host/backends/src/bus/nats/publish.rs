//! Publishing, and waiting for answers.

use std::num::NonZeroUsize;
use std::time::Duration;

use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::{HeaderMap, Request, StatusCode, Subscriber};
use futures_util::StreamExt as _;
use patchbay_model::bus::{BusError, Level, Message, Receipt, TopicFilter};
use tokio::time::{Instant, timeout, timeout_at};

use super::link::Link;
use super::{error, wire};

/// Publishes to a topic that is not stored. The receipt says that the connection has it.
pub(super) async fn volatile(link: &Link, message: Message) -> Result<Receipt, BusError> {
    let headers = checked(link, &message)?;
    link.connected(message.size()).await?;
    send(link, message, headers).await?;
    Ok(Receipt { level: Level::Volatile, sequence: None, duplicate: false })
}

/// Hands a message to the connection. Waits for as long as anything may take where the connection has too much to do.
async fn send(link: &Link, message: Message, headers: HeaderMap) -> Result<(), BusError> {
    let (size, limit) = (message.size(), link.max_message());
    let subject = message.topic.as_str().to_owned();
    let sent = async {
        match message.reply_to {
            None => link.client.publish_with_headers(subject, headers, message.data).await,
            Some(reply) => {
                let reply = reply.as_str().to_owned();
                link.client.publish_with_reply_and_headers(subject, reply, headers, message.data).await
            }
        }
    };
    match timeout(link.settings.request_timeout, sent).await {
        Ok(sent) => sent.map_err(|error| error::of_publish(error.kind(), size, limit)),
        Err(_) => Err(BusError::Unavailable("the connection to NATS takes no more messages at the moment".to_owned())),
    }
}

/// The headers of a message that is small enough and that the server did not refuse a moment ago.
fn checked(link: &Link, message: &Message) -> Result<HeaderMap, BusError> {
    let (size, limit) = (message.size(), link.max_message());
    if size > limit {
        return Err(BusError::TooLarge { size: size as u64, limit: limit as u64 });
    }
    if let Some(text) = link.condition.denials.of_publishing(message.topic.as_str()) {
        return Err(BusError::Denied(text));
    }
    wire::headers(message, link.settings.author_key.as_ref())
}

/// Publishes to the declared durable topic `topic`. The receipt says that the stream has it on the disk.
pub(super) async fn durable(link: &Link, topic: &TopicFilter, message: Message) -> Result<Receipt, BusError> {
    let mut headers = checked(link, &message)?;
    wire::add_stored(&mut headers, &message);
    link.connected(message.size()).await?;
    let (subject, size) = (message.topic.as_str().to_owned(), message.size());
    let request = Request::new().headers(headers).payload(message.data).timeout(Some(link.settings.request_timeout));
    let answer = tokio::select! {
        answer = link.client.send_request(subject.clone(), request) => answer,
        text = link.condition.denials.publishing(&subject) => return Err(BusError::Denied(text)),
    };
    let answer = answer.map_err(|error| {
        let error = match error::of_request(&format!("`{topic}`"), error.kind(), link.settings.request_timeout) {
            BusError::Invalid(_) => BusError::TooLarge { size: size as u64, limit: link.max_message() as u64 },
            BusError::Unavailable(_) if error.kind() == async_nats::client::RequestErrorKind::NoResponders => {
                BusError::Unavailable(format!("no stream of JetStream takes messages of `{topic}` at the moment"))
            }
            other => other,
        };
        link.condition.failed(error.to_string());
        error
    })?;
    match serde_json::from_slice::<Response<PublishAck>>(&answer.payload) {
        Ok(Response::Ok(taken)) => {
            link.condition.succeeded();
            Ok(Receipt { level: Level::Durable, sequence: Some(taken.sequence), duplicate: taken.duplicate })
        }
        Ok(Response::Err { error }) => Err(error::of_jetstream(topic.as_str(), &error)),
        Err(error) => Err(BusError::Storage(format!(
            "whoever answers for `{topic}` is no JetStream ({error}); is another service subscribed to the topic?"
        ))),
    }
}

/// Publishes a message and waits for answers. `topic` is the declaration if it is a durable one.
pub(super) async fn request(
    link: &Link,
    topic: Option<&TopicFilter>,
    mut message: Message,
    wanted: NonZeroUsize,
    limit: Duration,
) -> Result<Vec<Message>, BusError> {
    let until = Instant::now() + limit;
    if topic.is_none() && wanted.get() == 1 && message.reply_to.is_none() {
        return one(link, message, limit).await.map(|answer| vec![answer]);
    }
    let headers = checked(link, &message)?;
    link.connected(message.size()).await?;
    let inbox = link.client.new_inbox();
    let subscriber = link.client.subscribe(inbox.clone()).await;
    let subscriber = subscriber.map_err(|error| BusError::Unavailable(format!("NATS gives no inbox: {error}")))?;
    let asked = message.topic.as_str().to_owned();
    message.reply_to = inbox.parse().ok();
    match topic {
        Some(topic) => durable(link, topic, message).await.map(drop)?,
        None => send(link, message, headers).await?,
    }
    answers(link, subscriber, &asked, wanted, until, limit).await
}

/// One answer, over the inbox that all such requests share.
async fn one(link: &Link, message: Message, limit: Duration) -> Result<Message, BusError> {
    let headers = checked(link, &message)?;
    link.connected(message.size()).await?;
    let (asked, size) = (message.topic.as_str().to_owned(), message.size());
    let request = Request::new().headers(headers).payload(message.data).timeout(Some(limit));
    let answer = tokio::select! {
        answer = link.client.send_request(asked.clone(), request) => answer,
        text = link.condition.denials.publishing(&asked) => return Err(BusError::Denied(text)),
    };
    use async_nats::client::RequestErrorKind as Kind;
    let answer = answer.map_err(|error| match error.kind() {
        Kind::NoResponders => BusError::NoResponders(asked.clone()),
        Kind::TimedOut => BusError::Timeout(limit),
        Kind::MaxPayloadExceeded => BusError::TooLarge { size: size as u64, limit: link.max_message() as u64 },
        Kind::InvalidSubject | Kind::Other => error::of_request(&format!("`{asked}`"), error.kind(), limit),
    })?;
    read(link, &answer).ok_or_else(|| BusError::Unavailable(format!("the answer to `{asked}` cannot be read")))
}

/// Collects answers until there are enough or the time is over.
async fn answers(
    link: &Link,
    mut subscriber: Subscriber,
    asked: &str,
    wanted: NonZeroUsize,
    until: Instant,
    limit: Duration,
) -> Result<Vec<Message>, BusError> {
    let mut answers = Vec::new();
    while answers.len() < wanted.get() {
        let Ok(Some(arrived)) = timeout_at(until, subscriber.next()).await else { break };
        if arrived.status == Some(StatusCode::NO_RESPONDERS) {
            return Err(BusError::NoResponders(asked.to_owned()));
        }
        answers.extend(read(link, &arrived));
    }
    if answers.is_empty() { Err(BusError::Timeout(limit)) } else { Ok(answers) }
}

fn read(link: &Link, answer: &async_nats::Message) -> Option<Message> {
    let message = wire::message(
        wire::Arrived {
            topic: answer.subject.parse().ok()?,
            reply: answer.reply.as_deref(),
            headers: answer.headers.as_ref(),
            data: answer.payload.clone(),
            time: link.clock.now(),
        },
        link.settings.author_key.as_ref(),
        wire::random_id,
    );
    Some(message)
}

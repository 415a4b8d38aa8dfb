//! Asking a consumer for messages: one request at a time, for as many as there is room for. The server answers with messages
//! until there were enough, and with signs of life while there are none.

use std::time::Duration;

use async_nats::{Message, StatusCode, Subscriber};
use futures_util::StreamExt as _;
use patchbay_model::bus::BusError;
use serde_json::json;
use tokio::time::{Instant, timeout};

use super::super::link::Link;
use super::Owner;

/// How long the server keeps a request that it has no messages for.
const EXPIRES: Duration = Duration::from_secs(30);

/// How often the server gives a sign of life meanwhile.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Without a sign for this long, the request is lost.
const LOST: Duration = Duration::from_secs(5);

/// Messages that one request asks for at most.
const LARGEST: usize = 1000;

/// The longest that messages are waited for which are on their way when the feed ends. A server that is busy with its disk
/// takes its time, and what is not taken in here comes again as another attempt.
const LAST_MESSAGES: Duration = Duration::from_secs(3);

/// The requests of one feed, and where their messages arrive.
pub(super) struct Pull {
    inbox: String,
    subscriber: Subscriber,
    number: u64,
    left: usize,
    sign: Instant,
}

/// What arrived.
pub(super) enum Pulled {
    Message(Message),
    /// Nothing to do.
    Nothing,
    /// The request is over. The next one may come at once.
    Over,
    /// The request is over because something is wrong; the next one had better wait.
    Wrong(String),
    /// The consumer is gone.
    Gone,
    /// The connection was closed for good.
    Closed,
}

impl Pull {
    /// Makes a place for messages to arrive at.
    pub(super) async fn open(link: &Link) -> Result<Self, BusError> {
        let inbox = link.client.new_inbox();
        let subscriber = link.client.subscribe(format!("{inbox}.*")).await;
        let subscriber = subscriber.map_err(|error| BusError::Unavailable(format!("NATS gives no inbox: {error}")))?;
        Ok(Self { inbox, subscriber, number: 0, left: 0, sign: Instant::now() })
    }

    pub(super) const fn is_asking(&self) -> bool {
        self.left > 0
    }

    /// When the request counts as lost.
    pub(super) fn lost_at(&self) -> Option<Instant> {
        self.is_asking().then(|| self.sign + LOST)
    }

    /// Asks for messages.
    pub(super) async fn ask(&mut self, link: &Link, owner: &Owner, room: usize) {
        let batch = room.min(LARGEST);
        let (expires, heartbeat) = (nanos(EXPIRES), nanos(HEARTBEAT));
        let body = json!({ "batch": batch, "expires": expires, "idle_heartbeat": heartbeat }).to_string();
        self.number += 1;
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{}", owner.stream, owner.consumer);
        let reply = format!("{}.{}", self.inbox, self.number);
        match link.client.publish_with_reply(subject, reply, body.into()).await {
            Ok(()) => (self.left, self.sign) = (batch, Instant::now()),
            Err(error) => tracing::debug!(%error, "messages could not be asked for"),
        }
    }

    /// Waits no longer for what was asked for.
    pub(super) const fn forget(&mut self) {
        self.left = 0;
    }

    /// Waits for what arrives next.
    pub(super) async fn next(&mut self) -> Pulled {
        match self.subscriber.next().await {
            None => Pulled::Closed,
            Some(message) => self.arrived(message),
        }
    }

    /// What has arrived already, if anything.
    pub(super) fn next_now(&mut self) -> Option<Pulled> {
        use futures_util::FutureExt as _;
        let message = self.subscriber.next().now_or_never()??;
        Some(self.arrived(message))
    }

    fn arrived(&mut self, message: Message) -> Pulled {
        let Some(status) = message.status else {
            (self.left, self.sign) = (self.left.saturating_sub(1), Instant::now());
            return Pulled::Message(message);
        };
        let number = message.subject.rsplit('.').next().and_then(|number| number.parse::<u64>().ok());
        if number != Some(self.number) {
            return Pulled::Nothing;
        }
        if status == StatusCode::IDLE_HEARTBEAT {
            self.sign = Instant::now();
            return Pulled::Nothing;
        }
        self.left = 0;
        let text = message.description.unwrap_or_default();
        let lower = text.to_ascii_lowercase();
        match status {
            StatusCode::NOT_FOUND | StatusCode::TIMEOUT => Pulled::Over,
            StatusCode::NO_RESPONDERS => Pulled::Gone,
            _ if lower.contains("consumer deleted") => Pulled::Gone,
            _ => Pulled::Wrong(format!("{} {text}", status.as_u16())),
        }
    }

    /// Asks for nothing more, and hands over the messages that were on their way.
    pub(super) async fn end(mut self, link: &Link) -> Vec<Message> {
        let mut last = Vec::new();
        // Without a connection, what has arrived is all that does.
        let patience = if link.condition.is_up() { LAST_MESSAGES } else { Duration::ZERO };
        if self.subscriber.drain().await.is_ok() {
            while let Ok(Some(message)) = timeout(patience, self.subscriber.next()).await {
                last.extend(Some(message).filter(|message| message.status.is_none()));
            }
        }
        last
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

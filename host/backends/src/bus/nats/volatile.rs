//! Feeds of topics that are not stored. A task of its own reads what the connection brings, so that one slow subscription
//! never holds up others; what is not taken in time is dropped and counted.

mod lobby;

use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_nats::Subscriber;
use futures_util::StreamExt as _;
use patchbay_model::bus::{BusError, TopicFilter, Topics};
use patchbay_model::ports::{BoxFuture, Feed, Incoming, Settlement};
use tokio::sync::Notify;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::link::Link;
use super::wire;
use lobby::Lobby;

/// Which messages a feed of volatile topics wants.
pub(super) struct Choice {
    /// The declaration; `None`: what is not declared.
    pub(super) topic: Option<TopicFilter>,
    pub(super) filter: TopicFilter,
    pub(super) topics: Arc<Topics>,
}

impl Choice {
    /// Whether the message of a subject is wanted. Answers that somebody else waits for are nobody's business, unless a filter
    /// names them.
    fn wants(&self, subject: &str) -> bool {
        const INBOX: &str = "_INBOX.";
        if subject.starts_with(INBOX) && !self.filter.as_str().starts_with(INBOX) {
            return false;
        }
        let Ok(topic) = subject.parse() else { return false };
        let declared = self.topics.of(&topic).map(|(filter, _)| filter);
        declared == self.topic.as_ref() && self.filter.matches(&topic)
    }
}

struct Shared {
    lobby: Mutex<Lobby>,
    arrived: Notify,
    dropped: AtomicU64,
    closing: watch::Sender<bool>,
}

impl Shared {
    fn lobby(&self) -> MutexGuard<'_, Lobby> {
        self.lobby.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A feed of volatile topics.
pub(super) struct VolatileFeed(Arc<Shared>);

/// Begins to feed: as a member of a queue group, or on its own. Without a window, messages need no settlement.
pub(super) async fn feed(
    link: &Arc<Link>,
    choice: Choice,
    queue: Option<String>,
    window: Option<u32>,
) -> Result<VolatileFeed, BusError> {
    link.connected(0).await?;
    let subject = match &choice.topic {
        Some(topic) => super::names::common(topic, &choice.filter).unwrap_or_else(|| choice.filter.clone()),
        None => choice.filter.clone(),
    };
    let subject = subject.as_str().to_owned();
    let subscriber = match queue {
        Some(queue) => link.client.queue_subscribe(subject, queue).await,
        None => link.client.subscribe(subject).await,
    };
    let subscriber = subscriber.map_err(|error| BusError::Unavailable(format!("NATS does not subscribe: {error}")))?;
    // From here on messages arrive: whoever publishes after this call returned is heard.
    link.caught_up().await?;
    let settings = &link.settings;
    let lobby =
        Lobby::new(window.unwrap_or(1), window.is_some(), settings.subscription_messages, settings.subscription_bytes);
    let shared = Arc::new(Shared {
        lobby: Mutex::new(lobby),
        arrived: Notify::new(),
        dropped: AtomicU64::new(0),
        closing: watch::Sender::new(false),
    });
    tokio::spawn(read(Arc::clone(link), choice, subscriber, Arc::clone(&shared)));
    Ok(VolatileFeed(shared))
}

/// Moves messages from the connection to the feed until it ends.
async fn read(link: Arc<Link>, choice: Choice, mut subscriber: Subscriber, shared: Arc<Shared>) {
    let mut closing = shared.closing.subscribe();
    loop {
        let message = tokio::select! {
            message = subscriber.next() => message,
            _ = closing.wait_for(|closing| *closing) => break,
        };
        let Some(message) = message else { break };
        if message.status.is_some() || !choice.wants(&message.subject) {
            continue;
        }
        let stored = link.clock.now();
        let read = wire::message(
            wire::Arrived {
                subject: &message.subject,
                reply: message.reply.as_deref(),
                headers: message.headers.as_ref(),
                data: message.payload.clone(),
                time: stored,
            },
            wire::random_id,
        );
        let Some(read) = read else { continue };
        if shared.lobby().enter(read, stored) {
            shared.arrived.notify_waiters();
        } else {
            shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
    shared.closing.send_replace(true);
    shared.arrived.notify_waiters();
}

impl Feed for VolatileFeed {
    fn receive(&self, max: NonZeroUsize) -> BoxFuture<'_, Vec<Incoming>> {
        Box::pin(async move {
            loop {
                let mut arrived = pin!(self.0.arrived.notified());
                arrived.as_mut().enable();
                if *self.0.closing.borrow() {
                    return Vec::new();
                }
                let (taken, wakes_at) = {
                    let mut lobby = self.0.lobby();
                    (lobby.take(max, Instant::now()), lobby.wakes_at())
                };
                if !taken.is_empty() {
                    return taken;
                }
                match wakes_at {
                    None => arrived.await,
                    Some(at) => tokio::select! {
                        () = arrived => {}
                        () = sleep_until(at) => {}
                    },
                }
            }
        })
    }

    fn settle(&self, token: u64, settlement: Settlement) {
        self.0.lobby().settle(token, settlement, Instant::now());
        self.0.arrived.notify_waiters();
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.0.closing.send_replace(true);
            self.0.arrived.notify_waiters();
        })
    }

    fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for VolatileFeed {
    fn drop(&mut self) {
        self.0.closing.send_replace(true);
        self.0.arrived.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_has_the_messages_of_one_declaration() {
        let topics = Topics::new([("shop.*".parse().unwrap(), Default::default())].into()).unwrap();
        let choice = |topic: Option<&str>, filter: &str| Choice {
            topic: topic.map(|topic| topic.parse().unwrap()),
            filter: filter.parse().unwrap(),
            topics: Arc::new(topics.clone()),
        };
        for (topic, filter, subject, wanted) in [
            (None, ">", "other.a", true),
            (None, ">", "shop.a", false),
            (None, ">", "dlq.a", false),
            (None, ">", "_INBOX.x.1", false),
            (None, ">", "$JS.ACK.a", false),
            (None, "_INBOX.x.*", "_INBOX.x.1", true),
            (None, "other.*", "third.a", false),
            (Some("shop.*"), ">", "shop.a", true),
            (Some("shop.*"), "shop.b", "shop.a", false),
            (Some("shop.*"), ">", "other.a", false),
        ] {
            assert_eq!(choice(topic, filter).wants(subject), wanted, "{topic:?} {filter} {subject}");
        }
    }
}

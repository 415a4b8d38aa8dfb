//! Feeds of topics that are not stored. For each group, one task reads what the connection brings, so that a slow group never
//! holds up others; what is not taken in time is dropped and counted.

mod lobby;

use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use async_nats::Subscriber;
use futures_util::StreamExt as _;
use patchbay_model::bus::{BusError, Topic, TopicFilter, Topics};
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
    /// The topic of a subject, if its messages are wanted. Answers that somebody else waits for are nobody's business, unless a
    /// filter names them.
    fn wanted(&self, subject: &str) -> Option<Topic> {
        const INBOX: &str = "_INBOX.";
        if subject.starts_with(INBOX) && !self.filter.as_str().starts_with(INBOX) {
            return None;
        }
        let topic = subject.parse().ok()?;
        let declared = self.topics.of(&topic).map(|(filter, _)| filter);
        (declared == self.topic.as_ref() && self.filter.matches(&topic)).then_some(topic)
    }
}

/// What the feeds of a group share.
struct Shared {
    lobby: Mutex<Lobby>,
    arrived: Notify,
    dropped: AtomicU64,
    closing: watch::Sender<bool>,
    /// The group; none for one who watches.
    queue: Option<Queue>,
}

/// A group of volatile topics on this host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Queue {
    pub(super) topic: Option<TopicFilter>,
    /// Its name among all hosts.
    pub(super) name: String,
    /// Whether each host has it for itself.
    pub(super) broadcast: bool,
}

impl Shared {
    fn lobby(&self) -> MutexGuard<'_, Lobby> {
        self.lobby.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self) {
        self.lobby().close();
        self.closing.send_replace(true);
        self.arrived.notify_waiters();
    }
}

/// A feed of volatile topics.
pub(super) struct VolatileFeed {
    shared: Arc<Shared>,
    seat: u64,
}

/// What this host is subscribed to.
#[derive(Default)]
pub(super) struct Lobbies(Mutex<Vec<Weak<Shared>>>);

impl Lobbies {
    fn all(&self) -> Vec<Arc<Shared>> {
        let mut lobbies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lobbies.retain(|lobby| lobby.strong_count() > 0);
        lobbies.iter().filter_map(Weak::upgrade).collect()
    }

    fn join(&self, queue: &Queue, window: u32) -> Option<VolatileFeed> {
        self.all().into_iter().filter(|shared| shared.queue.as_ref() == Some(queue)).find_map(|shared| {
            let seat = shared.lobby().join(window)?;
            Some(VolatileFeed { shared, seat })
        })
    }

    /// Ends all feeds.
    pub(super) fn close(&self) {
        self.all().iter().for_each(|shared| shared.end());
    }
}

/// Begins to feed a group, or one who watches and needs to settle nothing.
pub(super) async fn feed(
    link: &Arc<Link>,
    lobbies: &Lobbies,
    choice: Choice,
    queue: Option<Queue>,
    window: u32,
) -> Result<VolatileFeed, BusError> {
    if let Some(feed) = queue.as_ref().and_then(|queue| lobbies.join(queue, window)) {
        return Ok(feed);
    }
    link.connected(0).await?;
    let subject = match &choice.topic {
        Some(topic) => super::names::common(topic, &choice.filter).unwrap_or_else(|| choice.filter.clone()),
        None => choice.filter.clone(),
    };
    let subject = subject.as_str().to_owned();
    let subscriber = match &queue {
        Some(queue) if !queue.broadcast => link.client.queue_subscribe(subject, queue.name.clone()).await,
        Some(_) | None => link.client.subscribe(subject).await,
    };
    let subscriber = subscriber.map_err(|error| BusError::Unavailable(format!("NATS does not subscribe: {error}")))?;
    // From here on messages arrive: whoever publishes after this call returned is heard.
    link.caught_up().await?;
    let settings = &link.settings;
    let mut lobby = Lobby::new(queue.is_some(), settings.subscription_messages, settings.subscription_bytes);
    let seat = lobby.join(window).unwrap_or_default();
    let shared = Arc::new(Shared {
        lobby: Mutex::new(lobby),
        arrived: Notify::new(),
        dropped: AtomicU64::new(0),
        closing: watch::Sender::new(false),
        queue,
    });
    lobbies.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&shared));
    tokio::spawn(read(Arc::clone(link), choice, subscriber, Arc::clone(&shared)));
    Ok(VolatileFeed { shared, seat })
}

/// Moves messages from the connection to the feeds until they end.
async fn read(link: Arc<Link>, choice: Choice, mut subscriber: Subscriber, shared: Arc<Shared>) {
    let mut closing = shared.closing.subscribe();
    loop {
        let message = tokio::select! {
            message = subscriber.next() => message,
            _ = closing.wait_for(|closing| *closing) => break,
        };
        let Some(message) = message else { break };
        if message.status.is_some() {
            continue;
        }
        let Some(topic) = choice.wanted(&message.subject) else { continue };
        let stored = link.clock.now();
        let read = wire::message(
            wire::Arrived {
                topic,
                reply: message.reply.as_deref(),
                headers: message.headers.as_ref(),
                data: message.payload.clone(),
                time: stored,
            },
            link.settings.author_key.as_ref(),
            wire::random_id,
        );
        if shared.lobby().enter(read, stored) {
            shared.arrived.notify_waiters();
        } else {
            shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
    shared.end();
}

impl VolatileFeed {
    fn leave(&self) {
        let last = self.shared.lobby().leave(self.seat);
        if last {
            self.shared.end();
        }
        self.shared.arrived.notify_waiters();
    }
}

impl Feed for VolatileFeed {
    fn receive(&self, max: NonZeroUsize) -> BoxFuture<'_, Vec<Incoming>> {
        Box::pin(async move {
            loop {
                let mut arrived = pin!(self.shared.arrived.notified());
                arrived.as_mut().enable();
                let now = Instant::now();
                let wakes_at = {
                    let mut lobby = self.shared.lobby();
                    let taken = lobby.take(self.seat, max, now);
                    if !taken.is_empty() || !lobby.has(self.seat) {
                        return taken;
                    }
                    lobby.wakes_at(now)
                };
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
        self.shared.lobby().settle(self.seat, token, settlement, Instant::now());
        self.shared.arrived.notify_waiters();
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.leave();
        Box::pin(std::future::ready(()))
    }

    fn dropped(&self) -> u64 {
        self.shared.dropped.load(Ordering::Relaxed)
    }
}

impl Drop for VolatileFeed {
    fn drop(&mut self) {
        self.leave();
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
            assert_eq!(choice(topic, filter).wanted(subject).is_some(), wanted, "{topic:?} {filter} {subject}");
        }
    }
}

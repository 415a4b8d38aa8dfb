//! The words that the checks are written in.

use std::collections::BTreeMap;
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use patchbay_model::bus::{Level, Message, Receipt, Retention, Start, TopicFilter, TopicSettings, Topics};
use patchbay_model::ports::{Bus, Consumer, Feed, Incoming, Interest, Settlement};
use tokio::time::{sleep, timeout};

/// Longer than anything takes that goes well.
pub(super) const LONG: Duration = Duration::from_secs(20);

/// Long enough for something to happen that must not.
const A_WHILE: Duration = Duration::from_millis(150);

pub(super) const ALL: NonZeroUsize = NonZeroUsize::MAX;

/// Many different things, to declare topics with.
pub(super) fn declare(declared: impl IntoIterator<Item = (&'static str, TopicSettings)>) -> Topics {
    let declared: BTreeMap<_, _> = declared.into_iter().map(|(topic, settings)| (filter(topic), settings)).collect();
    Topics::new(declared).expect("these declarations have nothing in common")
}

/// `shop.>` is durable, and `bell.>` is volatile.
pub(super) fn shop() -> Topics {
    declare([("shop.>", TopicSettings::default()), ("bell.>", volatile())])
}

/// `shop.>` is durable and keeps this.
pub(super) fn keeping(retention: Retention) -> Topics {
    declare([("shop.>", TopicSettings { retention, ..TopicSettings::default() })])
}

fn volatile() -> TopicSettings {
    TopicSettings { level: Level::Volatile, ..TopicSettings::default() }
}

pub(super) fn filter(text: &str) -> TopicFilter {
    text.parse().expect("this is a filter")
}

/// A message with little in it.
#[allow(clippy::needless_pass_by_value, reason = "numbers and texts alike")]
pub(super) fn message(topic: &str, id: impl ToString) -> Message {
    Message {
        topic: topic.parse().expect("this is a topic"),
        id: id.to_string(),
        source: "/services/test".to_owned(),
        kind: "Tested".to_owned(),
        time: SystemTime::UNIX_EPOCH + Duration::from_micros(1_767_225_600_123_456),
        subject: None,
        content_type: None,
        data_schema: None,
        extensions: Vec::new(),
        headers: Vec::new(),
        reply_to: None,
        data: Bytes::from_static(b"data"),
    }
}

/// Publishes messages with these ids to a topic. All are taken.
pub(super) async fn publish<I: ToString>(bus: &dyn Bus, topic: &str, ids: impl IntoIterator<Item = I>) -> Vec<Receipt> {
    let mut receipts = Vec::new();
    for id in ids {
        receipts.push(bus.publish(message(topic, id)).await.expect("the message is taken"));
    }
    receipts
}

/// How somebody subscribes.
#[derive(Clone)]
pub(super) struct Joining {
    interest: Interest,
}

/// Subscribes a group to a declaration.
pub(super) fn group(topic: &str, name: &str) -> Joining {
    let consumer = Consumer::Group { name: name.into(), start: Start::New, ordered: false, broadcast: false };
    Joining { interest: Interest { topic: Some(filter(topic)), filter: filter(topic), consumer, window: 64 } }
}

/// Subscribes a group to what is not declared.
pub(super) fn undeclared(chosen: &str, name: &str) -> Joining {
    let mut joining = group(chosen, name);
    joining.interest.topic = None;
    joining
}

/// Watches a declaration.
pub(super) fn watcher(topic: &str, start: Start) -> Joining {
    let mut joining = group(topic, "none");
    joining.interest.consumer = Consumer::Watcher { start };
    joining
}

impl Joining {
    /// Chooses topics.
    pub(super) fn only(mut self, chosen: &str) -> Self {
        self.interest.filter = filter(chosen);
        self
    }

    pub(super) fn window(mut self, window: u32) -> Self {
        self.interest.window = window;
        self
    }

    /// For each host, and not for all of them together.
    pub(super) fn broadcast(mut self) -> Self {
        if let Consumer::Group { broadcast, .. } = &mut self.interest.consumer {
            *broadcast = true;
        }
        self
    }

    pub(super) fn from(mut self, from: Start) -> Self {
        if let Consumer::Group { start, .. } = &mut self.interest.consumer {
            *start = from;
        }
        self
    }

    pub(super) fn interest(self) -> Interest {
        self.interest
    }

    pub(super) async fn on(self, bus: &dyn Bus) -> Arc<dyn Feed> {
        bus.subscribe(self.interest).await.expect("anyone can subscribe")
    }
}

/// Waits for `n` messages, no more and no less.
pub(super) async fn take(feed: &dyn Feed, n: usize) -> Vec<Incoming> {
    let mut taken = Vec::new();
    while let Some(wanted) = NonZeroUsize::new(n - taken.len()) {
        let incoming = timeout(LONG, feed.receive(wanted)).await;
        let incoming = incoming.unwrap_or_else(|_| panic!("{n} messages were to come, and {} came", taken.len()));
        assert!(!incoming.is_empty(), "the feed ended after {} of {n} messages", taken.len());
        assert!(incoming.len() <= wanted.get(), "the feed hands out more than it was asked for");
        taken.extend(incoming);
    }
    taken
}

/// Waits for `n` messages, and acknowledges them. Returns their ids.
pub(super) async fn done(feed: &dyn Feed, n: usize) -> Vec<String> {
    let taken = take(feed, n).await;
    taken.iter().for_each(|incoming| feed.settle(incoming.token, Settlement::Acknowledge));
    ids(&taken)
}

/// Nothing comes.
pub(super) async fn nothing(feed: &dyn Feed) {
    if let Ok(incoming) = timeout(A_WHILE, feed.receive(ALL)).await {
        panic!("nothing was to come, and {:?} came", ids(&incoming));
    }
}

/// Waits until a feed ends.
pub(super) async fn ended(feed: &dyn Feed) {
    let incoming = timeout(LONG, feed.receive(ALL)).await.expect("the feed ends");
    assert!(incoming.is_empty(), "a feed that ended hands out {:?}", ids(&incoming));
}

pub(super) fn ids(incoming: &[Incoming]) -> Vec<String> {
    incoming.iter().map(|incoming| incoming.message.id.clone()).collect()
}

pub(super) fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

/// Waits until something is so.
pub(super) async fn eventually<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    let waiting = async {
        while !is_so().await {
            sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(timeout(LONG, waiting).await.is_ok(), "{what}");
}

//! The bus: publish and subscribe. Implemented by the embedded bus and by NATS.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::BoxFuture;
use crate::bus::{BusError, Level, Message, Receipt, Start, Topic, TopicFilter, TopicSettings};

/// Carries messages. It is told all declared topics when it is opened; every other topic is volatile.
///
/// # What every implementation keeps
/// - A message of a durable topic whose publish returned a [`Receipt`] is on the disk, and every consumer group that was
///   subscribed by then gets it at least once, whatever crashes.
/// - A consumer group gets the messages of a topic in their order, each in the hands of one feed at a time.
/// - A message that is settled with [`Settlement::Acknowledge`] is not delivered again to that group, except after a
///   crash of the host or the broker.
/// - What is in the hands of a feed that ends (dropped, or its host gone) goes to another feed of its group, and that
///   does not count as an attempt if the feed was closed.
/// - Nothing grows without bound: a feed hands out no more than it is asked for, and volatile messages that nobody takes
///   in time are dropped and counted.
/// - What a message says of for whom it was published comes from a host. Where others can write to the bus, what no host has
///   vouched for is taken out.
pub trait Bus: Send + Sync {
    /// Publishes a message: stores it if its topic is durable, and hands it to those that are subscribed.
    fn publish(&self, message: Message) -> BoxFuture<'_, Result<Receipt, BusError>>;

    /// Publishes a message and waits for up to `wanted` answers. Returns those that came within `timeout`.
    ///
    /// Its error is [`BusError::NoResponders`] if nobody is subscribed, and [`BusError::Timeout`] if nobody answered.
    fn request(
        &self,
        message: Message,
        wanted: NonZeroUsize,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Vec<Message>, BusError>>;

    /// Joins a consumer group, or watches what goes by. One call subscribes to one declaration, or to what is not
    /// declared.
    fn subscribe(&self, interest: Interest) -> BoxFuture<'_, Result<Arc<dyn Feed>, BusError>>;

    /// The declared topics as they are. With a broker that several use, it may differ from what is declared.
    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicInfo>, BusError>>;

    /// The consumer groups of durable topics, those that nobody serves now among them.
    fn groups(&self) -> BoxFuture<'_, Result<Vec<GroupInfo>, BusError>>;

    /// Forgets a consumer group of a durable topic and where it stands. No error if there is none. Its feeds are to be closed
    /// before: what becomes of a group that is served meanwhile differs between backends.
    fn forget_group<'a>(
        &'a self,
        topic: &'a TopicFilter,
        group: &'a str,
        filter: &'a TopicFilter,
    ) -> BoxFuture<'a, Result<(), BusError>>;

    /// Up to `limit` stored messages of the durable topics that `filter` chooses, from the place `from` on, in their
    /// order. The declared topic `topic` has them.
    fn read<'a>(
        &'a self,
        topic: &'a TopicFilter,
        filter: &'a TopicFilter,
        from: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Stored>, BusError>>;

    /// Removes one stored message. No error if there is none.
    fn remove<'a>(&'a self, topic: &'a TopicFilter, sequence: u64) -> BoxFuture<'a, Result<(), BusError>>;

    /// Whether messages can go through now.
    fn health(&self) -> BusHealth;

    /// Ends all feeds and writes down what is left to be written.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// Which messages somebody wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interest {
    /// The declaration whose messages are wanted, as it is written; `None`: all topics that are not declared.
    pub topic: Option<TopicFilter>,
    /// The topics among them.
    pub filter: TopicFilter,
    /// Who wants them.
    pub consumer: Consumer,
    /// Messages that may be in the hands of the feed at a time.
    pub window: u32,
}

/// Who wants messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Consumer {
    /// A consumer group. Where it stands in a durable topic is kept, by its name and filter.
    Group {
        /// Its name.
        name: Arc<str>,
        /// Where it begins if it was never there before.
        start: Start,
        /// Whether messages with the same key must not overtake each other after a crash.
        ordered: bool,
        /// Whether it is this host's own: another host with the same name is another group.
        broadcast: bool,
    },
    /// Somebody who watches for a while. What they get needs no settlement.
    Watcher {
        /// With which stored message they begin.
        start: Start,
    },
}

/// Messages on their way to one who subscribed. Closed when it is dropped.
pub trait Feed: Send + Sync {
    /// Waits until there are messages, and hands out up to `max` of them; none at all if the feed is closed.
    ///
    /// Each has to be settled, unless the feed is that of a watcher. Until then the feed keeps it from being delivered
    /// to others, for as long as the feed lives. Dropping the future loses nothing.
    fn receive(&self, max: NonZeroUsize) -> BoxFuture<'_, Vec<Incoming>>;

    /// Says what becomes of a message. Takes effect soon; if the host crashes before, the message is delivered again.
    fn settle(&self, token: u64, settlement: Settlement);

    /// Ends the feed. What is not settled goes back, and that is no attempt.
    fn close(&self) -> BoxFuture<'_, ()>;

    /// Volatile messages that were dropped because they were not taken in time.
    fn dropped(&self) -> u64;
}

/// A message that a feed hands out.
#[derive(Debug, Clone)]
pub struct Incoming {
    /// Names it towards its feed.
    pub token: u64,
    /// The message.
    pub message: Arc<Message>,
    /// Its place in its topic, if that is durable.
    pub sequence: Option<u64>,
    /// How often it was tried, this time included.
    pub attempt: u32,
    /// When the bus stored it, or got it.
    pub stored: SystemTime,
}

/// What becomes of a message that was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// It is done.
    Acknowledge,
    /// It failed: it comes again after this time, as the next attempt. A feed of a volatile topic may hand it out
    /// again itself.
    Retry(Duration),
    /// It was not tried: it comes again after this time, as the same attempt.
    Release(Duration),
}

/// How a declared topic is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicInfo {
    /// As it is declared.
    pub topic: TopicFilter,
    /// What is in force.
    pub settings: TopicSettings,
    /// Where it stands, if it is durable.
    pub stored: Option<TopicStored>,
    /// What is in force and not as it is declared, for people.
    pub drift: Vec<String>,
}

/// What a durable topic holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TopicStored {
    /// Messages.
    pub messages: u64,
    /// What they take, in bytes.
    pub bytes: u64,
    /// The place of the oldest; 0 if there is none.
    pub first: u64,
    /// The place of the newest that there ever was; 0 if there was none.
    pub last: u64,
    /// Records that were found damaged, and are not delivered.
    pub damaged: u64,
}

/// A consumer group of a durable topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupInfo {
    /// The topic, as it is declared.
    pub topic: TopicFilter,
    /// The name of the group.
    pub group: String,
    /// The topics among those of the declaration that it wants.
    pub filter: TopicFilter,
    /// Messages that it has not got yet.
    pub lag: u64,
    /// Messages in the hands of its feeds.
    pub in_flight: u64,
    /// Messages that failed and wait to be tried again.
    pub retrying: u64,
    /// The place up to which everything is done.
    pub acknowledged: u64,
}

/// A stored message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its place.
    pub sequence: u64,
    /// When it was stored.
    pub stored: SystemTime,
    /// The message.
    pub message: Message,
}

/// Whether messages can go through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BusHealth {
    /// They can.
    Ready,
    /// They cannot, for this reason.
    Impaired(String),
}

/// Publishes what instances publish. Implemented by control.
pub trait Messaging: Send + Sync {
    /// Publishes, in the course of a call of `publisher`.
    fn publish<'a>(
        &'a self,
        publisher: &'a crate::ServiceName,
        course: crate::Course,
        publication: Publication,
    ) -> BoxFuture<'a, Result<Receipt, BusError>>;

    /// Publishes and waits for up to `wanted` answers, `timeout` at most and never past the deadline of the call.
    fn request<'a>(
        &'a self,
        publisher: &'a crate::ServiceName,
        course: crate::Course,
        publication: Publication,
        wanted: NonZeroUsize,
        timeout: Option<Duration>,
    ) -> BoxFuture<'a, Result<Vec<Message>, BusError>>;
}

/// What somebody publishes. The host fills in what is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Publication {
    /// The topic, as its publisher wrote it.
    pub topic: String,
    /// CloudEvents `id`; naming it makes publishing idempotent. Left out: one that no other message has.
    pub id: Option<String>,
    /// CloudEvents `source`. Left out: `/services/` and the name of the publisher.
    pub source: Option<String>,
    /// CloudEvents `type`. Left out: the topic.
    pub kind: Option<String>,
    /// CloudEvents `time`. Left out: now.
    pub time: Option<SystemTime>,
    /// CloudEvents `subject`.
    pub subject: Option<String>,
    /// CloudEvents `datacontenttype`.
    pub content_type: Option<String>,
    /// CloudEvents `dataschema`.
    pub data_schema: Option<String>,
    /// The key: messages with the same one keep their order.
    pub key: Option<String>,
    /// Further CloudEvents attributes.
    pub extensions: Vec<(String, String)>,
    /// What else is to be sent along.
    pub headers: Vec<(String, String)>,
    /// Where answers are to go, where somebody else waits for them.
    pub reply_to: Option<Topic>,
    /// What it carries.
    pub data: bytes::Bytes,
}

impl Level {
    /// Whether messages of this level are stored.
    pub const fn is_stored(self) -> bool {
        match self {
            Self::Volatile => false,
            Self::Durable => true,
        }
    }
}

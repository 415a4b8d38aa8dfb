//! A bus in memory, which stores messages of durable topics and can be told to fail.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use patchbay_model::bus::{BusError, Level, Message, Receipt, Start, TopicFilter, Topics};
use patchbay_model::ports::{
    BoxFuture, Bus, BusHealth, Consumer, Feed, GroupInfo, Incoming, Interest, Settlement, Stored, TopicInfo,
    TopicStored,
};
use tokio::sync::Notify;

/// The largest message it takes, in bytes.
const LIMIT: u64 = 1 << 20;

/// A bus in memory.
pub(super) struct MemoryBus {
    topics: Topics,
    state: Mutex<State>,
    came: Arc<Notify>,
}

#[derive(Default)]
struct State {
    /// All messages in their order; those of volatile topics have no place.
    messages: Vec<(Option<u64>, Message)>,
    last: u64,
    failure: Option<BusError>,
    health: Option<String>,
    dropped: u64,
}

impl MemoryBus {
    pub(super) fn new(topics: Topics) -> Arc<Self> {
        Arc::new(Self { topics, state: Mutex::default(), came: Arc::default() })
    }

    /// Fails all that is asked of it, or no longer.
    pub(super) fn fail(&self, failure: Option<BusError>) {
        self.state.lock().unwrap().failure = failure;
    }

    /// Says that messages cannot go through, or that they can.
    pub(super) fn impair(&self, reason: Option<&str>) {
        self.state.lock().unwrap().health = reason.map(str::to_owned);
    }

    /// Pretends that messages were dropped before they were watched.
    pub(super) fn lose(&self, count: u64) {
        self.state.lock().unwrap().dropped += count;
    }

    /// What was published to a topic.
    pub(super) fn published(&self, topic: &str) -> Vec<Message> {
        let state = self.state.lock().unwrap();
        let of_topic = state.messages.iter().filter(|(_, message)| message.topic.as_str() == topic);
        of_topic.map(|(_, message)| message.clone()).collect()
    }

    /// Puts a message there, as somebody else would.
    pub(super) fn put(&self, message: Message) -> Result<Receipt, BusError> {
        let mut state = self.state.lock().unwrap();
        if let Some(failure) = &state.failure {
            return Err(failure.clone());
        }
        let size = message.size() as u64;
        if size > LIMIT {
            return Err(BusError::TooLarge { size, limit: LIMIT });
        }
        let level = self.topics.level(&message.topic);
        let is_same = |other: &Message| other.id == message.id && other.source == message.source;
        let earlier = state.messages.iter().find(|(sequence, other)| sequence.is_some() && is_same(other));
        if let Some((sequence, _)) = earlier.filter(|_| level == Level::Durable) {
            return Ok(Receipt { level, sequence: *sequence, duplicate: true });
        }
        let sequence = (level == Level::Durable).then(|| {
            state.last += 1;
            state.last
        });
        state.messages.push((sequence, message));
        self.came.notify_waiters();
        Ok(Receipt { level, sequence, duplicate: false })
    }

    fn stored(&self, filter: &TopicFilter) -> Vec<Stored> {
        let state = self.state.lock().unwrap();
        let stored = state.messages.iter().filter_map(|(sequence, message)| {
            let stored = Stored { sequence: (*sequence)?, stored: UNIX_EPOCH, message: message.clone() };
            filter.matches(&message.topic).then_some(stored)
        });
        stored.collect()
    }

    fn failure(&self) -> Result<(), BusError> {
        self.state.lock().unwrap().failure.clone().map_or(Ok(()), Err)
    }

    fn info(&self) -> Vec<TopicInfo> {
        let info = |(topic, settings): (&TopicFilter, &patchbay_model::bus::TopicSettings)| {
            let messages = self.stored(topic);
            let stored = TopicStored {
                messages: messages.len() as u64,
                bytes: messages.iter().map(|stored| stored.message.size() as u64).sum(),
                first: messages.first().map_or(0, |stored| stored.sequence),
                last: messages.last().map_or(0, |stored| stored.sequence),
                damaged: 0,
            };
            let drift = vec!["`age` is 1h".to_owned()];
            TopicInfo { topic: topic.clone(), settings: settings.clone(), stored: Some(stored), drift }
        };
        self.topics.iter().map(info).collect()
    }
}

fn ready<T: Send + 'static>(value: T) -> BoxFuture<'static, T> {
    Box::pin(std::future::ready(value))
}

/// A bus that its tests keep a hold of.
pub(super) struct Shared(pub(super) Arc<MemoryBus>);

impl Bus for Shared {
    fn publish(&self, message: Message) -> BoxFuture<'_, Result<Receipt, BusError>> {
        ready(self.0.put(message))
    }

    fn request(&self, message: Message, _: NonZeroUsize, _: Duration) -> BoxFuture<'_, Result<Vec<Message>, BusError>> {
        ready(Err(BusError::NoResponders(message.topic.to_string())))
    }

    fn subscribe(&self, interest: Interest) -> BoxFuture<'_, Result<Arc<dyn Feed>, BusError>> {
        let bus = Arc::clone(&self.0);
        let from_beginning = matches!(interest.consumer, Consumer::Watcher { start: Start::Beginning });
        let next = if from_beginning { 0 } else { bus.state.lock().unwrap().messages.len() };
        ready(self.0.failure().map(|()| Arc::new(Watching { bus, interest, next: Mutex::new(next) }) as _))
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicInfo>, BusError>> {
        ready(self.0.failure().map(|()| self.0.info()))
    }

    fn groups(&self) -> BoxFuture<'_, Result<Vec<GroupInfo>, BusError>> {
        ready(self.0.failure().map(|()| Vec::new()))
    }

    fn forget_group<'a>(
        &'a self,
        _: &'a TopicFilter,
        _: &'a str,
        _: &'a TopicFilter,
    ) -> BoxFuture<'a, Result<(), BusError>> {
        ready(Ok(()))
    }

    fn read<'a>(
        &'a self,
        _: &'a TopicFilter,
        filter: &'a TopicFilter,
        from: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Stored>, BusError>> {
        let mut stored = self.0.stored(filter);
        stored.retain(|stored| stored.sequence >= from);
        stored.truncate(limit);
        ready(self.0.failure().map(|()| stored))
    }

    fn remove<'a>(&'a self, _: &'a TopicFilter, sequence: u64) -> BoxFuture<'a, Result<(), BusError>> {
        self.0.state.lock().unwrap().messages.retain(|(own, _)| *own != Some(sequence));
        ready(self.0.failure())
    }

    fn health(&self) -> BusHealth {
        self.0.state.lock().unwrap().health.clone().map_or(BusHealth::Ready, BusHealth::Impaired)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        ready(())
    }
}

/// Somebody who watches.
struct Watching {
    bus: Arc<MemoryBus>,
    interest: Interest,
    next: Mutex<usize>,
}

impl Watching {
    fn take(&self) -> Vec<Incoming> {
        let state = self.bus.state.lock().unwrap();
        let mut next = self.next.lock().unwrap();
        let new = state.messages.iter().skip(*next).filter(|(_, message)| {
            let declared = self.bus.topics.of(&message.topic).map(|(filter, _)| filter);
            declared == self.interest.topic.as_ref() && self.interest.filter.matches(&message.topic)
        });
        let new = new.map(|(sequence, message)| Incoming {
            token: 0,
            message: Arc::new(message.clone()),
            sequence: *sequence,
            attempt: 1,
            stored: UNIX_EPOCH,
        });
        let new = new.collect();
        *next = state.messages.len();
        new
    }
}

impl Feed for Watching {
    fn receive(&self, _: NonZeroUsize) -> BoxFuture<'_, Vec<Incoming>> {
        Box::pin(async {
            loop {
                let came = self.bus.came.notified();
                let new = self.take();
                if !new.is_empty() {
                    return new;
                }
                came.await;
            }
        })
    }

    fn settle(&self, _: u64, _: Settlement) {}

    fn close(&self) -> BoxFuture<'_, ()> {
        ready(())
    }

    fn dropped(&self) -> u64 {
        if self.interest.topic.is_none() { self.bus.state.lock().unwrap().dropped } else { 0 }
    }
}

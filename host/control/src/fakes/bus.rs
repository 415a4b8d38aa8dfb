//! A bus in memory: it keeps everything, and tells what became of what it handed out.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use patchbay_model::bus::*;
use patchbay_model::ports::*;
use tokio::sync::Notify;

/// The bus.
#[derive(Default)]
pub(crate) struct FakeBus(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    stored: Vec<Stored>,
    next: u64,
    feeds: Vec<Arc<FakeFeed>>,
    /// Topics that take nothing.
    full: Vec<TopicFilter>,
    /// Whether nobody can subscribe.
    away: bool,
    settled: Vec<(u64, Settlement)>,
}

impl FakeBus {
    /// Has the topics that `filter` chooses take nothing, or everything again.
    pub(crate) fn fill(&self, filter: &str, full: bool) {
        let filter: TopicFilter = filter.parse().unwrap();
        let mut kept = self.0.lock().unwrap();
        kept.full.retain(|own| *own != filter);
        if full {
            kept.full.push(filter);
        }
    }

    /// Lets nobody subscribe, or everybody again.
    pub(crate) fn go_away(&self, away: bool) {
        self.0.lock().unwrap().away = away;
    }

    /// What is stored and was not removed, by topic.
    pub(crate) fn stored(&self, topic: &str) -> Vec<Message> {
        let kept = self.0.lock().unwrap();
        kept.stored.iter().map(|stored| stored.message.clone()).filter(|own| own.topic.as_str() == topic).collect()
    }

    /// What was said of the messages that were handed out, in order.
    pub(crate) fn settled(&self) -> Vec<(u64, Settlement)> {
        self.0.lock().unwrap().settled.clone()
    }

    /// The feeds that are open.
    pub(crate) fn n_feeds(&self) -> usize {
        self.0.lock().unwrap().feeds.iter().filter(|feed| !feed.queue.lock().unwrap().closed).count()
    }
}

/// What one subscription gets.
pub(crate) struct FakeFeed {
    bus: std::sync::Weak<FakeBus>,
    filter: TopicFilter,
    queue: Mutex<Queue>,
    told: Notify,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Incoming>,
    out: Vec<Incoming>,
    closed: bool,
}

impl FakeFeed {
    fn push(&self, incoming: Incoming) {
        self.queue.lock().unwrap().waiting.push_back(incoming);
        self.told.notify_one();
    }
}

/// The bus as a port.
pub(crate) struct FakePort(pub(crate) Arc<FakeBus>);

impl Bus for FakePort {
    fn publish(&self, message: Message) -> BoxFuture<'_, Result<Receipt, BusError>> {
        let mut kept = self.0.0.lock().unwrap();
        if kept.full.iter().any(|full| full.matches(&message.topic)) {
            let full = BusError::Full { topic: message.topic.to_string(), reached: "1GiB".to_owned() };
            return Box::pin(async { Err(full) });
        }
        kept.next += 1;
        let sequence = kept.next;
        kept.stored.push(Stored { sequence, stored: UNIX_EPOCH, message: message.clone() });
        for feed in kept.feeds.iter().filter(|feed| feed.filter.matches(&message.topic)) {
            feed.push(incoming(sequence, &message));
        }
        Box::pin(async move { Ok(Receipt { level: Level::Durable, sequence: Some(sequence), duplicate: false }) })
    }

    fn request(
        &self,
        message: Message,
        _wanted: NonZeroUsize,
        _timeout: Duration,
    ) -> BoxFuture<'_, Result<Vec<Message>, BusError>> {
        Box::pin(async move { Err(BusError::NoResponders(message.topic.to_string())) })
    }

    fn subscribe(&self, interest: Interest) -> BoxFuture<'_, Result<Arc<dyn Feed>, BusError>> {
        let feed = Arc::new(FakeFeed {
            bus: Arc::downgrade(&self.0),
            filter: interest.filter,
            queue: Mutex::default(),
            told: Notify::new(),
        });
        Box::pin(async move {
            // As a bus that has to ask somebody.
            tokio::time::sleep(Duration::from_millis(1)).await;
            let mut kept = self.0.0.lock().unwrap();
            if kept.away {
                return Err(BusError::Unavailable("it is away".to_owned()));
            }
            kept.feeds.push(Arc::clone(&feed));
            Ok(feed as Arc<dyn Feed>)
        })
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicInfo>, BusError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn groups(&self) -> BoxFuture<'_, Result<Vec<GroupInfo>, BusError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn forget_group<'a>(
        &'a self,
        _topic: &'a TopicFilter,
        _group: &'a str,
        _filter: &'a TopicFilter,
    ) -> BoxFuture<'a, Result<(), BusError>> {
        Box::pin(async { Ok(()) })
    }

    fn read<'a>(
        &'a self,
        _topic: &'a TopicFilter,
        filter: &'a TopicFilter,
        from: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Stored>, BusError>> {
        let kept = self.0.0.lock().unwrap();
        let wanted = kept.stored.iter().filter(|own| own.sequence >= from && filter.matches(&own.message.topic));
        let found: Vec<_> = wanted.take(limit).cloned().collect();
        Box::pin(async { Ok(found) })
    }

    fn remove<'a>(&'a self, _topic: &'a TopicFilter, sequence: u64) -> BoxFuture<'a, Result<(), BusError>> {
        self.0.0.lock().unwrap().stored.retain(|own| own.sequence != sequence);
        Box::pin(async { Ok(()) })
    }

    fn health(&self) -> BusHealth {
        BusHealth::Ready
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

fn incoming(sequence: u64, message: &Message) -> Incoming {
    let message = Arc::new(message.clone());
    Incoming { token: sequence, message, sequence: Some(sequence), attempt: 1, stored: UNIX_EPOCH }
}

impl Feed for FakeFeed {
    fn receive(&self, max: NonZeroUsize) -> BoxFuture<'_, Vec<Incoming>> {
        Box::pin(async move {
            loop {
                let told = self.told.notified();
                {
                    let mut queue = self.queue.lock().unwrap();
                    let count = queue.waiting.len().min(max.get());
                    let batch: Vec<_> = queue.waiting.drain(..count).collect();
                    queue.out.extend(batch.iter().cloned());
                    if !batch.is_empty() || queue.closed {
                        return batch;
                    }
                }
                told.await;
            }
        })
    }

    fn settle(&self, token: u64, settlement: Settlement) {
        let Some(bus) = self.bus.upgrade() else { return };
        let mut kept = bus.0.lock().unwrap();
        kept.settled.push((token, settlement));
        let mut queue = self.queue.lock().unwrap();
        let place = queue.out.iter().position(|own| own.token == token).expect("it was handed out");
        let settled = queue.out.remove(place);
        let (again, pause) = match settlement {
            Settlement::Acknowledge => return,
            Settlement::Retry(pause) => (Incoming { attempt: settled.attempt + 1, ..settled }, pause),
            Settlement::Release(pause) => (settled, pause),
        };
        let own = kept.feeds.iter().find(|feed| std::ptr::eq(&***feed, self)).cloned().expect("it is the bus's");
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            own.push(again);
        });
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.queue.lock().unwrap().closed = true;
        self.told.notify_waiters();
        Box::pin(async {})
    }

    fn dropped(&self) -> u64 {
        0
    }
}

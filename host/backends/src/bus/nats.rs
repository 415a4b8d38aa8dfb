//! The bus over NATS, for hosts that share topics or keep messages on other machines: volatile topics are subjects of NATS,
//! and each declared durable topic has a stream of JetStream.
//!
//! NATS carries messages as CloudEvents say (NATS protocol binding, binary mode), so that plain NATS clients take part.

mod author_key;
mod consumer;
mod deliveries;
mod denials;
mod durable;
mod error;
mod link;
mod names;
mod publish;
mod read;
mod settings;
mod stream;
mod volatile;
mod watch;
mod wire;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use patchbay_model::bus::{BusError, Level, Message, Receipt, Topic, TopicFilter, Topics};
use patchbay_model::ports::{BoxFuture, Bus, BusHealth, Clock, Consumer, Feed, GroupInfo, Interest, Stored, TopicInfo};
use tokio::task::AbortHandle;

pub use author_key::{AuthorKey, ShortKey};
use consumer::{Kind, Wanted};
use deliveries::Deliveries;
use durable::Pools;
use link::Link;
pub use settings::{NatsLogin, NatsSettings, NatsTls};
use volatile::{Choice, Lobbies, Queue};
use watch::Streams;

/// The bus over NATS.
///
/// It connects by itself, and again whenever the connection is lost; feeds go on where they were. What is asked of it
/// meanwhile waits for [`NatsSettings::request_timeout`] at most and then fails with [`BusError::Unavailable`].
pub struct NatsBus {
    link: Arc<Link>,
    topics: Arc<Topics>,
    streams: Arc<Streams>,
    deliveries: Arc<Deliveries>,
    pools: Pools,
    lobbies: Lobbies,
    closed: AtomicBool,
    watch: AbortHandle,
}

impl NatsBus {
    /// Connects, and makes or widens the streams of the declared durable topics. Waits for the server no longer than
    /// [`NatsSettings::connect_timeout`]: where it is not there by then, that is made up for when it is.
    ///
    /// Has to be called within a tokio runtime.
    ///
    /// # Errors
    /// [`BusError::Invalid`] if a file that is needed to connect cannot be used.
    pub async fn open(settings: NatsSettings, topics: Topics, clock: Arc<dyn Clock>) -> Result<Self, BusError> {
        let link = Arc::new(Link::open(settings, clock).await?);
        let topics = Arc::new(topics);
        let streams = Arc::new(Streams::default());
        let watch = watch::begin(&link, &topics, &streams).await;
        Ok(Self {
            link,
            topics,
            streams,
            deliveries: Arc::default(),
            pools: Pools::default(),
            lobbies: Lobbies::default(),
            closed: AtomicBool::new(false),
            watch,
        })
    }

    /// The declaration of a durable topic that a message is published to; `None` if it is volatile.
    fn durable(&self, topic: &Topic) -> Option<&TopicFilter> {
        self.topics.of(topic).filter(|(_, settings)| settings.level == Level::Durable).map(|(filter, _)| filter)
    }

    /// An error of publishing to a durable topic, with why its stream is not there, where that is known.
    fn explained(&self, topic: &TopicFilter, error: BusError) -> BusError {
        match (error, self.streams.problem_of(topic)) {
            (BusError::Unavailable(text), Some(problem)) => BusError::Unavailable(format!("{text}: {problem}")),
            (error, _) => error,
        }
    }

    fn is_open(&self) -> Result<(), BusError> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(BusError::Unavailable("the host is about to end".to_owned()));
        }
        Ok(())
    }

    fn is_durable(&self, topic: &TopicFilter) -> Result<(), BusError> {
        match self.topics.iter().find(|(declared, _)| *declared == topic) {
            Some((_, settings)) if settings.level == Level::Durable => Ok(()),
            Some(_) => Err(BusError::Invalid(format!("the topic `{topic}` is not durable; nothing of it is kept"))),
            None => Err(BusError::NotFound(format!("there is no declaration of a topic `{topic}`"))),
        }
    }

    async fn feed(&self, interest: Interest) -> Result<Arc<dyn Feed>, BusError> {
        self.is_open()?;
        let declared = match &interest.topic {
            None => None,
            Some(topic) => {
                let found = self.topics.iter().find(|(declared, _)| *declared == topic);
                let missing = || BusError::NotFound(format!("there is no declaration of a topic `{topic}`"));
                Some(found.ok_or_else(missing)?)
            }
        };
        match declared {
            Some((topic, settings)) if settings.level == Level::Durable => {
                self.durable_feed(topic.clone(), interest).await
            }
            _ => self.volatile_feed(interest).await,
        }
    }

    async fn durable_feed(&self, topic: TopicFilter, interest: Interest) -> Result<Arc<dyn Feed>, BusError> {
        let Some(subjects) = names::common(&topic, &interest.filter) else {
            return Err(BusError::Invalid(format!("`{}` chooses no topic of `{topic}`", interest.filter)));
        };
        let (kind, start, ordered) = match interest.consumer {
            Consumer::Group { name, start, ordered, broadcast } => {
                (Kind::Group { name: name.as_ref().to_owned(), broadcast }, start, ordered)
            }
            Consumer::Watcher { start } => {
                (Kind::Watcher { name: format!("watcher-{}", wire::random_id()) }, start, false)
            }
        };
        let wanted =
            Wanted { topic: topic.clone(), filter: interest.filter, subjects, start, kind, window: interest.window };
        let (feed, drift) = durable::feed(&self.link, &self.deliveries, &self.pools, wanted, ordered).await?;
        self.streams.note_consumers(&topic, drift);
        Ok(Arc::new(feed))
    }

    async fn volatile_feed(&self, interest: Interest) -> Result<Arc<dyn Feed>, BusError> {
        let queue = match &interest.consumer {
            Consumer::Group { name, broadcast, .. } => Some(Queue {
                topic: interest.topic.clone(),
                name: names::of_consumer(name, &interest.filter, None),
                broadcast: *broadcast,
            }),
            Consumer::Watcher { .. } => None,
        };
        let topics = Arc::clone(&self.topics);
        let choice = Choice { topic: interest.topic, filter: interest.filter, topics };
        let feed = volatile::feed(&self.link, &self.lobbies, choice, queue, interest.window).await?;
        Ok(Arc::new(feed))
    }

    async fn topic_infos(&self) -> Result<Vec<TopicInfo>, BusError> {
        let mut infos = Vec::new();
        for (topic, settings) in self.topics.iter() {
            let mut info =
                TopicInfo { topic: topic.clone(), settings: settings.clone(), stored: None, drift: Vec::new() };
            if settings.level == Level::Durable {
                info.drift = self.streams.drift(topic);
                match stream::info(&self.link, topic).await {
                    Ok(found) => {
                        info.settings = stream::in_force(&found.config, settings);
                        info.stored = Some(stream::stored(&found));
                    }
                    Err(BusError::NotFound(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            infos.push(info);
        }
        Ok(infos)
    }

    async fn group_infos(&self) -> Result<Vec<GroupInfo>, BusError> {
        let mut groups = Vec::new();
        for (topic, _) in self.topics.iter().filter(|(_, settings)| settings.level == Level::Durable) {
            let consumers = match consumer::all(&self.link, topic).await {
                Err(BusError::NotFound(_)) => continue,
                other => other?,
            };
            groups.extend(
                consumers.iter().filter_map(|info| {
                    consumer::as_group(topic, info, self.pools.counts(&info.stream_name, &info.name))
                }),
            );
        }
        Ok(groups)
    }
}

impl Bus for NatsBus {
    fn publish(&self, message: Message) -> BoxFuture<'_, Result<Receipt, BusError>> {
        Box::pin(async move {
            self.is_open()?;
            match self.durable(&message.topic) {
                Some(topic) => {
                    publish::durable(&self.link, topic, message).await.map_err(|error| self.explained(topic, error))
                }
                None => publish::volatile(&self.link, message).await,
            }
        })
    }

    fn request(
        &self,
        message: Message,
        wanted: NonZeroUsize,
        timeout: Duration,
    ) -> BoxFuture<'_, Result<Vec<Message>, BusError>> {
        Box::pin(async move {
            self.is_open()?;
            let topic = self.durable(&message.topic);
            publish::request(&self.link, topic, message, wanted, timeout).await
        })
    }

    fn subscribe(&self, interest: Interest) -> BoxFuture<'_, Result<Arc<dyn Feed>, BusError>> {
        Box::pin(self.feed(interest))
    }

    fn topics(&self) -> BoxFuture<'_, Result<Vec<TopicInfo>, BusError>> {
        Box::pin(self.topic_infos())
    }

    fn groups(&self) -> BoxFuture<'_, Result<Vec<GroupInfo>, BusError>> {
        Box::pin(self.group_infos())
    }

    fn forget_group<'a>(
        &'a self,
        topic: &'a TopicFilter,
        group: &'a str,
        filter: &'a TopicFilter,
    ) -> BoxFuture<'a, Result<(), BusError>> {
        Box::pin(async move {
            self.is_durable(topic)?;
            consumer::forget(&self.link, topic, group, filter).await
        })
    }

    fn read<'a>(
        &'a self,
        topic: &'a TopicFilter,
        filter: &'a TopicFilter,
        from: u64,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Stored>, BusError>> {
        Box::pin(async move {
            self.is_durable(topic)?;
            read::read(&self.link, topic, filter, from, limit).await
        })
    }

    fn remove<'a>(&'a self, topic: &'a TopicFilter, sequence: u64) -> BoxFuture<'a, Result<(), BusError>> {
        Box::pin(async move {
            self.is_durable(topic)?;
            read::remove(&self.link, topic, sequence).await
        })
    }

    fn health(&self) -> BusHealth {
        self.link.problem().or_else(|| self.streams.problem()).map_or(BusHealth::Ready, BusHealth::Impaired)
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            self.closed.store(true, Ordering::Relaxed);
            self.watch.abort();
            self.lobbies.close();
            self.pools.close().await;
            if let Err(error) = self.link.caught_up().await {
                tracing::debug!(%error, "NATS is not there at the end");
            }
        })
    }
}

impl Drop for NatsBus {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

#[cfg(test)]
mod tests;

//! The bus inside the host: volatile topics in memory, durable ones in logs under the state directory.
//!
//! Publishing to a volatile topic puts the message into the queue of each group that is subscribed (`exchange.rs`).
//! Publishing to a durable one hands it to the thread that writes (`writer.rs`), which appends what waits to the logs
//! (`log.rs`), synchronises, and answers; groups read the logs at their own pace (`durable/group.rs`). What is in whose
//! hands, and what comes back when, is decided in one place for both (`pool.rs`).

mod codec;
mod durable;
mod exchange;
mod feed;
mod inbox;
mod log;
mod options;
mod pool;
mod port;
#[cfg(test)]
mod tests;
mod upkeep;
mod volatile;
mod writer;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use patchbay_model::bus::{BusError, Level, Message, Receipt, Topic, TopicFilter, Topics};
use patchbay_model::ports::{Clock, Consumer, Feed, Interest};
use patchbay_model::{Hazard, NoHazard};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

pub use options::{Damage, EmbeddedOptions, QueueLimits};

use crate::disk::Disk;
use durable::{DurableTopic, Wanted};
use exchange::Exchange;
use feed::{Desk, DeskFeed};
use inbox::Inboxes;
use upkeep::Upkeep;
use volatile::Key;
use writer::{Errand, Writer, gone};

/// What the attributes and headers of a message may take beside its data, in bytes.
const ATTRIBUTES: u64 = 64 << 10;

/// The bus inside the host.
pub struct EmbeddedBus {
    topics: Topics,
    options: EmbeddedOptions,
    clock: Arc<dyn Clock>,
    exchange: Exchange,
    durable: Arc<[Arc<DurableTopic>]>,
    writer: Writer,
    inboxes: Inboxes,
    is_closed: AtomicBool,
    _upkeep: Upkeep,
}

impl EmbeddedBus {
    /// Opens the bus, whose durable topics are in `directory`. Has to be called on a tokio runtime.
    ///
    /// # Errors
    /// [`BusError::Storage`] if the directory cannot be used, or if records are damaged and the options say to refuse them.
    pub async fn open(
        directory: impl Into<PathBuf> + Send,
        topics: Topics,
        options: EmbeddedOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BusError> {
        Self::open_amid(directory, topics, options, clock, Arc::new(NoHazard)).await
    }

    /// Like [`EmbeddedBus::open`], where `hazard` says what goes wrong with the disk.
    ///
    /// # Errors
    /// Those of [`EmbeddedBus::open`].
    pub async fn open_amid(
        directory: impl Into<PathBuf> + Send,
        topics: Topics,
        options: EmbeddedOptions,
        clock: Arc<dyn Clock>,
        hazard: Arc<dyn Hazard>,
    ) -> Result<Self, BusError> {
        let (directory, disk) = (directory.into(), Disk::new(hazard));
        let (declared, settings, now) = (topics.clone(), options.clone(), clock.now());
        let durable = blocking(move || {
            let durable = declared.iter().filter(|(_, declared)| declared.level.is_stored());
            let opened =
                durable.map(|(topic, declared)| DurableTopic::open(&directory, topic, declared, &settings, &disk, now));
            opened.collect::<Result<Arc<[_]>, _>>()
        })
        .await?;
        let writer = Writer::start(Arc::clone(&clock))?;
        Ok(Self {
            exchange: Exchange::new(options.queue),
            _upkeep: Upkeep::start(Arc::clone(&durable), writer.clone()),
            inboxes: Inboxes::new()?,
            is_closed: AtomicBool::new(false),
            topics,
            options,
            clock,
            durable,
            writer,
        })
    }

    /// The durable topic with this declaration.
    fn durable(&self, topic: &TopicFilter) -> Result<&Arc<DurableTopic>, BusError> {
        let found = self.durable.iter().find(|durable| durable.topic() == topic);
        found.ok_or_else(|| BusError::NotFound(format!("no durable topic `{topic}` is declared")))
    }

    fn admit(&self, message: &Message) -> Result<(), BusError> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(gone());
        }
        let (size, limit) = (message.data.len() as u64, self.options.max_message);
        if size > limit {
            return Err(BusError::TooLarge { size, limit });
        }
        let (size, limit) = (message.size() as u64 - size, ATTRIBUTES);
        if size > limit {
            return Err(BusError::Invalid(format!(
                "the attributes and headers of the message take {size} bytes, and the bus takes {limit} at most"
            )));
        }
        Ok(())
    }

    /// The declaration of a topic.
    fn declaration(&self, topic: &Topic) -> Option<&TopicFilter> {
        self.topics.of(topic).map(|(declared, _)| declared)
    }

    async fn publish_message(&self, message: Message) -> Result<Receipt, BusError> {
        self.admit(&message)?;
        let volatile = Receipt { level: Level::Volatile, sequence: None, duplicate: false };
        if Inboxes::is_one(&message.topic) {
            self.inboxes.answer(message);
            return Ok(volatile);
        }
        let message = Arc::new(message);
        match self.topics.of(&message.topic) {
            Some((declared, settings)) if settings.level.is_stored() => {
                let topic = Arc::clone(self.durable(declared)?);
                let content = codec::encode(&message);
                let (answer, answered) = oneshot::channel();
                let wanted = Wanted { message, content, answer };
                self.writer.leave(Errand::Store(topic, wanted)).await?;
                answered.await.unwrap_or_else(|_| Err(gone()))
            }
            declared => {
                self.exchange.publish(declared.map(|(topic, _)| topic), &message, self.clock.now());
                Ok(volatile)
            }
        }
    }

    async fn ask(
        &self,
        mut message: Message,
        wanted: NonZeroUsize,
        timeout: Duration,
    ) -> Result<Vec<Message>, BusError> {
        let topic = message.topic.clone();
        let declared = self.declaration(&topic);
        let is_served = match declared.map(|declared| self.durable(declared)) {
            Some(Ok(durable)) => durable.is_served(&topic),
            Some(Err(_)) | None => self.exchange.is_served(declared, &topic),
        };
        if !is_served {
            return Err(BusError::NoResponders(topic.to_string()));
        }
        let deadline = Instant::now() + timeout;
        let mut inbox = self.inboxes.open(wanted.get())?;
        message.reply_to = Some(inbox.topic());
        let late = |_| BusError::Timeout(timeout);
        timeout_at(deadline, self.publish_message(message)).await.map_err(late)??;
        let mut answers = Vec::new();
        while answers.len() < wanted.get()
            && let Ok(Some(answer)) = timeout_at(deadline, inbox.next()).await
        {
            answers.push(answer);
        }
        if answers.is_empty() { Err(BusError::Timeout(timeout)) } else { Ok(answers) }
    }

    async fn join(&self, interest: Interest) -> Result<Arc<dyn Feed>, BusError> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(gone());
        }
        if let Some(declared) = &interest.topic
            && let Ok(topic) = self.durable(declared)
        {
            let topic = Arc::clone(topic);
            let (group, member) = blocking(move || topic.subscribe(&interest)).await?;
            return self.opened(DeskFeed::new(group, member));
        }
        if let Some(declared) = &interest.topic
            && !self.topics.iter().any(|(topic, _)| topic == declared)
        {
            return Err(BusError::NotFound(format!("no topic `{declared}` is declared")));
        }
        let name = match interest.consumer {
            Consumer::Group { name, .. } => Some(name),
            Consumer::Watcher { .. } => None,
        };
        let key = Key { topic: interest.topic, filter: interest.filter, name };
        let (group, member) = self.exchange.join(key, interest.window);
        self.opened(DeskFeed::new(group, member))
    }

    /// A feed, unless the bus was closed while it was made.
    fn opened<D: Desk>(&self, feed: DeskFeed<D>) -> Result<Arc<dyn Feed>, BusError> {
        if self.is_closed.load(Ordering::Acquire) { Err(gone()) } else { Ok(Arc::new(feed)) }
    }

    async fn end(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.exchange.close();
        self.durable.iter().for_each(|topic| topic.dismiss());
        let (answer, answered) = oneshot::channel();
        if self.writer.leave(Errand::Flush(answer)).await.is_ok() {
            // Nothing comes back only if the thread is gone, and then nothing is left to be written.
            let _ = answered.await;
        }
        let durable = Arc::clone(&self.durable);
        let saved = blocking(move || durable.iter().try_for_each(|topic| topic.save_if_moved())).await;
        if let Err(error) = saved {
            tracing::error!("{error}");
        }
    }
}

impl std::fmt::Debug for EmbeddedBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedBus").field("topics", &self.topics).finish_non_exhaustive()
    }
}

/// Runs file work on a blocking thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BusError> + Send + 'static,
) -> Result<T, BusError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(BusError::Storage(format!("the disk did not come to an end: {error}"))))
}

//! Where answers to requests arrive: topics that only the bus knows.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use patchbay_model::bus::{BusError, Message, Topic};
use tokio::sync::mpsc;

/// What the topics of answers begin with.
const PREFIX: &str = Topic::INBOXES;

/// The most answers that wait to be taken.
const ANSWERS: usize = 1024;

/// The requests that wait for answers.
#[derive(Debug)]
pub(super) struct Inboxes {
    /// So that nobody can foresee the topic of an inbox.
    secret: u64,
    next: AtomicU64,
    open: Mutex<HashMap<Topic, mpsc::Sender<Message>>>,
}

/// One request that waits for answers, until it is dropped.
#[derive(Debug)]
pub(super) struct Inbox<'b> {
    inboxes: &'b Inboxes,
    topic: Topic,
    answers: mpsc::Receiver<Message>,
}

impl Inboxes {
    pub(super) fn new() -> Result<Self, BusError> {
        let secret = getrandom::u64().map_err(|error| BusError::Unavailable(error.to_string()))?;
        Ok(Self { secret, next: AtomicU64::new(1), open: Mutex::default() })
    }

    /// Opens an inbox.
    pub(super) fn open(&self, wanted: usize) -> Result<Inbox<'_>, BusError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let topic: Topic = format!("{PREFIX}{:016x}.{number}", self.secret)
            .parse()
            .map_err(|error| BusError::Invalid(format!("{error}")))?;
        let (sender, answers) = mpsc::channel(wanted.min(ANSWERS));
        self.lock().insert(topic.clone(), sender);
        Ok(Inbox { inboxes: self, topic, answers })
    }

    /// Whether a topic is one of an inbox.
    pub(super) fn is_one(topic: &Topic) -> bool {
        topic.as_str().starts_with(PREFIX)
    }

    /// Puts an answer into its inbox. What nobody waits for any more is dropped.
    pub(super) fn answer(&self, message: Message) {
        let inbox = self.lock().get(&message.topic).cloned();
        if let Some(inbox) = inbox {
            let _ = inbox.try_send(message);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Topic, mpsc::Sender<Message>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inbox<'_> {
    /// Where answers have to go.
    pub(super) fn topic(&self) -> Topic {
        self.topic.clone()
    }

    /// Waits for the next answer.
    pub(super) async fn next(&mut self) -> Option<Message> {
        self.answers.recv().await
    }
}

impl Drop for Inbox<'_> {
    fn drop(&mut self) {
        self.inboxes.lock().remove(&self.topic);
    }
}

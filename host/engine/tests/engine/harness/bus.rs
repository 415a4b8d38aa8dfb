//! A bus that keeps what is published, and does what the topics say.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use patchbay_model::bus::{BusError, Level, Message, Receipt};
use patchbay_model::ports::{BoxFuture, Messaging, Publication};
use patchbay_model::{Course, ServiceName};

/// Something that was published, in which course, and by whom.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    pub(crate) publisher: ServiceName,
    pub(crate) course: Course,
    pub(crate) publication: Publication,
}

/// The bus. `error.KIND` are topics that fail, `slow.*` take 50 ms, `never` takes for ever.
#[derive(Default)]
pub(crate) struct Bus(Mutex<Vec<Published>>);

impl Bus {
    /// What was published since this was asked last.
    pub(crate) fn take(&self) -> Vec<Published> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    async fn take_in(
        &self,
        publisher: &ServiceName,
        course: Course,
        publication: Publication,
    ) -> Result<u64, BusError> {
        let text = || "as it was asked to".to_owned();
        match publication.topic.as_str() {
            "error.invalid" => return Err(BusError::Invalid(text())),
            "error.denied" => return Err(BusError::Denied(text())),
            "error.too-large" => return Err(BusError::TooLarge { size: 2, limit: 1 }),
            "error.full" => return Err(BusError::Full { topic: "error.full".to_owned(), reached: text() }),
            "error.unavailable" => return Err(BusError::Unavailable(text())),
            "error.timeout" => return Err(BusError::Timeout(Duration::from_secs(1))),
            "error.no-responders" => return Err(BusError::NoResponders(text())),
            "error.not-found" => return Err(BusError::NotFound(text())),
            "error.storage" => return Err(BusError::Storage(text())),
            "never" => std::future::pending().await,
            slow if slow.starts_with("slow.") => tokio::time::sleep(Duration::from_millis(50)).await,
            _ => {}
        }
        let mut published = self.0.lock().unwrap();
        published.push(Published { publisher: publisher.clone(), course, publication });
        Ok(published.len() as u64)
    }
}

impl Messaging for Bus {
    fn publish<'a>(
        &'a self,
        publisher: &'a ServiceName,
        course: Course,
        publication: Publication,
    ) -> BoxFuture<'a, Result<Receipt, BusError>> {
        Box::pin(async move {
            let duplicate = publication.id.as_deref() == Some("again");
            let sequence = self.take_in(publisher, course, publication).await?;
            Ok(Receipt { level: Level::Durable, sequence: Some(sequence), duplicate })
        })
    }

    /// Two answer, with what they were asked.
    fn request<'a>(
        &'a self,
        publisher: &'a ServiceName,
        course: Course,
        publication: Publication,
        wanted: NonZeroUsize,
        timeout: Option<Duration>,
    ) -> BoxFuture<'a, Result<Vec<Message>, BusError>> {
        Box::pin(async move {
            let asked = publication.clone();
            self.take_in(publisher, course, publication).await?;
            let answer = |number: usize| Message {
                headers: vec![("timeout".to_owned(), format!("{timeout:?}"))],
                content_type: asked.content_type.clone(),
                data: asked.data.clone(),
                ..message(&format!("answer-{number}"), "_INBOX.1")
            };
            Ok((1..=wanted.get().min(2)).map(answer).collect())
        })
    }
}

/// A message without anything in it.
pub(crate) fn message(id: &str, topic: &str) -> Message {
    Message {
        topic: topic.parse().unwrap(),
        id: id.to_owned(),
        source: "/services/orders".to_owned(),
        kind: "Tested".to_owned(),
        time: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000),
        subject: None,
        content_type: None,
        data_schema: None,
        extensions: Vec::new(),
        headers: Vec::new(),
        reply_to: None,
        data: bytes::Bytes::new(),
    }
}

//! A directory under the embedded bus, with a clock that tests move.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use patchbay_model::bus::{Message, Topics};
use patchbay_model::ports::{BoxFuture, Bus, Clock};

use crate::bus::conformance::Medium;
use crate::bus::{EmbeddedBus, EmbeddedOptions};

/// A clock that stands until it is moved.
#[derive(Debug)]
pub(super) struct HandClock(Mutex<SystemTime>);

impl Clock for HandClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }
}

/// A directory that is gone afterwards.
pub(super) struct Directory {
    pub(super) path: tempfile::TempDir,
    pub(super) clock: Arc<HandClock>,
}

impl Directory {
    pub(super) fn new() -> Self {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        Self { path: tempfile::tempdir().unwrap(), clock: Arc::new(HandClock(Mutex::new(now))) }
    }
}

impl Medium for Directory {
    fn open(&self, topics: Topics) -> BoxFuture<'_, Arc<dyn Bus>> {
        Box::pin(async move {
            let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as Arc<dyn Clock>;
            let opened = EmbeddedBus::open(self.path.path(), topics, EmbeddedOptions::default(), clock).await;
            Arc::new(opened.unwrap()) as Arc<dyn Bus>
        })
    }

    fn crash(&self, bus: Arc<dyn Bus>, topics: Topics) -> BoxFuture<'_, Arc<dyn Bus>> {
        // Positions that were not written down are lost with it.
        drop(bus);
        self.open(topics)
    }

    fn pass(&self, time: Duration) -> BoxFuture<'_, ()> {
        *self.clock.0.lock().unwrap() += time;
        Box::pin(std::future::ready(()))
    }
}

/// `shop.>` is durable.
pub(super) fn shop() -> Topics {
    let shop = ("shop.>".parse().unwrap(), patchbay_model::bus::TopicSettings::default());
    Topics::new([shop].into()).unwrap()
}

/// A message for `shop.a`.
pub(in crate::bus::embedded) fn message() -> Message {
    Message {
        topic: "shop.a".parse().unwrap(),
        id: "1".to_owned(),
        source: "/services/test".to_owned(),
        kind: "Tested".to_owned(),
        time: SystemTime::UNIX_EPOCH,
        subject: None,
        content_type: None,
        data_schema: None,
        extensions: Vec::new(),
        headers: Vec::new(),
        reply_to: None,
        data: bytes::Bytes::from_static(b"what happened"),
    }
}

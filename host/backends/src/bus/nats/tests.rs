//! Tests of the bus over NATS against a real server.

mod conformance;
mod durable;
mod interop;
mod speed;
mod trouble;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::StreamExt as _;
use patchbay_model::bus::{Message, Start, TopicFilter, TopicSettings, Topics};
use patchbay_model::ports::{Bus, Consumer, Feed, Incoming, Interest};

use super::{NatsBus, NatsSettings};
use crate::SystemClock;
use crate::nats_server::NatsServer;

pub(super) const MANY: NonZeroUsize = NonZeroUsize::new(100).unwrap();

/// How long anything may take. Tests wait for what happens, and never for a time to pass.
pub(super) const SOON: Duration = Duration::from_secs(20);

pub(super) fn settings(server: &NatsServer) -> NatsSettings {
    NatsSettings {
        servers: vec![server.url()],
        ack_wait: Duration::from_secs(2),
        request_timeout: Duration::from_secs(3),
        ping_interval: Duration::from_millis(500),
        ..NatsSettings::default()
    }
}

impl NatsBus {
    /// Ends the connection as a crash of the host would: nothing is said any more.
    pub(super) async fn cut_off(&self) {
        self.watch.abort();
        self.link.client.drain().await.unwrap();
        until("the connection ends", || async { self.link.client.publish("nobody", Bytes::new()).await.is_err() })
            .await;
    }
}

pub(super) fn topics(declared: &[(&str, TopicSettings)]) -> Topics {
    Topics::new(declared.iter().map(|(filter, settings)| (filter.parse().unwrap(), settings.clone())).collect())
        .unwrap()
}

/// `shop.>` is durable.
pub(super) fn shop() -> Topics {
    topics(&[("shop.>", TopicSettings::default())])
}

pub(super) async fn open(settings: NatsSettings, topics: Topics) -> NatsBus {
    NatsBus::open(settings, topics, Arc::new(SystemClock)).await.unwrap()
}

pub(super) fn message(topic: &str, id: &str) -> Message {
    Message {
        topic: topic.parse().unwrap(),
        id: id.to_owned(),
        source: "/services/test".to_owned(),
        kind: "Tested".to_owned(),
        time: SystemTime::UNIX_EPOCH,
        subject: None,
        content_type: Some("text/plain".to_owned()),
        data_schema: None,
        extensions: Vec::new(),
        headers: Vec::new(),
        reply_to: None,
        data: Bytes::copy_from_slice(id.as_bytes()),
    }
}

pub(super) fn filter(text: &str) -> TopicFilter {
    text.parse().unwrap()
}

/// The interest of a group.
pub(super) fn group(topic: Option<&str>, chosen: &str, name: &str) -> Interest {
    Interest {
        topic: topic.map(filter),
        filter: filter(chosen),
        consumer: Consumer::Group { name: name.into(), start: Start::New, ordered: false, broadcast: false },
        window: 10,
    }
}

pub(super) fn ordered(interest: Interest) -> Interest {
    let Consumer::Group { name, start, broadcast, .. } = interest.consumer else { panic!("a group") };
    Interest { consumer: Consumer::Group { name, start, ordered: true, broadcast }, ..interest }
}

/// Receives until there are as many as wanted.
pub(super) async fn receive(feed: &Arc<dyn Feed>, wanted: usize) -> Vec<Incoming> {
    let mut all = Vec::new();
    let collected = tokio::time::timeout(SOON, async {
        while all.len() < wanted {
            let more = feed.receive(MANY).await;
            assert!(!more.is_empty(), "the feed ended after {} messages", all.len());
            all.extend(more);
        }
    });
    assert!(collected.await.is_ok(), "{} of {wanted} messages came", all.len());
    all
}

pub(super) fn ids(incoming: &[Incoming]) -> Vec<String> {
    incoming.iter().map(|one| one.message.id.clone()).collect()
}

pub(super) async fn publish(bus: &NatsBus, topic: &str, these: &[&str]) {
    for id in these {
        bus.publish(message(topic, id)).await.unwrap();
    }
}

/// A client that knows nothing of Patchbay.
pub(super) async fn plain(server: &NatsServer) -> async_nats::Client {
    async_nats::connect(server.url()).await.unwrap()
}

/// Waits until the server has done what a client sent.
pub(super) async fn caught_up(client: &async_nats::Client) {
    let inbox = client.new_inbox();
    let mut returned = client.subscribe(inbox.clone()).await.unwrap();
    client.publish(inbox, Bytes::new()).await.unwrap();
    assert!(tokio::time::timeout(SOON, returned.next()).await.unwrap().is_some());
}

/// Waits until something holds, looking again and again.
pub(super) async fn until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let waited = tokio::time::timeout(SOON, async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what}");
}

//! Deliveries that were no attempts. JetStream counts every delivery of a message; what was given back without being tried
//! must not count. How many those were is noted, by consumer and place, in a bucket of the server, because the message may
//! come to another host next.

use std::time::Duration;

use async_nats::jetstream::kv::{self, Store};
use async_nats::jetstream::stream::StorageType;
use bytes::Bytes;
use patchbay_model::bus::BusError;
use patchbay_model::ports::BoxFuture;
use tokio::sync::{Mutex, MutexGuard, OnceCell};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::link::Link;
use super::names;

/// For how long notes are kept. The messages they are about are done by then, or gone.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The longest a note may take. A message is rather tried once too seldom than held up.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pause until a note is tried again.
const PAUSE: Duration = Duration::from_millis(100);

/// Places that share a turn.
const TURNS: u64 = 64;

/// The notes of all consumers.
pub(super) struct Deliveries {
    store: OnceCell<Store>,
    /// Notes about one message are written one after the other, so that the last one stays.
    turns: Vec<Mutex<()>>,
}

impl Default for Deliveries {
    fn default() -> Self {
        Self { store: OnceCell::new(), turns: (0..TURNS).map(|_| Mutex::new(())).collect() }
    }
}

/// Whose notes they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) stream: String,
    pub(super) consumer: String,
}

impl Owner {
    fn key(&self, place: impl std::fmt::Display) -> String {
        format!("{}.{}.{place}", self.stream, self.consumer)
    }
}

impl Deliveries {
    async fn store(&self, link: &Link) -> Result<&Store, BusError> {
        self.store
            .get_or_try_init(|| async {
                let config = kv::Config {
                    bucket: names::of_bucket(&link.settings.prefix),
                    description: "Deliveries that were no attempts, noted by Patchbay hosts".to_owned(),
                    history: 1,
                    max_age: KEPT,
                    storage: StorageType::File,
                    num_replicas: link.settings.replicas,
                    ..kv::Config::default()
                };
                let name = config.bucket.clone();
                match link.jetstream.create_key_value(config).await {
                    Ok(store) => Ok(store),
                    // Another host made it, perhaps with other limits.
                    Err(error) => link
                        .jetstream
                        .get_key_value(&name)
                        .await
                        .map_err(|_| BusError::Storage(format!("the bucket {name} cannot be had: {error}"))),
                }
            })
            .await
    }

    /// Waits until what is being written about a message is written, and keeps others from writing.
    async fn turn(&self, place: u64) -> Option<MutexGuard<'_, ()>> {
        let turn = self.turns.get(usize::try_from(place % TURNS).ok()?)?;
        Some(turn.lock().await)
    }

    /// Waits until what is being written about a message is written.
    pub(super) async fn written(&self, place: u64) {
        drop(self.turn(place).await);
    }

    /// How many deliveries of a message were no attempts. None are known if the note cannot be read in time.
    pub(super) async fn uncounted(&self, link: &Link, owner: &Owner, place: u64) -> i64 {
        self.number(link, &owner.key(place)).await.unwrap_or_default()
    }

    /// Notes how many deliveries of a message were no attempts.
    pub(super) async fn note(&self, link: &Link, owner: &Owner, place: u64, uncounted: i64) {
        let _turn = self.turn(place).await;
        self.set(link, &owner.key(place), uncounted).await;
    }

    /// Drops the note about a message that is done.
    pub(super) async fn forget(&self, link: &Link, owner: &Owner, place: u64) {
        let _turn = self.turn(place).await;
        let dropped = async {
            let store = self.store(link).await?;
            store.purge(owner.key(place)).await.map_err(|error| BusError::Storage(error.to_string()))
        };
        if let Ok(Err(error)) = timeout(PATIENCE, dropped).await {
            tracing::debug!(%error, "a note about deliveries stays");
        }
    }

    /// The count of deliveries at which the last feed of a consumer gave everything back in order; `None` if none did.
    pub(super) async fn closed_at(&self, link: &Link, owner: &Owner) -> Option<i64> {
        self.number(link, &owner.key("closed")).await
    }

    /// Notes that the last feed of a consumer gave everything back in order.
    pub(super) async fn close_at(&self, link: &Link, owner: &Owner, deliveries: i64) {
        self.set(link, &owner.key("closed"), deliveries).await;
    }

    async fn number(&self, link: &Link, key: &str) -> Option<i64> {
        match insisting(|| Box::pin(self.get(link, key))).await {
            Ok(value) => std::str::from_utf8(&value?).ok()?.parse().ok(),
            Err(error) => {
                tracing::warn!(%error, "a note about deliveries cannot be read; they count as attempts");
                None
            }
        }
    }

    async fn get(&self, link: &Link, key: &str) -> Result<Option<Bytes>, BusError> {
        self.store(link).await?.get(key).await.map_err(|error| BusError::Storage(error.to_string()))
    }

    async fn set(&self, link: &Link, key: &str, number: i64) {
        if let Err(error) = insisting(|| Box::pin(self.put(link, key, number))).await {
            tracing::warn!(%error, "deliveries that were no attempts cannot be noted; they count as such");
        }
    }

    async fn put(&self, link: &Link, key: &str, number: i64) -> Result<(), BusError> {
        let written = self.store(link).await?.put(key, number.to_string().into()).await;
        written.map(drop).map_err(|error| BusError::Storage(error.to_string()))
    }
}

/// Tries until it succeeds: a server that has just started does not have its buckets yet. Gives up after a while.
async fn insisting<'a, T>(what: impl Fn() -> BoxFuture<'a, Result<T, BusError>>) -> Result<T, BusError> {
    let until = Instant::now() + PATIENCE;
    loop {
        match timeout_at(until, what()).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(error)) if Instant::now() + PAUSE >= until => return Err(error),
            Ok(Err(_)) => sleep(PAUSE).await,
            Err(_) => return Err(BusError::Timeout(PATIENCE)),
        }
    }
}

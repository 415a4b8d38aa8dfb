//! Deliveries that were no attempts. JetStream counts every delivery of a message; what was given back without being tried
//! must not count. How many those were is noted, by consumer and place, in a bucket of the server, because the message may
//! come to another host next.

use std::time::Duration;

use async_nats::jetstream::kv::{self, Store};
use async_nats::jetstream::stream::StorageType;
use patchbay_model::bus::BusError;
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::link::Link;
use super::names;

/// For how long notes are kept. The messages they are about are done by then, or gone.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The longest a note may take. A message is rather tried once too seldom than held up.
const PATIENCE: Duration = Duration::from_secs(2);

/// The notes of all consumers.
#[derive(Default)]
pub(super) struct Deliveries {
    store: OnceCell<Store>,
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

    /// How many deliveries of a message were no attempts. None are known if the note cannot be read in time.
    pub(super) async fn uncounted(&self, link: &Link, owner: &Owner, place: u64) -> i64 {
        self.number(link, &owner.key(place)).await.unwrap_or_default()
    }

    /// Notes how many deliveries of a message were no attempts.
    pub(super) async fn note(&self, link: &Link, owner: &Owner, place: u64, uncounted: i64) {
        self.set(link, &owner.key(place), uncounted).await;
    }

    /// Drops the note about a message that is done.
    pub(super) async fn forget(&self, link: &Link, owner: &Owner, place: u64) {
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
        let read = async {
            let store = self.store(link).await?;
            store.get(key).await.map_err(|error| BusError::Storage(error.to_string()))
        };
        match timeout(PATIENCE, read).await {
            Ok(Ok(value)) => std::str::from_utf8(&value?).ok()?.parse().ok(),
            Ok(Err(error)) => {
                tracing::warn!(%error, "a note about deliveries cannot be read; they count as attempts");
                None
            }
            Err(_) => {
                tracing::warn!("a note about deliveries cannot be read in time; they count as attempts");
                None
            }
        }
    }

    async fn set(&self, link: &Link, key: &str, number: i64) {
        let written = async {
            let store = self.store(link).await?;
            let written = store.put(key, number.to_string().into()).await;
            written.map(drop).map_err(|error| BusError::Storage(error.to_string()))
        };
        match timeout(PATIENCE, written).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "deliveries that were no attempts cannot be noted; they count as such");
            }
            Err(_) => tracing::warn!("deliveries that were no attempts cannot be noted in time; they count as such"),
        }
    }
}

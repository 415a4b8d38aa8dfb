//! A consumer group, or a watcher, of a durable topic: where it stands, and what it has to hand out.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use patchbay_model::bus::{BusError, Topic, TopicFilter};
use patchbay_model::ports::{BoxFuture, GroupInfo, Settlement};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::DurableTopic;
use super::keep::Read;
use crate::bus::embedded::feed::{Desk, Take};
use crate::bus::embedded::pool::{Parcel, Pool, Taken, Terms};

/// How many messages are read ahead.
const AHEAD: usize = 256;

/// How many messages may wait to be tried again before no new ones are handed out.
const WAITING: usize = 10_000;

/// How long it waits after the disk failed.
const PAUSE: Duration = Duration::from_secs(1);

/// A consumer group of a durable topic, or a watcher.
#[derive(Debug)]
pub(in crate::bus::embedded) struct DurableGroup {
    topic: Weak<DurableTopic>,
    /// Its name; `None`: a watcher.
    name: Option<Arc<str>>,
    filter: TopicFilter,
    standing: Mutex<Standing>,
    /// Held while messages are read from the disk.
    loading: tokio::sync::Mutex<()>,
    changed: Notify,
}

#[derive(Debug)]
struct Standing {
    pool: Pool,
    /// The place from which on nothing is in the pool.
    cursor: u64,
    /// How many messages it wants from there on.
    pending: u64,
}

/// Where a group stands, as it is written down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Position {
    /// The first place that was never handed out.
    pub(super) cursor: u64,
    /// Places before it that are not settled, and as which attempt they are handed out next.
    pub(super) outstanding: BTreeMap<u64, u32>,
}

/// What there is to read.
enum Lack {
    Places(Vec<u64>),
    From(u64),
}

impl DurableGroup {
    pub(super) fn new(
        topic: Weak<DurableTopic>,
        name: Option<Arc<str>>,
        filter: TopicFilter,
        position: &Position,
        pending: u64,
    ) -> Self {
        let mut pool = Pool::new(Terms { settled: name.is_some(), stored: true, waiting: WAITING });
        position.outstanding.iter().for_each(|(place, attempt)| pool.recall(*place, *attempt));
        let standing = Mutex::new(Standing { pool, cursor: position.cursor, pending });
        Self { topic, name, filter, standing, loading: tokio::sync::Mutex::new(()), changed: Notify::new() }
    }

    pub(super) fn is(&self, name: &str, filter: &TopicFilter) -> bool {
        self.name.as_deref() == Some(name) && self.filter == *filter
    }

    /// Takes in a member.
    pub(super) fn join(&self, member: u64, window: u32) {
        self.standing().pool.join(member, window);
    }

    /// Whether it answers those who ask: a watcher does not.
    pub(super) fn answers(&self, topic: &Topic) -> bool {
        self.name.is_some() && self.filter.matches(topic) && self.standing().pool.has_members()
    }

    /// Whether it is a watcher that is gone.
    pub(super) fn is_over(&self) -> bool {
        self.name.is_none() && !self.standing().pool.has_members()
    }

    /// Ends the feeds of all members.
    pub(super) fn dismiss(&self) {
        self.standing().pool.dismiss();
        self.changed.notify_waiters();
    }

    /// Notes that messages were stored.
    pub(super) fn arrived<'m>(&self, messages: impl Iterator<Item = (u64, &'m Topic)>) {
        {
            let mut standing = self.standing();
            // What somebody took from memory in between was counted there.
            let cursor = standing.cursor;
            let new = messages.filter(|(place, topic)| *place >= cursor && self.filter.matches(topic));
            standing.pending += new.count() as u64;
        }
        self.changed.notify_waiters();
    }

    /// Notes that a message is not kept any more.
    pub(super) fn gone(&self, sequence: u64, topic: Option<&Topic>) {
        let mut standing = self.standing();
        standing.pool.forget(sequence);
        let was_pending = sequence >= standing.cursor && topic.is_some_and(|topic| self.filter.matches(topic));
        standing.pending = standing.pending.saturating_sub(u64::from(was_pending));
    }

    /// Where it stands, and its name and filter; nothing for a watcher.
    pub(super) fn position(&self) -> Option<(Arc<str>, TopicFilter, Position)> {
        let name = self.name.clone()?;
        let standing = self.standing();
        let cursor = standing.pool.first_fresh().unwrap_or(standing.cursor);
        let position = Position { cursor, outstanding: standing.pool.outstanding() };
        Some((name, self.filter.clone(), position))
    }

    /// How it is, for people; nothing for a watcher.
    pub(super) fn info(&self, topic: &TopicFilter) -> Option<GroupInfo> {
        let (group, filter, position) = self.position()?;
        let standing = self.standing();
        let unsettled = position.outstanding.keys().next().copied().unwrap_or(position.cursor);
        Some(GroupInfo {
            topic: topic.clone(),
            group: group.to_string(),
            filter,
            lag: standing.pending + standing.pool.n_fresh() as u64,
            in_flight: standing.pool.n_in_hand() as u64,
            retrying: standing.pool.n_waiting() as u64,
            acknowledged: unsettled.saturating_sub(1),
        })
    }

    fn lack(&self) -> Option<Lack> {
        let standing = self.standing();
        let lacking = standing.pool.lacking();
        if !lacking.is_empty() {
            return Some(Lack::Places(lacking));
        }
        (standing.pool.n_fresh() == 0).then_some(Lack::From(standing.cursor))
    }

    async fn fetch(&self, topic: Arc<DurableTopic>, lack: Lack) -> Result<(), BusError> {
        let filter = self.filter.clone();
        let work = move || match lack {
            Lack::From(cursor) => topic.read(cursor, &filter, AHEAD).map(|read| Found::Behind(cursor, read)),
            Lack::Places(places) => {
                let parcels = places.into_iter().map(|place| Ok((place, topic.read_one(place)?)));
                parcels.collect::<Result<_, _>>().map(Found::Places)
            }
        };
        let found = tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|error| Err(BusError::Storage(format!("cannot read stored messages: {error}"))))?;
        let mut standing = self.standing();
        match found {
            Found::Places(parcels) => {
                parcels.into_iter().for_each(|(place, parcel)| standing.pool.supply(place, parcel));
            }
            Found::Behind(cursor, read) => standing.add(cursor, read),
        }
        Ok(())
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Found {
    Places(Vec<(u64, Option<Parcel>)>),
    Behind(u64, Read),
}

impl Standing {
    /// Adds what was read from place `cursor` on.
    fn add(&mut self, cursor: u64, read: Read) {
        // Somebody else was faster.
        if self.cursor != cursor {
            return;
        }
        self.pending = self.pending.saturating_sub(read.parcels.len() as u64);
        read.parcels.into_iter().for_each(|(place, parcel)| self.pool.add(place, parcel));
        self.cursor = self.cursor.max(read.next);
    }
}

impl Desk for DurableGroup {
    fn take(&self, member: u64, max: NonZeroUsize) -> Take {
        let Some(topic) = self.topic.upgrade() else { return Take::Closed };
        let mut standing = self.standing();
        if standing.pool.n_fresh() == 0
            && let Some(read) = topic.kept().read(standing.cursor, &self.filter, AHEAD)
        {
            let cursor = standing.cursor;
            standing.add(cursor, read);
        }
        match standing.pool.take(member, max, Instant::now()) {
            Taken::Handed(handed) => {
                topic.moved();
                Take::Handed(handed)
            }
            Taken::Lacking => Take::Unloaded,
            Taken::Nothing(_) if standing.pool.n_fresh() == 0 && standing.cursor < topic.kept().next => Take::Unloaded,
            Taken::Nothing(due) => Take::Nothing(due),
            Taken::Full => Take::Nothing(None),
            Taken::Closed => Take::Closed,
        }
    }

    fn load(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let _turn = self.loading.lock().await;
            let (Some(lack), Some(topic)) = (self.lack(), self.topic.upgrade()) else { return };
            if let Err(error) = self.fetch(topic, lack).await {
                tracing::error!("{error}");
                tokio::time::sleep(PAUSE).await;
            }
        })
    }

    fn settle(&self, member: u64, token: u64, settlement: Settlement) {
        let settled = self.standing().pool.settle(member, token, settlement, Instant::now());
        if settled && let Some(topic) = self.topic.upgrade() {
            topic.moved();
        }
        self.changed.notify_waiters();
    }

    fn leave(&self, member: u64) {
        self.standing().pool.leave(member);
        self.changed.notify_waiters();
        if self.is_over()
            && let Some(topic) = self.topic.upgrade()
        {
            topic.groups().retain(|group| !group.is_over());
        }
    }

    fn dropped(&self, _: u64) -> u64 {
        // A durable topic is read at everybody's own pace.
        0
    }

    fn changed(&self) -> &Notify {
        &self.changed
    }
}

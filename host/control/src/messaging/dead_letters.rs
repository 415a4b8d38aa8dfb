//! What an operator can do with dead letters: list, show, replay and drop them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use patchbay_model::ServiceName;
use patchbay_model::bus::{BusError, Level, Receipt, Topic, TopicFilter, Topics};
use patchbay_model::ports::Stored;

use super::dead_letter::{self, DeadLetter};
use super::interests::replays;
use crate::control::Control;

/// How many stored messages are looked at in one step.
const PAGE: usize = 64;

/// Where a dead letter is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterPlace {
    /// The topic that it was written to.
    pub topic: Topic,
    /// Its place in it.
    pub sequence: u64,
}

/// A dead letter that is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDeadLetter {
    /// Where it is.
    pub place: DeadLetterPlace,
    /// When it was written.
    pub stored: SystemTime,
    /// What it is.
    pub letter: DeadLetter,
}

impl Control {
    /// Up to `limit` dead letters, the oldest of each topic first; those of `service` alone if one is named. They begin
    /// behind the place `after`.
    ///
    /// # Errors
    /// [`BusError`] if they cannot be read, and [`BusError::NotFound`] if no dead letters go to the topic of `after`.
    pub async fn dead_letters(
        &self,
        service: Option<&ServiceName>,
        after: Option<&DeadLetterPlace>,
        limit: usize,
    ) -> Result<Vec<StoredDeadLetter>, BusError> {
        if let Some(place) = after {
            self.declared(&place.topic)?;
        }
        let mut found = Vec::new();
        self.walk_dead_letters(after, |page| {
            let letters = page.iter().filter_map(taken_apart);
            let wanted = letters.filter(|found| service.is_none_or(|service| found.letter.death.service == *service));
            found.extend(wanted);
            found.len() < limit
        })
        .await?;
        found.truncate(limit);
        Ok(found)
    }

    /// How many dead letters there are of each subscription. Keeps no more than one page of them in memory.
    ///
    /// # Errors
    /// [`BusError`] if they cannot be read.
    pub(super) async fn count_dead_letters(&self) -> Result<BTreeMap<(ServiceName, TopicFilter), u64>, BusError> {
        let mut counts = BTreeMap::new();
        self.walk_dead_letters(None, |page| {
            for death in page.iter().filter_map(|stored| Some(dead_letter::read(&stored.message)?.death)) {
                *counts.entry((death.service, death.filter)).or_default() += 1;
            }
            true
        })
        .await?;
        Ok(counts)
    }

    /// Hands one page of stored messages after the other to `take`, as long as it says to go on.
    async fn walk_dead_letters(
        &self,
        after: Option<&DeadLetterPlace>,
        mut take: impl FnMut(&[Stored]) -> bool,
    ) -> Result<(), BusError> {
        let mut begin = after;
        let is_before = |filter: &TopicFilter| after.is_some_and(|after| !filter.matches(&after.topic));
        let topics = self.dead_letter_topics().into_iter().skip_while(|(_, filter)| is_before(filter));
        for (declared, filter) in topics {
            let mut from = begin.take().map_or(0, |place| place.sequence.saturating_add(1));
            loop {
                let page = self.ports.bus.read(&declared, &filter, from, PAGE).await?;
                let Some(last) = page.last().map(|stored| stored.sequence) else { break };
                if !take(&page) {
                    return Ok(());
                }
                from = last + 1;
            }
        }
        Ok(())
    }

    /// One dead letter.
    ///
    /// # Errors
    /// [`BusError::NotFound`] if there is none at this place, and others if it cannot be read.
    pub async fn dead_letter(&self, place: &DeadLetterPlace) -> Result<StoredDeadLetter, BusError> {
        self.stored_letter(place).await.map(|(_, letter)| letter)
    }

    /// Has a dead letter tried once more by the subscription that it failed in, and by no other. Its attempts count anew.
    ///
    /// # Errors
    /// [`BusError::NotFound`] if there is none at this place, and others if it cannot be published; it stays then.
    pub async fn replay_dead_letter(&self, place: &DeadLetterPlace) -> Result<Receipt, BusError> {
        let (stored, letter) = self.stored_letter(place).await?;
        let death = &letter.letter.death;
        let place_of_replays = replays(&death.group, &death.filter, &self.snapshot.load().config().topics);
        let (_, topic) = place_of_replays.ok_or_else(|| {
            BusError::Invalid(format!("the topics below `{}` are declared and not durable", Topics::REPLAYS))
        })?;
        let receipt = self.send(dead_letter::replay(&stored.message, topic)).await?;
        self.drop_dead_letter(place).await?;
        Ok(receipt)
    }

    /// Drops a dead letter for good. No error if there is none.
    ///
    /// # Errors
    /// [`BusError`] if it cannot be removed, and [`BusError::NotFound`] if there are no dead letters in this topic.
    pub async fn drop_dead_letter(&self, place: &DeadLetterPlace) -> Result<(), BusError> {
        let declared = self.declared(&place.topic)?;
        self.ports.bus.remove(&declared, place.sequence).await
    }

    async fn stored_letter(&self, place: &DeadLetterPlace) -> Result<(Stored, StoredDeadLetter), BusError> {
        let declared = self.declared(&place.topic)?;
        let filter = TopicFilter::from(place.topic.clone());
        let found = self.ports.bus.read(&declared, &filter, place.sequence, 1).await?;
        let found = found.into_iter().find(|stored| stored.sequence == place.sequence);
        let found = found.and_then(|stored| {
            let letter = taken_apart(&stored)?;
            Some((stored, letter))
        });
        found.ok_or_else(|| {
            BusError::NotFound(format!("the topic `{}` has no dead letter at {}", place.topic, place.sequence))
        })
    }

    /// The declaration of a topic that dead letters go to.
    fn declared(&self, topic: &Topic) -> Result<TopicFilter, BusError> {
        let is_meant = |(_, filter): &(TopicFilter, TopicFilter)| filter.matches(topic);
        let found = self.dead_letter_topics().into_iter().find(is_meant);
        let none = || BusError::NotFound(format!("no dead letters go to the topic `{topic}`"));
        found.map(|(declared, _)| declared).ok_or_else(none)
    }

    /// The topics that dead letters go to: the one for all, and those that subscriptions name. Each with its declaration.
    fn dead_letter_topics(&self) -> BTreeSet<(TopicFilter, TopicFilter)> {
        let snapshot = self.snapshot.load();
        let topics = &snapshot.config().topics;
        let own = topics.iter().filter(|(declared, _)| declared.as_str() == Topics::DEAD_LETTERS);
        let mut found: BTreeSet<_> = own.map(|(declared, _)| (declared.clone(), declared.clone())).collect();
        for running in self.messaging.running().values() {
            let topic = running.plan.settings.dead_letter(&running.plan.service);
            let named = topics.of(&topic).filter(|(_, settings)| settings.level == Level::Durable);
            let named = named.filter(|(declared, _)| declared.as_str() != Topics::DEAD_LETTERS);
            found.extend(named.map(|(declared, _)| (declared.clone(), topic.clone().into())));
        }
        found
    }
}

fn taken_apart(stored: &Stored) -> Option<StoredDeadLetter> {
    let place = DeadLetterPlace { topic: stored.message.topic.clone(), sequence: stored.sequence };
    Some(StoredDeadLetter { place, stored: stored.stored, letter: dead_letter::read(&stored.message)? })
}

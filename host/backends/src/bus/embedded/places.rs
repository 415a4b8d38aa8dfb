//! Where the messages of a topic go. Declarations do not change while the bus is open, so the answer is kept for each topic
//! that was asked for.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use patchbay_model::bus::{Topic, TopicFilter, Topics};

use super::durable::DurableTopic;

/// Topics that answers are kept for. Past that, all are worked out anew.
const KNOWN: usize = 4096;

/// Where the messages of a topic go.
#[derive(Debug, Clone)]
pub(super) enum Place {
    /// Into the log of a durable topic.
    Durable(Arc<DurableTopic>),
    /// To those who are subscribed to this declaration, or to what is not declared.
    Volatile(Option<TopicFilter>),
}

/// Where the messages of all topics go.
#[derive(Debug)]
pub(super) struct Places {
    topics: Topics,
    durable: Arc<[Arc<DurableTopic>]>,
    known: RwLock<HashMap<Topic, Place>>,
}

impl Places {
    pub(super) fn new(topics: Topics, durable: Arc<[Arc<DurableTopic>]>) -> Self {
        Self { topics, durable, known: RwLock::default() }
    }

    /// Where the messages of `topic` go.
    pub(super) fn of(&self, topic: &Topic) -> Place {
        if let Some(place) = self.known.read().unwrap_or_else(PoisonError::into_inner).get(topic) {
            return place.clone();
        }
        let declared = self.topics.of(topic).map(|(declared, _)| declared);
        let durable = declared.and_then(|declared| self.durable(declared));
        let place =
            durable.map_or_else(|| Place::Volatile(declared.cloned()), |durable| Place::Durable(Arc::clone(durable)));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN {
            known.clear();
        }
        known.insert(topic.clone(), place.clone());
        place
    }

    /// The durable topic with this declaration.
    pub(super) fn durable(&self, declared: &TopicFilter) -> Option<&Arc<DurableTopic>> {
        self.durable.iter().find(|durable| durable.topic() == declared)
    }

    /// All durable topics.
    pub(super) fn all_durable(&self) -> &Arc<[Arc<DurableTopic>]> {
        &self.durable
    }

    /// All declarations.
    pub(super) const fn topics(&self) -> &Topics {
        &self.topics
    }
}

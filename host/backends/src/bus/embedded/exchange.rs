//! Which consumer groups and watchers get the messages of a volatile topic.
//!
//! The answer is kept for each topic that was published to, until somebody subscribes or leaves: so publishing does not
//! look at all of them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::SystemTime;

use patchbay_model::bus::{Message, Topic, TopicFilter};

use super::options::QueueLimits;
use super::volatile::{Key, VolatileGroup};

/// Topics that answers are kept for. Past that, all are worked out anew.
const ROUTES: usize = 4096;

/// Who is subscribed to volatile topics.
#[derive(Debug)]
pub(super) struct Exchange {
    limits: QueueLimits,
    next_member: AtomicU64,
    subscribed: RwLock<Subscribed>,
}

#[derive(Debug, Default)]
struct Subscribed {
    groups: Vec<Arc<VolatileGroup>>,
    routes: HashMap<Topic, Arc<[Arc<VolatileGroup>]>>,
}

impl Exchange {
    pub(super) fn new(limits: QueueLimits) -> Self {
        Self { limits, next_member: AtomicU64::new(1), subscribed: RwLock::default() }
    }

    /// Joins a group, or begins to watch. Returns the group and the member.
    pub(super) fn join(&self, key: Key, window: u32) -> (Arc<VolatileGroup>, u64) {
        let member = self.next_member.fetch_add(1, Ordering::Relaxed);
        let mut subscribed = self.changing();
        // Under the lock that publishing reads: a message that is published from now on reaches the member.
        subscribed.groups.retain(|group| group.is_served());
        let shared = subscribed.groups.iter().find(|group| group.key.name.is_some() && group.key == key).cloned();
        let group = shared.unwrap_or_else(|| {
            let group = Arc::new(VolatileGroup::new(key, self.limits));
            subscribed.groups.push(Arc::clone(&group));
            group
        });
        group.join(member, window);
        subscribed.routes.clear();
        (group, member)
    }

    /// Hands a message to all who want it. `declared` is the declaration of its topic.
    pub(super) fn publish(&self, declared: Option<&TopicFilter>, message: &Arc<Message>, stored: SystemTime) {
        let route = self.route(declared, &message.topic);
        let size = if route.is_empty() { 0 } else { message.size() };
        let mut is_stale = false;
        for group in route.iter() {
            is_stale |= !group.offer(message, size, stored);
        }
        if is_stale {
            self.tidy();
        }
    }

    /// Whether a consumer group gets the messages of a topic.
    pub(super) fn is_served(&self, declared: Option<&TopicFilter>, topic: &Topic) -> bool {
        self.route(declared, topic).iter().any(|group| group.key.name.is_some() && group.is_served())
    }

    /// Ends all feeds.
    pub(super) fn close(&self) {
        let ended = std::mem::take(&mut *self.changing());
        for group in ended.groups {
            group.close();
        }
    }

    /// Forgets the groups that everybody left, with what they had not taken.
    fn tidy(&self) {
        let mut subscribed = self.changing();
        subscribed.groups.retain(|group| group.is_served());
        subscribed.routes.clear();
    }

    fn route(&self, declared: Option<&TopicFilter>, topic: &Topic) -> Arc<[Arc<VolatileGroup>]> {
        {
            let subscribed = self.subscribed.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(route) = subscribed.routes.get(topic) {
                return Arc::clone(route);
            }
        }
        let mut subscribed = self.changing();
        let wants =
            |group: &&Arc<VolatileGroup>| group.key.topic.as_ref() == declared && group.key.filter.matches(topic);
        let route: Arc<[_]> = subscribed.groups.iter().filter(wants).cloned().collect();
        if subscribed.routes.len() >= ROUTES {
            subscribed.routes.clear();
        }
        subscribed.routes.insert(topic.clone(), Arc::clone(&route));
        route
    }

    fn changing(&self) -> RwLockWriteGuard<'_, Subscribed> {
        self.subscribed.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::embedded::feed::Desk;
    use crate::bus::embedded::tests::message;

    fn join(exchange: &Exchange, filter: &str, name: Option<&str>) -> (Arc<VolatileGroup>, u64) {
        let filter = filter.parse().unwrap();
        exchange.join(Key { topic: None, filter, name: name.map(Into::into) }, 10)
    }

    /// Publishes a message, and returns how many wait for it.
    fn reached(exchange: &Exchange) -> usize {
        let message = Arc::new(message());
        exchange.publish(None, &message, SystemTime::UNIX_EPOCH);
        exchange.route(None, &message.topic).len()
    }

    #[test]
    fn routes_change_when_somebody_comes_or_goes() {
        let exchange = Exchange::new(QueueLimits { messages: 10, bytes: 1000 });
        assert_eq!(reached(&exchange), 0);
        let (group, member) = join(&exchange, "shop.*", Some("group"));
        let (same, other) = join(&exchange, "shop.*", Some("group"));
        assert!(Arc::ptr_eq(&group, &same), "they are one group");
        let (watcher, watching) = join(&exchange, "shop.*", None);
        join(&exchange, "other.*", Some("group"));
        assert_eq!(reached(&exchange), 2);
        group.leave(member);
        assert_eq!(reached(&exchange), 2, "one of the group is still there");
        same.leave(other);
        watcher.leave(watching);
        assert!(!exchange.is_served(None, &message().topic));
        assert_eq!(reached(&exchange), 0, "those who are gone are forgotten");
    }

    #[test]
    fn topics_do_not_add_up_in_memory() {
        let exchange = Exchange::new(QueueLimits { messages: 10, bytes: 1000 });
        for n in 0..2 * ROUTES {
            exchange.route(None, &format!("a.{n}").parse().unwrap());
        }
        let subscribed = exchange.subscribed.read().unwrap();
        assert!(subscribed.routes.len() <= ROUTES);
    }
}

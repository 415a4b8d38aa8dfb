//! What a subscription asks of the bus: one interest for each declaration that it has topics of, one for what is not
//! declared, and one for dead letters that are replayed to it.

use std::sync::Arc;

use patchbay_model::bus::{Level, Order, Start, Topic, TopicFilter, Topics};
use patchbay_model::ports::{Consumer, Interest};

use super::subscription::{Plan, window};

/// The interests of a subscription.
pub(super) fn interests(plan: &Plan, topics: &Topics) -> Vec<Interest> {
    let (filter, window) = (&plan.filter, window(&plan.settings));
    let mut interests = Vec::new();
    let mut covered = false;
    let group: Arc<str> = plan.settings.group(&plan.service).into();
    let consumer = |start| Consumer::Group {
        name: Arc::clone(&group),
        start,
        ordered: plan.settings.order == Order::Key,
        broadcast: plan.settings.broadcast,
    };
    for (declared, _) in topics.iter().filter(|(declared, _)| is_meant(filter, declared)) {
        let Some(filter) = filter.intersection(declared) else { continue };
        covered |= declared.covers(&plan.filter);
        let consumer = consumer(plan.settings.start);
        interests.push(Interest { topic: Some(declared.clone()), filter, consumer, window });
    }
    if !covered {
        let consumer = consumer(Start::New);
        interests.push(Interest { topic: None, filter: filter.clone(), consumer, window });
    }
    if let Some((replays, topic)) = replays(&group, filter, topics) {
        let consumer = consumer(Start::Beginning);
        interests.push(Interest { topic: Some(replays), filter: topic.into(), consumer, window });
    }
    interests
}

/// Whether a filter is meant to choose what is declared. What the host itself keeps there has to be asked for by name:
/// otherwise whoever subscribes to everything gets the dead letters of all, and their own once more.
fn is_meant(filter: &TopicFilter, declared: &TopicFilter) -> bool {
    let own = [Topics::DEAD_LETTERS, Topics::REPLAYS].contains(&declared.as_str());
    !own || filter.as_str().split('.').next() == declared.as_str().split('.').next()
}

/// The declaration of replays, and the topic for those of a subscription: the group, and the filter in tokens that a
/// topic may have.
pub(super) fn replays(group: &str, filter: &TopicFilter, topics: &Topics) -> Option<(TopicFilter, Topic)> {
    let filter = filter.as_str().replace('*', "+").replace('>', "#");
    let topic: Topic = format!("replay.{group}.{filter}").parse().ok()?;
    let (declared, settings) = topics.of(&topic)?;
    (settings.level == Level::Durable).then(|| (declared.clone(), topic))
}

#[cfg(test)]
mod tests {
    use patchbay_model::bus::{SubscriptionSettings, TopicSettings};

    use super::*;

    #[test]
    fn a_subscription_has_an_interest_for_each_declaration() {
        let declared =
            ["shop.orders.>", "shop.stock"].map(|filter| (filter.parse().unwrap(), TopicSettings::default()));
        let topics = Topics::new(declared.into()).unwrap();
        for (filter, wanted) in [
            ("shop.orders.created", &[("shop.orders.>", "shop.orders.created")][..]),
            ("shop.*", &[("shop.stock", "shop.stock"), ("-", "shop.*")]),
            (">", &[("shop.orders.>", "shop.orders.>"), ("shop.stock", "shop.stock"), ("-", ">")]),
            ("dlq.>", &[("dlq.>", "dlq.>")]),
            ("other", &[("-", "other")]),
        ] {
            let plan = Plan {
                service: "shipping".parse().unwrap(),
                filter: filter.parse().unwrap(),
                settings: SubscriptionSettings::default(),
            };
            let mut found = interests(&plan, &topics);
            let replays = found.pop().unwrap();
            assert_eq!(replays.topic.unwrap().as_str(), "replay.>");
            assert!(replays.filter.as_str().starts_with("replay.shipping."), "{}", replays.filter);
            let name = |topic: &Option<TopicFilter>| topic.as_ref().map_or("-".to_owned(), ToString::to_string);
            let found: Vec<_> = found.iter().map(|found| (name(&found.topic), found.filter.to_string())).collect();
            let wanted: Vec<_> =
                wanted.iter().map(|(topic, filter)| ((*topic).to_owned(), (*filter).to_owned())).collect();
            assert_eq!(found, wanted, "{filter}");
        }
    }
}

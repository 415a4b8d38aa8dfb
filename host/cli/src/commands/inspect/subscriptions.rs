//! The subscriptions of a revision, and how messages are handed to it.

use std::collections::BTreeMap;

use patchbay_model::bus::{SubscriptionSettings, TopicFilter};
use patchbay_model::units::format_duration;

use super::fact;
use crate::screen::{DIM, styled};

/// A fact for each subscription.
pub(super) fn facts(subscriptions: &BTreeMap<TopicFilter, SubscriptionSettings>) -> Vec<String> {
    let facts = subscriptions.iter().enumerate().map(|(place, (filter, settings))| {
        let name = if place == 0 { "subscribed" } else { "" };
        fact(name, &format!("{filter}  {}", styled(DIM, format!("({})", told(settings)))))
    });
    facts.collect()
}

fn told(settings: &SubscriptionSettings) -> String {
    let mut words = vec![format!("max_in_flight {}", settings.max_in_flight)];
    words.push(format!("order {}", settings.order.name()));
    words.push(format!("attempts {}", settings.attempts));
    words.push(format!("backoff {} to {}", format_duration(settings.backoff), format_duration(settings.max_backoff)));
    words.push(format!("start {}", settings.start));
    words.extend(settings.group.as_ref().map(|group| format!("group {group}")));
    words.extend(settings.dead_letter.as_ref().map(|topic| format!("dead_letter {topic}")));
    words.extend(settings.broadcast.then(|| "broadcast".to_owned()));
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subscription_is_a_fact() {
        let other = SubscriptionSettings {
            group: Some("g".to_owned()),
            broadcast: true,
            dead_letter: Some("dead.a".parse().unwrap()),
            ..SubscriptionSettings::default()
        };
        let all = [("news.>", SubscriptionSettings::default()), ("shop.*", other)];
        let lines = facts(&all.map(|(filter, settings)| (filter.parse().unwrap(), settings)).into());
        let plain: Vec<_> = lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        let usual = "max_in_flight 32, order none, attempts 5, backoff 1s to 1m, start new";
        assert_eq!(
            plain,
            [
                format!("  subscribed  news.>  ({usual})"),
                format!("              shop.*  ({usual}, group g, dead_letter dead.a, broadcast)"),
            ]
        );
    }
}

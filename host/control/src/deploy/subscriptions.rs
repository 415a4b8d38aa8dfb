//! Holds the subscriptions of a new revision against what its component handles, and against the topics.

use patchbay_contract::Contract;
use patchbay_model::bus::{Level, TopicFilter, Topics};
use patchbay_model::policy::Asker;
use patchbay_model::{ServiceName, Settings};

use super::ready::refused;
use crate::change::ChangeError;
use crate::messaging::topic_ground;

/// Why a component cannot have the subscriptions that its settings say, with what to do; `None` if it can.
pub fn subscription_problem(
    (service, contract): (&ServiceName, &Contract),
    settings: &Settings,
    topics: &Topics,
    strict: bool,
) -> Option<String> {
    check_subscriptions((service, contract), settings, topics, strict).err().map(|error| error.message)
}

/// Refuses subscriptions that cannot be. What comes back is worth telling.
pub(super) fn check_subscriptions(
    (service, contract): (&ServiceName, &Contract),
    settings: &Settings,
    topics: &Topics,
    strict: bool,
) -> Result<String, ChangeError> {
    let handles = contract.message_handler().is_some();
    let Some(first) = settings.subscriptions.keys().next() else {
        let note = ", handles messages and has no `subscriptions`, so it gets none";
        return Ok(if handles { note.to_owned() } else { String::new() });
    };
    if !handles {
        return Err(refused(format!(
            "it handles no messages, so it cannot be subscribed to `{first}`: export `patchbay:host/message-handler` or \
             `wasi:messaging/incoming-handler`, or remove its `subscriptions`"
        )));
    }
    for (filter, subscription) in &settings.subscriptions {
        may_subscribe(service, filter, topics, strict)?;
        if let Some(topic) = &subscription.dead_letter
            && topics.level(topic) != Level::Durable
        {
            return Err(refused(format!(
                "the `dead_letter` of its subscription to `{filter}` is `{topic}`, which is volatile, and dead letters must \
                 not be lost: declare it in `[topics]`, or choose one that begins with `dlq.`"
            )));
        }
    }
    let filters: Vec<_> = settings.subscriptions.keys().map(|filter| format!("`{filter}`")).collect();
    Ok(format!(", subscribed to {}", filters.join(", ")))
}

/// Refuses a subscription to topics that are not for the service.
fn may_subscribe(
    service: &ServiceName,
    filter: &TopicFilter,
    topics: &Topics,
    strict: bool,
) -> Result<(), ChangeError> {
    let grounds = topic_ground(topics, strict, Asker::service(service), filter, false);
    let Some((declared, _)) = grounds.into_iter().find(|(_, ground)| !ground.allows()) else { return Ok(()) };
    Err(refused(match declared {
        Some(declared) => format!(
            "it cannot be subscribed to `{filter}`: no rule in the `subscribers` of the topic `{declared}` lets `{service}` in"
        ),
        None => format!(
            "it cannot be subscribed to `{filter}`: the host is strict, and not all of these topics are declared in `[topics]` \
             with `subscribers` that let `{service}` in"
        ),
    }))
}

#[cfg(test)]
mod tests {
    use patchbay_model::bus::{SubscriptionSettings, TopicSettings, Topics};

    use crate::fakes::Bench;
    use crate::{ChangeErrorKind, ControlConfig};

    #[tokio::test(start_paused = true)]
    async fn subscriptions_need_a_handler_and_a_safe_place_for_dead_letters() {
        let bench = Bench::new();
        let silent = wat::parse_str(
            r#"(component
                (component $handler)
                (instance $instance (instantiate $handler))
                (export "wasi:http/incoming-handler@0.2.0" (instance $instance)))"#,
        );
        let silent = bench.components.put(silent.unwrap().into());
        for (handles, dead_letter, wanted) in [
            (true, None, None),
            (true, Some("dlq.all"), None),
            (true, Some("lost"), Some("which is volatile")),
            (true, Some("shop.dead"), Some("would come back to it")),
            (false, None, Some("handles no messages")),
        ] {
            let mut request = bench.request("shipping", "a", &[]);
            if !handles {
                request.component = silent;
            }
            let dead_letter = dead_letter.map(|topic| topic.parse().unwrap());
            let settings = SubscriptionSettings { dead_letter, ..SubscriptionSettings::default() };
            request.settings.subscriptions = [("shop.>".parse().unwrap(), settings)].into();
            let outcome = bench.control.deploy(request).finished().await;
            match (outcome, wanted) {
                (Ok(_), None) => {}
                (Err(error), Some(wanted)) => {
                    assert_eq!(error.kind, ChangeErrorKind::Refused);
                    assert!(error.message.contains(wanted), "{}", error.message);
                }
                (outcome, wanted) => panic!("{outcome:?} {wanted:?}"),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn topics_say_who_subscribes_to_them() {
        let settings = |subscribers: &[&str]| TopicSettings {
            subscribers: Some(subscribers.iter().map(|rule| rule.parse().unwrap()).collect()),
            ..TopicSettings::default()
        };
        let declared = || {
            let topics = [("shop.>", settings(&["shipping"])), ("office.>", settings(&["billing", "user"]))];
            Topics::new(topics.map(|(filter, settings)| (filter.parse().unwrap(), settings)).into()).unwrap()
        };
        for (filter, loose, strict) in [
            ("shop.orders", None, None),
            ("office.mail", Some("`office.>` lets `shipping` in"), Some("`office.>` lets `shipping` in")),
            // Dead letters are among these, and in a strict host nobody's.
            ("*.mail", Some("`office.>` lets `shipping` in"), Some("`dlq.>` lets `shipping` in")),
            ("other", None, Some("the host is strict")),
        ] {
            for (is_strict, wanted) in [(false, loose), (true, strict)] {
                let config = ControlConfig { topics: declared(), strict: is_strict, ..ControlConfig::default() };
                let bench = Bench::configured(config);
                let mut request = bench.request("shipping", "a", &[]);
                request.settings.subscriptions = [(filter.parse().unwrap(), SubscriptionSettings::default())].into();
                let refused = bench.control.deploy(request).finished().await.err().map(|error| error.message);
                let as_wanted = match (&refused, wanted) {
                    (Some(message), Some(wanted)) => message.contains(wanted),
                    (refused, wanted) => refused.is_none() == wanted.is_none(),
                };
                assert!(as_wanted, "{filter}, strict: {is_strict}: {refused:?}");
            }
        }
    }
}

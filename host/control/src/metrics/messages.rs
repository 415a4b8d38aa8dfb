//! Messages: what is published and delivered, and how far those who subscribe are behind.

use patchbay_model::metrics::{Collected, Counter, Family, Gauge, Unit};
use patchbay_model::ports::{BusHealth, GroupInfo, TopicInfo};
use tokio::time::timeout;

use super::ASK;
use crate::control::Control;
use crate::messaging::SubscriptionCounts;
use crate::snapshot::Snapshot;

static PUBLISHED: Family<Counter, 1> = Family::new(
    "patchbay_topic_published_messages",
    "Messages that were published by services and operators of this host and that the bus took. _undeclared stands for all \
     topics that are not declared.",
    ["topic"],
);
static UNPUBLISHED: Family<Counter, 1> = Family::new(
    "patchbay_topic_unpublished_messages",
    "Messages that were to be published and that the bus did not take.",
    ["topic"],
);
static DELIVERED: Family<Counter, 1> = Family::new(
    "patchbay_topic_delivered_messages",
    "Messages that were handed to services of this host, each attempt once.",
    ["topic"],
);
static REDELIVERED: Family<Counter, 1> = Family::new(
    "patchbay_topic_redelivered_messages",
    "Messages that were handed to a service for the second time or more, each attempt once.",
    ["topic"],
);
static DEAD: Family<Counter, 1> =
    Family::new("patchbay_topic_dead_messages", "Messages that became dead letters.", ["topic"]);
static STORED: Family<Gauge, 1> =
    Family::new("patchbay_topic_stored_messages", "Messages that a durable topic holds.", ["topic"]);
static STORED_BYTES: Family<Gauge, 1> =
    Family::new("patchbay_topic_stored_bytes", "What the messages that a durable topic holds take.", ["topic"])
        .unit(Unit::Bytes);
static DAMAGED: Family<Gauge, 1> = Family::new(
    "patchbay_topic_damaged_messages",
    "Messages of a durable topic that were found damaged, and are not delivered.",
    ["topic"],
);
static PENDING: Family<Gauge, 3> = Family::new(
    "patchbay_group_pending_messages",
    "Messages of a durable topic that a consumer group has not got yet.",
    ["topic", "group", "filter"],
);
static GROUP_IN_FLIGHT: Family<Gauge, 3> = Family::new(
    "patchbay_group_in_flight_messages",
    "Messages of a durable topic in the hands of those that serve a consumer group.",
    ["topic", "group", "filter"],
);
static RETRYING: Family<Gauge, 3> = Family::new(
    "patchbay_group_retrying_messages",
    "Messages of a durable topic that failed and wait to be handed to the consumer group again.",
    ["topic", "group", "filter"],
);
static HANDLED: Family<Counter, 3> = Family::new(
    "patchbay_subscription_messages",
    "Messages of a subscription, by what became of them: delivered, each attempt once; acknowledged; retried; dead.",
    ["service", "filter", "result"],
);
static IN_FLIGHT: Family<Gauge, 2> = Family::new(
    "patchbay_subscription_in_flight_messages",
    "Messages that a service is at work on.",
    ["service", "filter"],
);
static WORKS: Family<Gauge, 2> =
    Family::new("patchbay_subscription_up", "Whether a subscription takes messages: 1 or 0.", ["service", "filter"]);
static BUS_UP: Family<Gauge, 0> =
    Family::new("patchbay_bus_up", "Whether messages can go through the bus: 1 or 0.", []);

pub(super) async fn collect(control: &Control, snapshot: &Snapshot, into: &mut Collected) {
    declare(into);
    into.add(&BUS_UP, [], control.bus_health() == BusHealth::Ready);
    for (topic, counts) in control.measured.topics.read(&snapshot.config().topics) {
        let topic = [topic.as_str()];
        into.add(&PUBLISHED, topic, counts.published);
        into.add(&UNPUBLISHED, topic, counts.unpublished);
        into.add(&DELIVERED, topic, counts.delivered);
        into.add(&REDELIVERED, topic, counts.redelivered);
        into.add(&DEAD, topic, counts.dead);
    }
    for subscription in control.subscription_counts() {
        self::subscription(&subscription, into);
    }
    let asked = async { (control.ports.bus.topics().await, control.ports.bus.groups().await) };
    // A bus that does not answer is told of by `BUS_UP`.
    let Ok((topics, groups)) = timeout(ASK, asked).await else { return };
    topics.into_iter().flatten().for_each(|info| topic(&info, into));
    groups.into_iter().flatten().for_each(|info| group(&info, into));
}

fn declare(into: &mut Collected) {
    for counter in [&PUBLISHED, &UNPUBLISHED, &DELIVERED, &REDELIVERED, &DEAD] {
        into.declare(counter);
    }
    for gauge in [&STORED, &STORED_BYTES, &DAMAGED] {
        into.declare(gauge);
    }
    for gauge in [&PENDING, &GROUP_IN_FLIGHT, &RETRYING] {
        into.declare(gauge);
    }
    into.declare(&HANDLED);
    for gauge in [&IN_FLIGHT, &WORKS] {
        into.declare(gauge);
    }
}

fn subscription(counts: &SubscriptionCounts, into: &mut Collected) {
    let (service, filter) = (counts.service.as_str(), counts.filter.as_str());
    for (result, count) in [
        ("delivered", counts.delivered),
        ("acknowledged", counts.acknowledged),
        ("retried", counts.retried),
        ("dead", counts.buried),
    ] {
        into.add(&HANDLED, [service, filter, result], count);
    }
    into.add(&IN_FLIGHT, [service, filter], counts.in_flight);
    into.add(&WORKS, [service, filter], counts.works);
}

fn topic(info: &TopicInfo, into: &mut Collected) {
    let Some(stored) = info.stored else { return };
    let topic = [info.topic.as_str()];
    into.add(&STORED, topic, stored.messages);
    into.add(&STORED_BYTES, topic, stored.bytes);
    into.add(&DAMAGED, topic, stored.damaged);
}

fn group(info: &GroupInfo, into: &mut Collected) {
    let labels = [info.topic.as_str(), info.group.as_str(), info.filter.as_str()];
    into.add(&PENDING, labels, info.lag);
    into.add(&GROUP_IN_FLIGHT, labels, info.in_flight);
    into.add(&RETRYING, labels, info.retrying);
}

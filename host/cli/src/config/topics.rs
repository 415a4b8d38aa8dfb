//! `[topics]` and the subscriptions of services.

use std::collections::BTreeMap;

use patchbay_model::bus::{
    Level, Order, SubscriptionSettings, TopicFilter, TopicSettings, Topics, TopicsError, WhenFull,
};
use toml::de::DeValue;

use super::settings::elements;
use super::table::{Named, Table};
use super::{closest, value};

/// Reads `[topics]`: each entry declares the topics that a filter chooses.
pub(super) fn read(root: &mut Table<'_>) -> Topics {
    let entries = root.named("topics");
    let mut declared = BTreeMap::new();
    for entry in &entries {
        let settings = entry.table(topic);
        if let (Some(filter), Some(settings)) = (entry.parsed_name::<TopicFilter>(), settings) {
            declared.insert(filter, settings);
        }
    }
    Topics::new(declared).unwrap_or_else(|error| {
        report(&entries, &error);
        Topics::default()
    })
}

/// Says which of the declarations has topics of another one.
fn report(entries: &[Named<'_>], error: &TopicsError) {
    let is_one = |entry: &&Named<'_>| [error.first.as_str(), error.second.as_str()].contains(&entry.name);
    if let Some(entry) = entries.iter().rfind(is_one) {
        entry.report(error.to_string());
    }
}

fn topic(table: &mut Table<'_>) -> TopicSettings {
    let mut settings = TopicSettings::default();
    table.set("level", &mut settings.level, |value| named(value, &[Level::Volatile, Level::Durable], Level::name));
    let retention = &mut settings.retention;
    if let Some(age) = table.optional("age", age) {
        retention.age = age;
    }
    table.set("size", &mut retention.size, value::size);
    retention.count = table.optional("count", value::number);
    let all = [WhenFull::Refuse, WhenFull::DropOldest];
    table.set("when_full", &mut retention.when_full, |value| named(value, &all, WhenFull::name));
    table.set("dedupe", &mut settings.dedupe, value::duration);
    if table.has("publishers") {
        settings.publishers = Some(elements(table.list("publishers", value::parsed)));
    }
    if table.has("subscribers") {
        settings.subscribers = Some(elements(table.list("subscribers", value::parsed)));
    }
    if settings.level == Level::Volatile {
        for key in ["age", "size", "count", "when_full", "dedupe"] {
            table.report_own(key, "is for durable topics alone; what is volatile is not kept");
        }
    }
    for problem in settings.problems() {
        table.report_own(problem.key, &problem.problem);
    }
    settings
}

/// A duration, or `never`.
fn age(value: &DeValue<'_>) -> Result<Option<std::time::Duration>, String> {
    if value.as_str() == Some("never") { Ok(None) } else { value::duration(value).map(Some) }
}

/// One of a few names.
fn named<T: Copy>(value: &DeValue<'_>, all: &[T], name: fn(T) -> &'static str) -> Result<T, String> {
    let text = value::text(value)?;
    let found = all.iter().find(|one| name(**one) == text).copied();
    found.ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|one| name(*one)).collect();
        format!("`{text}` is not known here; {}", closest::suggestion(&text, &names))
    })
}

/// Reads the `subscriptions` of a service.
pub(super) fn subscriptions(table: &mut Table<'_>) -> BTreeMap<TopicFilter, SubscriptionSettings> {
    let entries = table.named("subscriptions");
    entries.iter().filter_map(|entry| Some((entry.parsed_name()?, entry.table(subscription)?))).collect()
}

fn subscription(table: &mut Table<'_>) -> SubscriptionSettings {
    let mut settings = SubscriptionSettings { group: table.optional("group", value::text), ..Default::default() };
    table.set("broadcast", &mut settings.broadcast, value::boolean);
    table.set("max_in_flight", &mut settings.max_in_flight, value::number);
    table.set("order", &mut settings.order, |value| named(value, &[Order::None, Order::Key], Order::name));
    table.set("attempts", &mut settings.attempts, value::number);
    table.set("backoff", &mut settings.backoff, value::duration);
    table.set("max_backoff", &mut settings.max_backoff, value::duration);
    settings.dead_letter = table.optional("dead_letter", value::parsed);
    table.set("start", &mut settings.start, value::parsed);
    for problem in settings.problems() {
        table.report_own(problem.key, &problem.problem);
    }
    settings
}

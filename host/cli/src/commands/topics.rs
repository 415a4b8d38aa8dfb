//! `patchbay topics`: the declared topics at a glance.

use patchbay_model::bus::{Level, TopicSettings};
use patchbay_model::units;

use crate::args::TopicsArgs;
use crate::brief;
use crate::client::Client;
use crate::client::view::{StoredMessages, Topic};
use crate::columns::Columns;
use crate::failure::Failure;
use crate::screen::{BAD, DIM, NAME, Screen, WARN, harmless, styled};

/// Lists the declared topics.
///
/// # Errors
/// If the host cannot be reached, or its bus is not available.
pub(crate) async fn run(args: &TopicsArgs, screen: Screen) -> Result<(), Failure> {
    let topics = Client::find(&args.host)?.get("/v1/topics").await?;
    if screen.json {
        return screen.value(&topics);
    }
    for line in table(&serde_json::from_value::<Vec<Topic>>(topics)?) {
        screen.line(line)?;
    }
    Ok(())
}

fn table(topics: &[Topic]) -> Vec<String> {
    let mut columns = Columns::new(["TOPIC", "LEVEL", "MESSAGES", "SIZE", "PLACES", "KEEPS", "PUBLISHERS"]);
    let mut notes = Vec::new();
    for Topic { topic, settings, stored, drift } in topics {
        let stored = stored.as_ref();
        let of_stored = |tell: fn(&StoredMessages) -> String| stored.map_or_else(|| styled(DIM, "-"), tell);
        columns.add([
            styled(NAME, topic),
            settings.level.name().to_owned(),
            of_stored(|stored| stored.messages.to_string()),
            of_stored(|stored| brief::size(stored.bytes)),
            of_stored(places),
            keeps(settings),
            publishers(settings),
        ]);
        if let Some(stored) = stored.filter(|stored| stored.damaged > 0) {
            let damaged = brief::count(stored.damaged, "damaged record");
            notes.push(format!("{}: {damaged}, which no subscription gets", styled(BAD, topic)));
        }
        notes.extend(drift.iter().map(|drift| format!("{}: {}", styled(WARN, topic), harmless(drift))));
    }
    let mut lines = columns.lines();
    if !notes.is_empty() {
        lines.push(String::new());
        lines.append(&mut notes);
    }
    lines
}

fn places(stored: &StoredMessages) -> String {
    if stored.messages == 0 { styled(DIM, "-") } else { format!("{} to {}", stored.first, stored.last) }
}

/// How much the topic keeps, and what happens when that is reached.
fn keeps(settings: &TopicSettings) -> String {
    if settings.level == Level::Volatile {
        return styled(DIM, "-");
    }
    let retention = &settings.retention;
    let age = retention.age.map_or_else(|| "any age".to_owned(), units::format_duration);
    let count = retention.count.map(|count| format!(", {}", brief::count(count, "message"))).unwrap_or_default();
    format!("{age}, {}{count}, then {}", units::format_size(retention.size), retention.when_full.name())
}

fn publishers(settings: &TopicSettings) -> String {
    match &settings.publishers {
        None => styled(DIM, "any"),
        Some(services) if services.is_empty() => styled(WARN, "none"),
        Some(services) => services.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_a_line_and_trouble_is_told_below() {
        let topics = r#"[
            {"topic":"news.>","settings":{"level":"volatile"},"drift":[]},
            {"topic":"shop.>","settings":{"level":"durable","retention":{"count":10,"when_full":"drop-oldest"},
             "publishers":["orders"]},
             "stored":{"messages":3,"bytes":2048,"first":5,"last":9,"damaged":1},"drift":["`age` is 1h"]},
            {"topic":"dlq.>","settings":{"retention":{"age":"never","size":"1MiB"}},
             "stored":{"messages":0,"bytes":0,"first":0,"last":9,"damaged":0},"drift":[]}
        ]"#;
        let lines = table(&serde_json::from_str::<Vec<Topic>>(topics).unwrap());
        let plain: Vec<_> = lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert_eq!(
            plain,
            [
                "TOPIC   LEVEL     MESSAGES  SIZE    PLACES  KEEPS                                       PUBLISHERS",
                "news.>  volatile  -         -       -       -                                           any",
                "shop.>  durable   3         2.0KiB  5 to 9  7days, 1GiB, 10 messages, then drop-oldest  orders",
                "dlq.>   durable   0         0B      -       any age, 1MiB, then refuse                  any",
                "",
                "shop.>: 1 damaged record, which no subscription gets",
                "shop.>: `age` is 1h",
            ]
        );
    }
}

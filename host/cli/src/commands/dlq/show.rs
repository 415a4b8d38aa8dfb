//! A dead letter with all that it carries.

use patchbay_model::units::format_timestamp;
use serde_json::Value;

use super::super::message_data::shown;
use crate::client::view::{DeadLetter, Message, WholeDeadLetter};
use crate::screen::{BAD, DIM, NAME, harmless, styled};

/// What happened, then the message with its attributes and headers, then its data.
pub(super) fn page(whole: &WholeDeadLetter) -> Vec<String> {
    let mut lines = happened(&whole.letter);
    lines.extend(about(&whole.original));
    if let Some(data) = shown(&whole.original) {
        lines.push(String::new());
        lines.extend(data.lines().map(harmless));
    }
    lines
}

fn happened(letter: &DeadLetter) -> Vec<String> {
    let revision = letter.revision.map(|revision| format!("@{revision}")).unwrap_or_default();
    let group = if letter.group == letter.service { String::new() } else { format!(", group {}", letter.group) };
    vec![
        styled(NAME, format!("{} {}", letter.topic, letter.sequence)),
        fact("reason", &styled(BAD, harmless(&letter.reason))),
        fact("service", &format!("{}{revision}, subscribed to {}{group}", letter.service, letter.filter)),
        fact(
            "tried",
            &format!(
                "{}, from {} to {}",
                times(letter.attempts),
                format_timestamp(letter.first),
                format_timestamp(letter.last)
            ),
        ),
        fact("replayed", &times(letter.replays)),
    ]
}

fn times(count: u32) -> String {
    match count {
        0 => "never".to_owned(),
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}

/// The message: where it was published, its attributes and what was sent along.
fn about(message: &Message) -> Vec<String> {
    let place = message.sequence.map(|sequence| format!(" at {sequence}")).unwrap_or_default();
    let mut lines = vec![fact("topic", &format!("{}{place}", message.topic))];
    let is_told = |name: &str| !matches!(name, "specversion" | "data" | "data_base64");
    for (name, value) in message.event.iter().filter(|(name, _)| is_told(name)) {
        let value = value.as_str().map_or_else(|| Value::to_string(value), str::to_owned);
        lines.push(fact(name, &harmless(&value)));
    }
    for (place, header) in message.headers.iter().enumerate() {
        let value = format!("{}: {}", harmless(&header.name), harmless(&header.value));
        lines.push(fact(if place == 0 { "headers" } else { "" }, &value));
    }
    lines
}

/// One fact, under its name.
fn fact(name: &str, value: &str) -> String {
    format!("  {}  {value}", styled(DIM, format!("{name:<15}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_dead_letter_is_a_page() {
        let original = json!({
            "topic": "shop.orders", "sequence": 17, "stored": "1970-01-01T00:00:01.000Z",
            "headers": [{"name": "own", "value": "1"}, {"name": "own", "value": "2"}],
            "event": {
                "data": "one\ntwo\u{7}", "datacontenttype": "text/plain", "id": "a-1", "specversion": "1.0",
                "type": "OrderCreated",
            },
        });
        let whole = json!({"letter": super::super::list::tests::letter(), "original": original});
        let lines = page(&serde_json::from_value(whole).unwrap());
        let plain: Vec<_> = lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert_eq!(
            plain,
            [
                "dlq.shipping 7",
                "  reason           no\\u{7} address",
                "  service          shipping@3, subscribed to shop.*",
                "  tried            5 times, from 1970-01-01T00:00:01.000Z to 1970-01-01T00:00:31.000Z",
                "  replayed         once",
                "  topic            shop.orders at 17",
                "  datacontenttype  text/plain",
                "  id               a-1",
                "  type             OrderCreated",
                "  headers          own: 1",
                "                   own: 2",
                "",
                "one",
                "two\\u{7}",
            ]
        );
    }
}

//! `patchbay tail`: watch what goes by in topics.

use serde_json::Value;

use super::message_data::shown;
use crate::args::TailArgs;
use crate::client::view::Message;
use crate::client::{Client, encoded};
use crate::failure::Failure;
use crate::screen::{DIM, NAME, Screen, WARN, harmless, styled};

/// Shows messages as they come.
///
/// # Errors
/// If the host cannot be reached or refuses.
pub(crate) async fn run(args: &TailArgs, screen: Screen) -> Result<(), Failure> {
    let client = Client::find(&args.host)?;
    let start = args.start.to_string();
    let path = format!("/v1/tail?topic={}&start={}", encoded(args.filter.as_str()), encoded(&start));
    let mut following = client.journal(&path).await?;
    while let Some((name, data)) = following.next().await? {
        match name.as_str() {
            "missed" => {
                let count = data.get("count").and_then(Value::as_u64).unwrap_or_default();
                screen.note(styled(WARN, format!("{count} messages came too fast and are not shown")))?;
            }
            "unreadable" => screen.note(styled(WARN, unreadable(&data)))?,
            _ if screen.json => screen.value(&data)?,
            _ => screen.line(line(&serde_json::from_value(data)?))?,
        }
    }
    Ok(screen.note(styled(DIM, "the host stopped"))?)
}

fn unreadable(data: &Value) -> String {
    let text = |key: &str| harmless(data.get(key).and_then(Value::as_str).unwrap_or_default());
    format!("a message of {} cannot be shown: {}", text("topic"), text("problem"))
}

/// A message as a line: when, where, what happened, and what it carries.
fn line(message: &Message) -> String {
    let text = |key: &str| message.event.get(key).and_then(Value::as_str).map(harmless);
    let mut words = vec![styled(DIM, &message.stored), styled(NAME, harmless(&message.topic))];
    words.extend(message.sequence.map(|sequence| styled(DIM, sequence)));
    words.extend(text("type"));
    words.extend(text("id").map(|id| styled(DIM, id)));
    words.extend(text("partitionkey").map(|key| styled(DIM, format!("key={key}"))));
    words.extend(shown(message).map(|data| format!(" {}", harmless(&data))));
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_are_lines() {
        let event = json!({
            "specversion": "1.0", "id": "17", "source": "/services/orders", "type": "OrderCreated", "partitionkey": "tea",
            "datacontenttype": "application/json", "data": {"sku": "tea"},
        });
        let durable =
            json!({"topic": "shop.orders", "sequence": 4, "stored": "2026-01-01T00:00:00.000Z", "event": event});
        let event = json!({"specversion": "1.0", "id": "18", "source": "/s", "type": "T", "datacontenttype": "text/plain", "data": "no\u{1b}[2Jway"});
        let volatile = json!({"topic": "news", "stored": "2026-01-01T00:00:00.000Z", "event": event});
        for (message, wanted) in [
            (durable, "2026-01-01T00:00:00.000Z shop.orders 4 OrderCreated 17 key=tea  {\"sku\":\"tea\"}"),
            (volatile, "2026-01-01T00:00:00.000Z news T 18  no\\u{1b}[2Jway"),
        ] {
            let line = line(&serde_json::from_value(message).unwrap());
            assert_eq!(anstream::adapter::strip_str(&line).to_string(), wanted);
        }
        let problem = json!({"topic": "news", "problem": "the attribute `A` has no name"});
        assert_eq!(unreadable(&problem), "a message of news cannot be shown: the attribute `A` has no name");
    }
}

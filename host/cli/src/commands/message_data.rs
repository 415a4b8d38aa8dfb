//! What a message carries, as far as people can read it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::client::view::Message;

/// The data of a message: JSON and text as they are, everything else in base64; `None` if it carries nothing.
pub(super) fn shown(message: &Message) -> Option<String> {
    match (message.event.get("data"), message.event.get("data_base64").and_then(Value::as_str)) {
        (Some(Value::String(text)), _) if !is_json(message) => Some(text.clone()),
        (Some(json), _) => Some(json.to_string()),
        (None, Some(base64)) => Some(decoded(base64).unwrap_or_else(|| format!("base64:{base64}"))),
        (None, None) => None,
    }
}

/// Whether the data is said to be JSON: a text in it is then one with quotes.
fn is_json(message: &Message) -> bool {
    let content_type = message.event.get("datacontenttype").and_then(Value::as_str).unwrap_or("application/json");
    content_type.split(';').next().is_some_and(|essence| essence.trim().to_ascii_lowercase().ends_with("json"))
}

/// Data whose media type nobody said is in base64, and often text all the same.
fn decoded(base64: &str) -> Option<String> {
    let text = String::from_utf8(STANDARD.decode(base64).ok()?).ok()?;
    let is_text = text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'));
    is_text.then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn data_is_shown_as_what_it_is() {
        for (mut event, wanted) in [
            (json!({}), None),
            (json!({"data": {"a": 1}}), Some("{\"a\":1}")),
            (json!({"data": "a"}), Some("\"a\"")),
            (json!({"data": "a", "datacontenttype": "application/vnd.a+json; x=y"}), Some("\"a\"")),
            (json!({"data": "a", "datacontenttype": "text/plain"}), Some("a")),
            (json!({"data_base64": "dGVh"}), Some("tea")),
            (json!({"data_base64": "AP8="}), Some("base64:AP8=")),
            (json!({"data_base64": "GwA="}), Some("base64:GwA=")),
        ] {
            event["id"] = json!("1");
            let message = json!({"topic": "a", "stored": "t", "event": event});
            let message = serde_json::from_value(message).unwrap();
            assert_eq!(shown(&message).as_deref(), wanted, "{message:?}");
        }
    }
}

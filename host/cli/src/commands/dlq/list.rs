//! Dead letters at a glance.

use std::time::SystemTime;

use patchbay_backends::SystemClock;
use patchbay_model::ports::Clock;

use crate::brief;
use crate::client::view::DeadLetter;
use crate::columns::Columns;
use crate::screen::{DIM, NAME, harmless, styled};

pub(super) fn table(letters: &[DeadLetter]) -> Vec<String> {
    table_at(letters, SystemClock.now())
}

fn table_at(letters: &[DeadLetter], now: SystemTime) -> Vec<String> {
    let mut columns =
        Columns::new(["TOPIC", "SEQUENCE", "SERVICE", "MESSAGE", "ID", "ATTEMPTS", "REPLAYS", "GIVEN UP", "REASON"]);
    for letter in letters {
        columns.add([
            styled(NAME, &letter.topic),
            letter.sequence.to_string(),
            letter.service.clone(),
            letter.message.topic.clone(),
            harmless(&letter.message.id),
            letter.attempts.to_string(),
            if letter.replays == 0 { styled(DIM, 0) } else { letter.replays.to_string() },
            brief::age(letter.last, now),
            harmless(&letter.reason),
        ]);
    }
    columns.lines()
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use serde_json::{Value, json};

    use super::*;

    pub(in super::super) fn letter() -> Value {
        json!({
            "topic": "dlq.shipping", "sequence": 7, "stored": "1970-01-01T00:00:31.000Z", "reason": "no\u{7} address",
            "service": "shipping", "revision": 3, "filter": "shop.*", "group": "shipping", "attempts": 5,
            "first": "1970-01-01T00:00:01.000Z", "last": "1970-01-01T00:00:31.000Z", "replays": 1,
            "message": {
                "topic": "shop.orders", "sequence": 17, "id": "a-1", "source": "/services/orders",
                "type": "OrderCreated", "size": 13,
            },
        })
    }

    #[test]
    fn every_dead_letter_is_a_line() {
        let now = UNIX_EPOCH + Duration::from_secs(41);
        let lines = table_at(&[serde_json::from_value(letter()).unwrap()], now);
        let plain: Vec<_> = lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert_eq!(
            plain,
            [
                "TOPIC         SEQUENCE  SERVICE   MESSAGE      ID   ATTEMPTS  REPLAYS  GIVEN UP  REASON",
                "dlq.shipping  7         shipping  shop.orders  a-1  5         1        10s ago   no\\u{7} address",
            ]
        );
    }
}

//! Dead letters: messages that could not be handled, with why, when, how often and where, as headers of the message. What it
//! carried and what it was called stay as they were.

use std::time::SystemTime;

use patchbay_model::bus::{Message, Topic, TopicFilter};
use patchbay_model::units::{format_timestamp, parse_timestamp};
use patchbay_model::{RevisionNumber, ServiceName};

/// The headers of a dead letter begin with this.
pub(super) const PREFIX: &str = "patchbay-dead-";

const TOPIC: &str = "patchbay-dead-topic";
const ID: &str = "patchbay-dead-id";
const REASON: &str = "patchbay-dead-reason";
const SERVICE: &str = "patchbay-dead-service";
const REVISION: &str = "patchbay-dead-revision";
const FILTER: &str = "patchbay-dead-filter";
const GROUP: &str = "patchbay-dead-group";
const ATTEMPTS: &str = "patchbay-dead-attempts";
const SEQUENCE: &str = "patchbay-dead-sequence";
const FIRST: &str = "patchbay-dead-first";
const LAST: &str = "patchbay-dead-last";
/// How often it was replayed. It stays with the message, so that one that dies once more is another dead letter.
const REPLAYS: &str = "patchbay-dead-replays";

/// Why, when, how often and where a message could not be handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// Why, as a sentence.
    pub reason: String,
    /// The service that could not.
    pub service: ServiceName,
    /// Its revision.
    pub revision: Option<RevisionNumber>,
    /// The filter of its subscription.
    pub filter: TopicFilter,
    /// Its consumer group.
    pub group: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Its place in its topic, if that is durable.
    pub sequence: Option<u64>,
    /// When the bus got it.
    pub first: SystemTime,
    /// When it was given up.
    pub last: SystemTime,
}

/// A dead letter, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The message as it was.
    pub message: Message,
    /// What happened to it.
    pub death: Death,
    /// How often it was replayed.
    pub replays: u32,
}

/// The dead letter of a message that came as `came`: they differ if it was replayed. It has an id of its own, the same for the
/// same death, so that a crash between writing it and letting go of the message does not leave two.
pub(super) fn letter(came: &Message, message: &Message, topic: Topic, death: &Death) -> Message {
    let replays = replays(came);
    let mut letter = message.clone();
    letter.topic = topic;
    letter.id = format!("{}/{}/{}/{replays}", message.id, death.group, death.filter);
    letter.reply_to = None;
    let mut add = |name: &str, value: String| letter.headers.push((name.to_owned(), value));
    add(TOPIC, message.topic.to_string());
    add(ID, message.id.clone());
    add(REASON, death.reason.clone());
    add(SERVICE, death.service.to_string());
    if let Some(revision) = death.revision {
        add(REVISION, revision.to_string());
    }
    add(FILTER, death.filter.to_string());
    add(GROUP, death.group.clone());
    add(ATTEMPTS, death.attempts.to_string());
    if let Some(sequence) = death.sequence {
        add(SEQUENCE, sequence.to_string());
    }
    add(FIRST, format_timestamp(death.first));
    add(LAST, format_timestamp(death.last));
    if replays > 0 {
        add(REPLAYS, replays.to_string());
    }
    letter
}

fn header<'m>(message: &'m Message, name: &str) -> Option<&'m str> {
    message.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

fn replays(message: &Message) -> u32 {
    header(message, REPLAYS).and_then(|replays| replays.parse().ok()).unwrap_or(0)
}

/// Takes a dead letter apart; `None` if it is none.
pub(super) fn read(letter: &Message) -> Option<DeadLetter> {
    let text = |name| header(letter, name);
    let time = |name| text(name).and_then(parse_timestamp);
    let death = Death {
        reason: text(REASON)?.to_owned(),
        service: text(SERVICE)?.parse().ok()?,
        revision: text(REVISION).and_then(|number| RevisionNumber::new(number.parse().ok()?)),
        filter: text(FILTER)?.parse().ok()?,
        group: text(GROUP)?.to_owned(),
        attempts: text(ATTEMPTS)?.parse().ok()?,
        sequence: text(SEQUENCE).and_then(|sequence| sequence.parse().ok()),
        first: time(FIRST)?,
        last: time(LAST)?,
    };
    Some(DeadLetter { message: restored(letter)?, death, replays: replays(letter) })
}

/// The message that a dead letter was.
fn restored(letter: &Message) -> Option<Message> {
    let mut message = letter.clone();
    message.topic = header(letter, TOPIC)?.parse().ok()?;
    message.id = header(letter, ID)?.to_owned();
    message.headers.retain(|(name, _)| !name.to_ascii_lowercase().starts_with(PREFIX));
    Some(message)
}

/// The message that has a dead letter tried once more, through `topic`.
pub(super) fn replay(letter: &Message, topic: Topic) -> Message {
    let mut replay = letter.clone();
    let count = replays(letter) + 1;
    replay.topic = topic;
    replay.id = format!("{}/{count}", letter.id);
    replay.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(REPLAYS));
    replay.headers.push((REPLAYS.to_owned(), count.to_string()));
    replay
}

/// The message that `came` was before it became a dead letter and was replayed; `None` if it was not.
pub(super) fn revived(came: &Message) -> Option<Message> {
    if came.headers.is_empty() || !came.topic.as_str().starts_with("replay.") {
        return None;
    }
    restored(came)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;

    fn message() -> Message {
        Message {
            topic: "shop.orders.created".parse().unwrap(),
            id: "17".to_owned(),
            source: "/services/orders".to_owned(),
            kind: "OrderCreated".to_owned(),
            time: SystemTime::UNIX_EPOCH,
            subject: Some("123".to_owned()),
            content_type: Some("application/json".to_owned()),
            data_schema: None,
            extensions: vec![("traceparent".to_owned(), "00-1-2-01".to_owned())],
            headers: vec![("own".to_owned(), "1".to_owned()), ("own".to_owned(), "2".to_owned())],
            reply_to: None,
            data: Bytes::from_static(b"\x00not text\xff"),
        }
    }

    fn death() -> Death {
        Death {
            reason: "the user has no address: \u{fc}".to_owned(),
            service: "notifications".parse().unwrap(),
            revision: RevisionNumber::new(2),
            filter: "shop.orders.*".parse().unwrap(),
            group: "notifications".to_owned(),
            attempts: 5,
            sequence: Some(7),
            first: SystemTime::UNIX_EPOCH + Duration::from_millis(1_500),
            last: SystemTime::UNIX_EPOCH + Duration::from_millis(31_250),
        }
    }

    #[test]
    fn a_dead_letter_has_the_message_and_what_happened_to_it() {
        let message = message();
        let letter = letter(&message, &message, "dlq.notifications".parse().unwrap(), &death());
        assert_eq!(letter.data, message.data);
        assert_eq!(read(&letter).unwrap(), DeadLetter { message: message.clone(), death: death(), replays: 0 });
        assert_eq!(read(&message), None);
    }

    #[test]
    fn one_that_dies_again_after_a_replay_is_another_one() {
        let (message, topic) = (message(), "dlq.notifications".parse::<Topic>().unwrap());
        let first = letter(&message, &message, topic.clone(), &death());
        assert_eq!(first.id, letter(&message, &message, topic.clone(), &death()).id, "a crash does not leave two");
        let came = replay(&first, "replay.notifications.shop.orders.+".parse().unwrap());
        let revived = revived(&came).unwrap();
        assert_eq!(revived, message);
        let second = letter(&came, &revived, topic, &death());
        assert_ne!(second.id, first.id);
        assert_eq!(read(&second).unwrap(), DeadLetter { message, death: death(), replays: 1 });
    }
}

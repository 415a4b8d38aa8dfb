//! A message: an event as CloudEvents 1.0 describes it, and its way through a topic.

use std::time::SystemTime;

use bytes::Bytes;

use super::topic::Topic;
use super::topics::Level;

/// The extension that holds the key (CloudEvents partitioning extension).
const KEY: &str = "partitionkey";

/// One message. What CloudEvents requires is always there: the host fills in what its publisher leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Where it is published.
    pub topic: Topic,
    /// CloudEvents `id`: the same source and id mean the same message.
    pub id: String,
    /// CloudEvents `source`: who published it, a URI reference.
    pub source: String,
    /// CloudEvents `type`: what happened.
    pub kind: String,
    /// CloudEvents `time`: when it was published, or when it happened, where the publisher says so.
    pub time: SystemTime,
    /// CloudEvents `subject`: what it is about.
    pub subject: Option<String>,
    /// CloudEvents `datacontenttype`: the media type of the data.
    pub content_type: Option<String>,
    /// CloudEvents `dataschema`.
    pub data_schema: Option<String>,
    /// Further attributes: CloudEvents extensions, whose names are lower-case letters and digits. `partitionkey` is the
    /// key: messages with the same one keep their order.
    pub extensions: Vec<(String, String)>,
    /// What else its publisher sends along and the host reads nothing into. Names may occur more than once.
    pub headers: Vec<(String, String)>,
    /// Where an answer is waited for.
    pub reply_to: Option<Topic>,
    /// What it carries.
    pub data: Bytes,
}

impl Message {
    /// The value of an extension.
    pub fn extension(&self, name: &str) -> Option<&str> {
        self.extensions.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// Gives an extension a value in place of the one that it has.
    pub fn set_extension(&mut self, name: &str, value: impl Into<String>) {
        self.extensions.retain(|(own, _)| own != name);
        self.extensions.push((name.to_owned(), value.into()));
    }

    /// The key: messages of a topic with the same one keep their order, where a subscription asks for it.
    pub fn key(&self) -> Option<&str> {
        self.extension(KEY)
    }

    /// Gives it a key.
    pub fn set_key(&mut self, key: impl Into<String>) {
        self.set_extension(KEY, key);
    }

    /// Roughly what it takes in memory and on the wire, in bytes.
    pub fn size(&self) -> usize {
        let pairs = self.extensions.iter().chain(&self.headers).map(|(name, value)| name.len() + value.len());
        let texts = [&self.subject, &self.content_type, &self.data_schema].into_iter().flatten().map(String::len);
        let own = [self.topic.as_str().len(), self.id.len(), self.source.len(), self.kind.len(), self.data.len()];
        own.into_iter().chain(pairs).chain(texts).sum()
    }
}

/// What a publisher gets for a message that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// How safe it is now.
    pub level: Level,
    /// Its place in its topic, if that is durable. Places grow, and may have gaps.
    pub sequence: Option<u64>,
    /// Whether it was there already: nothing was added then.
    pub duplicate: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message() -> Message {
        Message {
            topic: "shop.orders.created".parse().unwrap(),
            id: "1".to_owned(),
            source: "/services/orders".to_owned(),
            kind: "OrderCreated".to_owned(),
            time: SystemTime::UNIX_EPOCH,
            subject: None,
            content_type: None,
            data_schema: None,
            extensions: Vec::new(),
            headers: Vec::new(),
            reply_to: None,
            data: Bytes::from_static(b"{}"),
        }
    }

    #[test]
    fn causes_go_from_message_to_message() {
        let first = message();
        let mut second = Message { id: "2".to_owned(), ..message() };
        second.caused_by(&first);
        let mut third = Message { id: "3".to_owned(), ..message() };
        third.set_extension("causationid", "own");
        third.caused_by(&second);
        assert_eq!((second.extension("causationid"), second.extension("correlationid")), (Some("1"), Some("1")));
        assert_eq!((third.extension("causationid"), third.extension("correlationid")), (Some("own"), Some("1")));
    }

    #[test]
    fn a_message_has_one_key() {
        let mut message = message();
        assert_eq!(message.key(), None);
        message.set_key("a");
        message.set_key("b");
        assert_eq!((message.key(), message.extensions.len()), (Some("b"), 1));
    }
}

//! Messages as bytes, as they stand in the records of a log.
//!
//! Texts and lists have their length before them, in four bytes; numbers are little-endian. What may be left out has a
//! bit in the first byte.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use patchbay_model::bus::{Message, Topic};

const SUBJECT: u8 = 1;
const CONTENT_TYPE: u8 = 2;
const DATA_SCHEMA: u8 = 4;
const REPLY_TO: u8 = 8;
/// The time is before 1970.
const BEFORE: u8 = 16;

/// A message as bytes.
pub(crate) fn encode(message: &Message) -> Vec<u8> {
    let reply_to = message.reply_to.as_ref().map(Topic::as_str);
    let optional = [
        (SUBJECT, message.subject.as_deref()),
        (CONTENT_TYPE, message.content_type.as_deref()),
        (DATA_SCHEMA, message.data_schema.as_deref()),
        (REPLY_TO, reply_to),
    ];
    let (sign, time) = match message.time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => (0, since),
        Err(before) => (BEFORE, before.duration()),
    };
    let flags = optional.iter().filter(|(_, text)| text.is_some()).fold(sign, |flags, (flag, _)| flags | flag);
    let mut to = Vec::with_capacity(message.size() + 80);
    to.push(flags);
    to.extend_from_slice(&time.as_secs().to_le_bytes());
    to.extend_from_slice(&time.subsec_nanos().to_le_bytes());
    for text in [message.topic.as_str(), &message.id, &message.source, &message.kind] {
        put(&mut to, text.as_bytes());
    }
    optional.iter().filter_map(|(_, text)| *text).for_each(|text| put(&mut to, text.as_bytes()));
    for pairs in [&message.extensions, &message.headers] {
        to.extend_from_slice(&length(pairs.len()));
        for (name, value) in pairs {
            put(&mut to, name.as_bytes());
            put(&mut to, value.as_bytes());
        }
    }
    to.extend_from_slice(&message.data);
    to
}

/// The message that `bytes` are, if they are one.
pub(crate) fn decode(bytes: &[u8]) -> Option<Message> {
    let mut from = Reader(bytes);
    let flags = from.array::<1>()?[0];
    let secs = u64::from_le_bytes(from.array()?);
    let time = Duration::from_secs(secs) + Duration::from_nanos(u32::from_le_bytes(from.array()?).into());
    let time = match flags & BEFORE {
        0 => SystemTime::UNIX_EPOCH.checked_add(time)?,
        _ => SystemTime::UNIX_EPOCH.checked_sub(time)?,
    };
    let topic = from.str()?.parse().ok()?;
    let (id, source, kind) = (from.text()?, from.text()?, from.text()?);
    let mut optional = |flag| if flags & flag == 0 { Some(None) } else { from.text().map(Some) };
    let (subject, content_type) = (optional(SUBJECT)?, optional(CONTENT_TYPE)?);
    let (data_schema, reply_to) = (optional(DATA_SCHEMA)?, optional(REPLY_TO)?);
    let reply_to = match reply_to {
        Some(topic) => Some(topic.parse().ok()?),
        None => None,
    };
    let (extensions, headers) = (from.pairs()?, from.pairs()?);
    let data = Bytes::copy_from_slice(from.0);
    Some(Message {
        topic,
        id,
        source,
        kind,
        time,
        subject,
        content_type,
        data_schema,
        extensions,
        headers,
        reply_to,
        data,
    })
}

/// The topic of the message that `bytes` are, without reading the rest.
pub(crate) fn topic_of(bytes: &[u8]) -> Option<&str> {
    let mut from = Reader(bytes);
    from.array::<13>()?;
    from.str()
}

/// The source and the id of the message that `bytes` are, without reading the rest.
pub(crate) fn identity_of(bytes: &[u8]) -> Option<(&str, &str)> {
    let mut from = Reader(bytes);
    from.array::<13>()?;
    from.str()?;
    let id = from.str()?;
    Some((from.str()?, id))
}

fn put(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend_from_slice(&length(bytes.len()));
    to.extend_from_slice(bytes);
}

/// No message is nearly as long as this can tell: the bus refuses it before.
fn length(n: usize) -> [u8; 4] {
    u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes()
}

struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.array()?)).ok()
    }

    fn str(&mut self) -> Option<&'b str> {
        let length = self.length()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    fn text(&mut self) -> Option<String> {
        self.str().map(str::to_owned)
    }

    fn pairs(&mut self) -> Option<Vec<(String, String)>> {
        let n = self.length()?;
        // A pair takes eight bytes at least: what says otherwise is not a length.
        if n > self.0.len() / 8 {
            return None;
        }
        (0..n).map(|_| Some((self.text()?, self.text()?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_message() -> impl Strategy<Value = Message> {
        let text = || ".{0,8}";
        let optional = || proptest::option::of(".{0,8}");
        let pairs = || proptest::collection::vec((".{0,8}", ".{0,8}"), 0..3);
        let head = (text(), text(), text(), -4_000_000_000_000_000_000_i64..4_000_000_000_000_000_000);
        let rest = (pairs(), pairs(), proptest::bool::ANY, proptest::collection::vec(any::<u8>(), 0..64));
        (head, optional(), optional(), optional(), rest).prop_map(
            |((id, source, kind, nanos), subject, content_type, data_schema, (extensions, headers, reply, data))| {
                let time = Duration::from_nanos(nanos.unsigned_abs());
                Message {
                    topic: "shop.größe".parse().unwrap(),
                    id,
                    source,
                    kind,
                    time: if nanos < 0 { SystemTime::UNIX_EPOCH - time } else { SystemTime::UNIX_EPOCH + time },
                    subject,
                    content_type,
                    data_schema,
                    extensions,
                    headers,
                    reply_to: reply.then(|| "a.b".parse().unwrap()),
                    data: data.into(),
                }
            },
        )
    }

    proptest! {
        #[test]
        fn messages_are_read_as_they_were_written(message in any_message()) {
            let bytes = encode(&message);
            prop_assert_eq!(topic_of(&bytes), Some(message.topic.as_str()));
            prop_assert_eq!(identity_of(&bytes), Some((message.source.as_str(), message.id.as_str())));
            prop_assert_eq!(decode(&bytes), Some(message));
        }

        #[test]
        fn noise_is_no_reason_to_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
            prop_assert!(topic_of(&bytes).is_none_or(|topic| topic.len() <= bytes.len()));
        }
    }
}

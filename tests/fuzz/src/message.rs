//! Messages as CloudEvents, in both modes, and topics and filters: whatever comes in, what is read can be written, and is read
//! as the same message.
//!
//! An input is lines: the topic, then headers as `NAME: VALUE` up to an empty line, then the body, which is read as the data of
//! the binary mode and as JSON of the structured mode.
#![no_main]

use std::time::SystemTime;

use libfuzzer_sys::fuzz_target;
use patchbay_model::bus::{Defaults, Message, Topic, TopicFilter};

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (head, body) = rest.split_once("\n\n").unwrap_or(("", rest));
    filters(first, head);
    let topic: Topic = first.parse().unwrap_or_else(|_| "a.b".parse().expect("it is one"));

    let headers: Vec<_> = head.lines().filter_map(|line| line.split_once(": ")).collect();
    let defaults = || Defaults { id: "1".to_owned(), source: "/fuzz".to_owned(), time: SystemTime::UNIX_EPOCH };
    let data = bytes::Bytes::copy_from_slice(body.as_bytes());
    match Message::from_headers(topic.clone(), headers, data.clone(), defaults) {
        Ok(message) if message.check_attributes().is_ok() => {
            let mut written = Vec::new();
            message.write_headers(|name, value| written.push((name.to_owned(), value.to_owned())));
            let written = written.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            let again = Message::from_headers(topic.clone(), written, data, || unreachable!("nothing is left out"));
            assert_eq!(again.as_ref(), Ok(&message));
        }
        Ok(_) => {}
        Err(error) => assert!(!error.to_string().is_empty()),
    }

    match Message::from_json(topic.clone(), body.as_bytes(), SystemTime::UNIX_EPOCH) {
        Ok(message) => {
            let json = message.to_json().expect("what was read can be written");
            let again = Message::from_json(topic, &json, SystemTime::UNIX_EPOCH).expect("what was written can be read");
            assert_eq!((&again.id, &again.source, &again.kind), (&message.id, &message.source, &message.kind));
            assert_eq!((&again.extensions, &again.subject), (&message.extensions, &message.subject));
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});

/// What two filters have in common chooses no more than each of them.
fn filters(one: &str, head: &str) {
    let other = head.lines().next().unwrap_or_default();
    let (Ok(one), Ok(other)) = (one.parse::<TopicFilter>(), other.parse::<TopicFilter>()) else { return };
    if let Some(both) = one.intersection(&other) {
        assert_eq!(both.as_str().parse::<TopicFilter>().as_ref(), Ok(&both));
        assert!(one.covers(&both) && other.covers(&both), "{one} {other} {both}");
        assert!(both.as_topic().is_none_or(|topic| one.matches(&topic) && other.matches(&topic)));
    }
}

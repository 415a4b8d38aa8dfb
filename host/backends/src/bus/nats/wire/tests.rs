//! Tests of messages on the wire.

use patchbay_model::{Proof, User};
use proptest::prelude::*;

use super::*;

fn arrived<'a>(headers: Option<&'a HeaderMap>, reply: Option<&'a str>) -> Arrived<'a> {
    Arrived {
        topic: "a.b".parse().unwrap(),
        reply,
        headers,
        data: Bytes::from_static(b"x"),
        time: SystemTime::UNIX_EPOCH,
    }
}

fn read(headers: Option<&HeaderMap>, reply: Option<&str>) -> Message {
    message(arrived(headers, reply), None, || "given".to_owned())
}

#[test]
fn a_message_survives_the_wire() {
    let mut sent = read(None, None);
    assert_eq!((sent.id.as_str(), sent.source.as_str(), sent.kind.as_str()), ("given", SOURCE, "a.b"));
    sent.headers =
        vec![("A".to_owned(), "2".to_owned()), ("A".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())];
    sent.set_key("größe");
    sent.reply_to = Some("answers".parse().unwrap());
    let mut headers = headers(&sent, None).unwrap();
    assert_eq!(read(Some(&headers), Some("answers")), sent);
    // A stored message says it itself: NATS's own place is for acknowledgements.
    add_stored(&mut headers, &sent);
    assert_eq!(read(Some(&headers), None), sent);
    assert!(headers.get(MESSAGE_ID).is_some());
}

#[test]
fn for_whom_it_was_published_is_believed_of_those_who_have_the_key() {
    let key = |of: u8| AuthorKey::new(&[of; 32]).unwrap();
    let ann = User::new(Proof::Token, "corp", "ann");
    let mut sent = read(None, None);
    sent.headers = vec![("B".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())];
    sent.set_author(&ann);
    sent.extensions.sort();
    let got = |headers: &HeaderMap, key: Option<AuthorKey>| {
        message(arrived(Some(headers), None), key.as_ref(), || "given".to_owned())
    };
    let mut signed = headers(&sent, Some(&key(1))).unwrap();
    add_stored(&mut signed, &sent);
    assert_eq!(got(&signed, Some(key(1))), sent);
    let mut anonymous = sent.clone();
    anonymous.forget_author();
    let unsigned = headers(&sent, None).unwrap();
    let mut changed = signed.clone();
    changed.insert("a", "3");
    let mut more = signed.clone();
    more.append("a", "1");
    for (headers, key) in [(&signed, Some(key(2))), (&signed, None), (&unsigned, Some(key(1))), (&unsigned, None)] {
        assert_eq!(got(headers, key), anonymous);
    }
    assert!(!got(&changed, Some(key(1))).has_author() && !got(&more, Some(key(1))).has_author());
    // One that says nothing of anybody needs no signature.
    assert!(headers(&anonymous, Some(&key(1))).unwrap().get(SIGNATURE).is_none());
}

#[test]
fn each_pair_of_source_and_id_has_one_message_id() {
    let with = |source: &str, id: &str| {
        message_id(&Message { source: source.to_owned(), id: id.to_owned(), ..read(None, None) })
    };
    assert_eq!(with("/s", "1"), "/s 1");
    assert_ne!(with("/s a", "1"), with("/s", "a 1"));
    assert_ne!(with("/s%20a", "1"), with("/s a", "1"));
    let long = "x".repeat(LONGEST_ID);
    assert!(with(&long, "1").len() < LONGEST_ID && with(&long, "1") != with(&long, "2"));
}

#[test]
fn subjects_of_the_broker_are_no_messages() {
    for subject in ["$JS.ACK.a", "", "a..b", "a b"] {
        assert!(subject.parse::<Topic>().is_err(), "{subject}");
    }
}

#[test]
fn headers_of_the_broker_do_not_arrive() {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Expected-Stream", "a");
    headers.insert("nats-x", "a");
    headers.insert(REPLY_TO, "not a topic");
    headers.insert("mine", "a");
    let read = read(Some(&headers), None);
    assert_eq!((read.headers, read.reply_to), (vec![("mine".to_owned(), "a".to_owned())], None));
}

proptest! {
    #[test]
    fn nothing_that_arrives_panics(
        subject in "\\PC{0,20}|[a-z.]{1,10}",
        headers in prop::collection::vec(("(ce-)?[!-9;-~]{1,12}|content-type|ce-time", "[^\r\n]{0,30}|application/cloudevents[+]json"), 0..6),
        data in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut map = HeaderMap::new();
        for (name, value) in &headers {
            map.append(name.as_str(), value.as_str());
        }
        if let Ok(topic) = subject.parse() {
            let read = message(Arrived { topic, data: data.into(), ..arrived(Some(&map), None) }, None, || "1".to_owned());
            // Whatever arrives can be passed on, as a dead letter for example.
            prop_assert!(super::headers(&read, None).is_ok(), "{:?}", read);
        }
    }
}

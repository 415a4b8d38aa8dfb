//! Tests of messages on the wire.

use proptest::prelude::*;

use super::*;

fn arrived<'a>(headers: Option<&'a HeaderMap>, reply: Option<&'a str>) -> Arrived<'a> {
    Arrived { subject: "a.b", reply, headers, data: Bytes::from_static(b"x"), time: SystemTime::UNIX_EPOCH }
}

fn read(headers: Option<&HeaderMap>, reply: Option<&str>) -> Message {
    message(arrived(headers, reply), || "given".to_owned()).unwrap()
}

#[test]
fn a_message_survives_the_wire() {
    let mut sent = read(None, None);
    assert_eq!((sent.id.as_str(), sent.source.as_str(), sent.kind.as_str()), ("given", SOURCE, "a.b"));
    sent.headers =
        vec![("A".to_owned(), "2".to_owned()), ("A".to_owned(), "1".to_owned()), ("b".to_owned(), String::new())];
    sent.set_key("größe");
    sent.reply_to = Some("answers".parse().unwrap());
    let mut headers = headers(&sent).unwrap();
    assert_eq!(read(Some(&headers), Some("answers")), sent);
    // A stored message says it itself: NATS's own place is for acknowledgements.
    add_stored(&mut headers, &sent);
    assert_eq!(read(Some(&headers), None), sent);
    assert!(headers.get(MESSAGE_ID).is_some());
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
        assert!(message(Arrived { subject, ..arrived(None, None) }, String::new).is_none(), "{subject}");
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
        let read = message(Arrived { subject: &subject, data: data.into(), ..arrived(Some(&map), None) }, || "1".to_owned());
        if let Some(read) = read {
            // Whatever arrives can be passed on, as a dead letter for example.
            prop_assert!(super::headers(&read).is_ok(), "{:?}", read);
        }
    }
}

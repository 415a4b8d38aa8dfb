//! Messages on their way out: what the bus gets, and what the publisher gets of it.

use std::time::{Duration, SystemTime};

use patchbay_model::bus::{Delivery, Message, Verdict};
use patchbay_model::{CallContext, FaultKind, InstancePolicy};

use super::{delivery, every_listener, wish};
use crate::harness::{PATIENCE, Rig, now};

#[tokio::test(flavor = "multi_thread")]
async fn all_that_is_published_reaches_the_bus_in_the_course_of_its_call() {
    let rig = Rig::new();
    for (guest, policy) in every_listener() {
        let service = rig.probe(guest, policy).await;
        let first = delivery(wish("publish shop.told id-1 some text"), PATIENCE);
        let deadline = first.context.deadline;
        let told = Delivery { context: Box::new(CallContext { hops: 2, ..(*first.context).clone() }), ..first };
        assert_eq!(service.deliver(told).await.unwrap(), Verdict::Acknowledge);
        let published = rig.bus.take();
        let [one] = published.as_slice() else { panic!("{published:?}") };
        let (publication, course) = (&one.publication, &one.course);
        assert_eq!(
            (one.publisher.as_str(), course.hops, course.deadline),
            ("probe", 2, deadline),
            "{guest} {policy:?}"
        );
        assert_eq!((publication.topic.as_str(), publication.id.as_deref()), ("shop.told", Some("id-1")));
        assert_eq!((publication.kind.as_deref(), publication.subject.as_deref()), (Some("Told"), Some("it")));
        assert_eq!((publication.key.as_deref(), publication.content_type.as_deref()), (Some("k"), Some("text/plain")));
        let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_769_860_800);
        assert_eq!((publication.time, publication.data_schema.as_deref()), (Some(then), Some("urn:schema")));
        assert_eq!(publication.extensions, [("tenant".to_owned(), "acme".to_owned())]);
        assert_eq!(publication.headers.len(), 2);
        assert_eq!(&publication.data[..], b"some text");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_answers_and_failures_reach_the_publisher() {
    let rig = Rig::new();
    for guest in ["listener.wasm", "listener3.wasm"] {
        let service = rig.probe(guest, InstancePolicy::Reuse).await;
        for (text, noted) in [
            ("publish a.b again x", "Ok(Receipt { durable: true, sequence: Some(1), duplicate: true })"),
            ("publish slow.one - x", "Ok(Receipt { durable: true, sequence: Some(1), duplicate: false })"),
            ("publish error.denied - x", "ErrorKind::Denied"),
            ("publish error.invalid - x", "ErrorKind::Invalid"),
            ("publish error.too-large - x", "the message has 2 bytes"),
            ("publish error.full - x", "ErrorKind::Full"),
            ("publish error.unavailable - x", "ErrorKind::Unavailable"),
            ("publish error.timeout - x", "ErrorKind::Timeout"),
            ("publish error.not-found - x", "ErrorKind::NotFound"),
            ("publish error.storage - x", "ErrorKind::Storage"),
            ("ask error.no-responders 1 0 x", "ErrorKind::NoResponders"),
            ("ask a.b 0 0 x", "a request has to want one answer"),
            ("ask a.b 1 0 x", r#"[("timeout", "None")] None x"]"#),
            ("ask a.b 5 1500 what", r#"[("timeout", "Some(1.5s)")] None what"]"#),
        ] {
            let verdict = service.tell(text).await.unwrap();
            let failed = text.starts_with("publish error");
            assert_eq!(matches!(verdict, Verdict::Retry { .. }), failed, "{guest} {text}: {verdict:?}");
            let notes = service.notes().await;
            assert!(notes.len() == 2 && notes[1].contains(noted), "{guest} {text}: {notes:?}");
            rig.bus.take();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_go_where_they_are_waited_for() {
    let rig = Rig::new();
    for (guest, policy) in every_listener() {
        let service = rig.probe(guest, policy).await;
        let asked = Message { reply_to: Some("_INBOX.3".parse().unwrap()), ..wish("answer here it is") };
        service.deliver(delivery(asked, PATIENCE)).await.unwrap();
        let answers = rig.bus.take();
        assert_eq!(answers.len(), 2, "{guest} {policy:?}");
        for answer in answers {
            assert_eq!(
                (answer.publication.topic.as_str(), &answer.publication.data[..]),
                ("_INBOX.3", &b"here it is"[..])
            );
        }
    }
}

/// Waiting is no CPU time, and the deadline of the call ends it.
#[tokio::test(flavor = "multi_thread")]
async fn publishing_ends_with_the_call() {
    let rig = Rig::new();
    for (guest, policy) in every_listener() {
        let service = rig.probe(guest, policy).await;
        let begun = now();
        let stuck = delivery(wish("publish never - x"), Duration::from_millis(100));
        let fault = service.deliver(stuck).await.unwrap_err();
        assert_eq!(fault.kind(), FaultKind::Deadline, "{guest} {policy:?}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{guest} {policy:?}");
    }
}

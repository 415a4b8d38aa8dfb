//! Messages by the draft of WASI, on the same ways.

use patchbay_model::bus::{Message, Verdict};
use patchbay_model::{FaultKind, InstancePolicy, Limits, Settings};

use super::{delivery, wish};
use crate::harness::{PATIENCE, Rig, Service};

const POLICIES: [InstancePolicy; 2] = [InstancePolicy::Fresh, InstancePolicy::Reuse];

async fn reused(rig: &Rig) -> Service {
    rig.probe("listener-wasi.wasm", InstancePolicy::Reuse).await
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_attempts_that_failed() {
    let rig = Rig::new();
    for policy in POLICIES {
        let service = rig.probe("listener-wasi.wasm", policy).await;
        let retry = |reason: &str| Verdict::Retry { after: None, reason: Some(reason.to_owned()) };
        for (text, verdict) in [
            ("{}", Verdict::Acknowledge),
            ("ack", Verdict::Acknowledge),
            ("retry", retry("as it was asked to")),
            ("reject", retry("timeout")),
        ] {
            assert_eq!(service.tell(text).await.unwrap(), verdict, "{policy:?} {text}");
        }
        assert_eq!(service.tell("trap").await.unwrap_err().kind(), FaultKind::Trapped);
        assert_eq!(service.tell("ack").await.unwrap(), Verdict::Acknowledge);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_are_metadata() {
    let rig = Rig::new();
    let service = reused(&rig).await;
    let mut full = Message {
        subject: Some("order 7".to_owned()),
        content_type: Some("text/plain".to_owned()),
        headers: vec![("h".to_owned(), "1".to_owned())],
        ..wish("show")
    };
    full.set_key("k");
    service.deliver(delivery(full, PATIENCE)).await.unwrap();
    let pairs = [
        ("ce-specversion", "1.0"),
        ("ce-id", "m-1"),
        ("ce-source", "/services/orders"),
        ("ce-type", "Tested"),
        ("ce-time", "2001-09-09T01:46:40Z"),
        ("ce-subject", "order 7"),
        ("ce-partitionkey", "k"),
        ("h", "1"),
    ];
    let shown = format!(r#"Some("shop.orders.created") Some("text/plain") Some({pairs:?}) show"#);
    assert_eq!(service.notes().await, ["m-1", shown.as_str()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_are_attributes_and_headers() {
    let rig = Rig::new();
    let service = reused(&rig).await;
    service.tell("publish shop.told id-1 some text").await.unwrap();
    let published = rig.bus.take();
    let publication = &published[0].publication;
    assert_eq!((publication.topic.as_str(), publication.id.as_deref()), ("shop.told", Some("id-1")));
    assert_eq!((publication.kind.as_deref(), publication.content_type.as_deref()), (Some("Told"), Some("text/plain")));
    assert_eq!(publication.headers, [("h".to_owned(), "1".to_owned())]);
    assert_eq!(publication.extensions, [("tenant".to_owned(), "acme".to_owned())]);
    assert_eq!(&publication.data[..], b"some text");
    assert_eq!(service.notes().await, ["m-1", "Ok(())"]);
}

/// A message that is sent on is a new one, and not the same again.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_on_has_only_the_attributes_that_were_set() {
    let rig = Rig::new();
    let service = reused(&rig).await;
    let headers = vec![("h".to_owned(), "1".to_owned()), ("gone".to_owned(), "2".to_owned())];
    service.deliver(delivery(Message { headers, ..wish("forward shop.next") }, PATIENCE)).await.unwrap();
    let published = rig.bus.take();
    let [one] = published.as_slice() else { panic!("{published:?}") };
    assert_eq!((&one.publication.id, &one.publication.source, &one.publication.kind), (&None, &None, &None));
    assert_eq!(one.publication.subject.as_deref(), Some("forwarded"));
    assert_eq!(one.publication.headers, [("h".to_owned(), "1".to_owned())]);
    assert_eq!(&one.publication.data[..], b"forward shop.next");
    let notes = service.notes().await;
    assert_eq!(notes[1..3], ["Ok(())", "Ok(())"]);
    assert!(notes[3].contains("Connection") && notes[3].contains("disconnected"), "{notes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_and_answers_go_their_ways() {
    let rig = Rig::new();
    let service = reused(&rig).await;
    for (text, noted) in [
        ("ask a.b 5 1500 what", r#"Some(1.5s)")]) what""#),
        ("ask error.timeout 1 5 x", "Err(Error::Timeout)"),
        ("ask error.denied 1 5 x", "Error::PermissionDenied"),
        ("ask error.unavailable 1 5 x", "Error::Connection"),
        ("ask error.no-responders 1 5 x", "Error::Other"),
        ("publish error.full - x", "Error::Connection"),
        ("answer nobody asked", "nobody waits for an answer"),
    ] {
        service.tell(text).await.unwrap();
        let notes = service.notes().await;
        assert!(notes[1].contains(noted), "{text}: {notes:?}");
    }
    rig.bus.take();
    let asked = Message { reply_to: Some("_INBOX.3".parse().unwrap()), ..wish("answer here it is") };
    service.deliver(delivery(asked, PATIENCE)).await.unwrap();
    assert_eq!(service.notes().await, ["m-1", "Ok(())", "Ok(())"]);
    let answers = rig.bus.take();
    assert!(answers.len() == 2 && answers.iter().all(|answer| answer.publication.topic == "_INBOX.3"), "{answers:?}");
}

/// Messages that the host keeps for an instance count as its memory, and only for as long as it keeps them.
#[tokio::test(flavor = "multi_thread")]
async fn messages_in_the_hands_of_an_instance_are_bounded() {
    let rig = Rig::new();
    let limits = Limits { memory: 32 << 20, ..Limits::default() };
    let settings = Settings { limits, ..Settings::default() };
    let service = rig.prepare("listener-wasi.wasm", InstancePolicy::Reuse, settings).await;
    for _ in 0..4 {
        assert_eq!(service.tell("keep 16").await.unwrap(), Verdict::Acknowledge);
    }
    let fault = service.tell("keep 64").await.unwrap_err();
    assert_eq!(fault.kind(), FaultKind::Exhausted, "{fault}");
    assert!(fault.public().contains("memory"), "{fault}");
}

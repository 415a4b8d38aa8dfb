//! Messages by the draft of WASI, handled by services in other languages.

use patchbay_model::bus::{Message, Verdict};
use patchbay_model::{FaultKind, InstancePolicy};

use super::{delivery, wish};
use crate::harness::{PATIENCE, Rig};

#[tokio::test(flavor = "multi_thread")]
async fn every_language_handles_and_publishes_messages() {
    let rig = Rig::new();
    for guest in ["listener-ts.wasm", "listener-py.wasm", "listener-go.wasm"] {
        let service = rig.probe(guest, InstancePolicy::Reuse).await;
        assert_eq!(service.tell("ack").await.unwrap(), Verdict::Acknowledge, "{guest}");
        let retry = Verdict::Retry { after: None, reason: Some("as it was asked to".to_owned()) };
        assert_eq!(service.tell("retry").await.unwrap(), retry, "{guest}");
        service.tell("publish shop.told id-1 some text").await.unwrap();
        service.tell("publish error.denied - x").await.unwrap();
        service.tell("ask a.b 2 1500 what").await.unwrap();
        service.tell("ask error.timeout 2 1500 what").await.unwrap();
        let asked = Message { reply_to: Some("_INBOX.3".parse().unwrap()), ..wish("answer here it is") };
        service.deliver(delivery(asked, PATIENCE)).await.unwrap();

        let notes = service.notes().await;
        let outcomes: Vec<_> = notes.iter().map(|note| note.trim_end().to_lowercase().replace('-', "")).collect();
        let denied = "permissiondenied as it was asked to";
        let want = ["m1", "m1", "m1", "ok", "m1", denied, "m1", "ok what, what", "m1", "timeout", "m1", "ok"];
        assert_eq!(outcomes, want, "{guest}");
        let published = rig.bus.take();
        assert_eq!(published.len(), 3, "{guest}: {published:?}");
        let (told, answer) = (&published[0].publication, &published[2].publication);
        assert_eq!((told.topic.as_str(), told.id.as_deref()), ("shop.told", Some("id-1")), "{guest}");
        assert_eq!((told.kind.as_deref(), told.content_type.as_deref()), (Some("Told"), Some("text/plain")), "{guest}");
        assert_eq!(
            (told.headers.as_slice(), &told.data[..]),
            (&[("h".to_owned(), "1".to_owned())][..], &b"some text"[..])
        );
        assert_eq!((answer.topic.as_str(), &answer.data[..]), ("_INBOX.3", &b"here it is"[..]), "{guest}");

        assert_eq!(service.tell("trap").await.unwrap_err().kind(), FaultKind::Trapped, "{guest}");
        assert_eq!(service.tell("ack").await.unwrap(), Verdict::Acknowledge, "{guest}");
    }
}

fn created(user: u64) -> Message {
    let data = format!(r#"{{"event":"OrderCreated","orderId":123,"userId":{user}}}"#);
    Message { id: format!("created-{user}"), kind: "OrderCreated".to_owned(), ..wish(&data) }
}

/// The example services: one instance hears of orders, and answers requests about it.
#[tokio::test(flavor = "multi_thread")]
async fn the_shop_reacts_to_orders() {
    let rig = Rig::new();
    let notifications = rig.probe("notifications.wasm", InstancePolicy::Reuse).await;
    for _ in 0..2 {
        let told = notifications.deliver(delivery(created(456), PATIENCE)).await;
        assert_eq!(told.unwrap(), Verdict::Acknowledge);
        let (status, sent) = notifications.get("/api/notifications").await.unwrap();
        assert_eq!(status, 200);
        assert_eq!(sent.matches(r#""to":"ada@shop.example""#).count(), 1, "{sent}");
    }
    let stranger = notifications.deliver(delivery(created(999), PATIENCE)).await.unwrap();
    assert!(
        matches!(&stranger, Verdict::Retry { after: None, reason: Some(why) } if why.contains("999")),
        "{stranger:?}"
    );
    let broken = notifications.deliver(delivery(created(0), PATIENCE)).await.unwrap();
    assert!(matches!(&broken, Verdict::Reject { reason } if reason.contains("userId")), "{broken:?}");

    let shipping = rig.probe("shipping.wasm", InstancePolicy::Reuse).await;
    for _ in 0..2 {
        assert_eq!(shipping.deliver(delivery(created(456), PATIENCE)).await.unwrap(), Verdict::Acknowledge);
    }
    let broken = shipping.deliver(delivery(created(0), PATIENCE)).await.unwrap();
    assert!(matches!(&broken, Verdict::Reject { reason } if reason.contains("userId")), "{broken:?}");
    let lines: Vec<_> = rig.log.records().into_iter().map(|record| record.line).collect();
    let told = ["notified user 456 of order 123 at ada@shop.example", "order 123 of user 456 is to be packed"];
    assert_eq!(lines, told);
}

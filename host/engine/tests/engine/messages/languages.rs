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

//! Messages on their way in: what instances say of them, and what goes wrong.

use std::time::Duration;

use patchbay_model::bus::{Delivery, Message, Verdict};
use patchbay_model::{CallContext, FaultKind, InstancePolicy, Limits, Settings};

use super::{delivery, every_listener, wish};
use crate::harness::{PATIENCE, Rig, guest, until};

#[tokio::test(flavor = "multi_thread")]
async fn the_instance_says_what_becomes_of_a_message() {
    let rig = Rig::new();
    for (guest, policy) in every_listener() {
        let service = rig.probe(guest, policy).await;
        let why = || Some("as it was asked to".to_owned());
        for (text, attempt, verdict) in [
            ("{}", 1, Verdict::Acknowledge),
            ("ack", 1, Verdict::Acknowledge),
            ("retry", 1, Verdict::Retry { after: None, reason: why() }),
            ("retry 1500", 1, Verdict::Retry { after: Some(Duration::from_millis(1500)), reason: why() }),
            ("until 3", 2, Verdict::Retry { after: None, reason: why() }),
            ("until 3", 3, Verdict::Acknowledge),
            ("reject no such order", 1, Verdict::Reject { reason: "no such order".to_owned() }),
        ] {
            let first = delivery(wish(text), PATIENCE);
            let delivery = Delivery { context: Box::new(CallContext { attempt, ..(*first.context).clone() }), ..first };
            assert_eq!(service.deliver(delivery).await.unwrap(), verdict, "{guest} {policy:?} {text}");
            service.rest().await;
        }
        let notes = service.notes().await.len();
        assert_eq!(notes, if policy == InstancePolicy::Fresh { 0 } else { 6 }, "{guest} {policy:?}");
        service.prepared.cool();
        until(|| service.instances().live == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_a_message_reaches_the_guest() {
    let rig = Rig::new();
    for guest in ["listener.wasm", "listener3.wasm"] {
        let service = rig.probe(guest, InstancePolicy::Reuse).await;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut full = Message {
            subject: Some("order 7".to_owned()),
            content_type: Some("text/plain".to_owned()),
            data_schema: Some("urn:order".to_owned()),
            extensions: vec![pair("tenant", "acme")],
            headers: vec![pair("h", "1"), pair("h", "2")],
            reply_to: Some("_INBOX.7".parse().unwrap()),
            ..wish("show")
        };
        full.set_key("k");
        service.deliver(delivery(full, PATIENCE)).await.unwrap();
        let notes = service.notes().await;
        let shown = r#"shop.orders.created m-1 /services/orders Tested 1000000000000000000 Some("order 7") Some("text/plain") Some("urn:order") Some("k") [("tenant", "acme"), ("partitionkey", "k")] [("h", "1"), ("h", "2")] Some("_INBOX.7") show"#;
        assert_eq!(notes[0], "m-1 1", "{guest}");
        assert_eq!(notes[1], shown, "{guest}");
        assert_eq!(notes[2], r#"probes 59 Some(("probes", 1))"#, "{guest}");
        assert_eq!(notes[3], "Principal::Outside 1", "{guest}");
        service.tell("show").await.unwrap();
        let bare =
            "shop.orders.created m-1 /services/orders Tested 1000000000000000000 None None None None [] [] None show";
        assert_eq!(service.notes().await[1], bare, "{guest}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_a_fault_and_costs_the_instance() {
    let rig = Rig::new();
    for (guest, policy) in every_listener().filter(|(_, policy)| *policy != InstancePolicy::Fresh) {
        let limits = Limits { cpu_time: Duration::from_millis(200), ..Limits::default() };
        let service = rig.prepare(guest, policy, Settings { limits, ..Settings::default() }).await;
        service.tell("ack").await.unwrap();
        // So that there is one instance, and it is the one that goes wrong.
        service.rest().await;
        for (text, within, kind) in [
            ("trap", PATIENCE, FaultKind::Trapped),
            ("spin", PATIENCE, FaultKind::Exhausted),
            ("sleep 60000", Duration::from_millis(50), FaultKind::Deadline),
        ] {
            let fault = service.deliver(delivery(wish(text), within)).await.unwrap_err();
            assert_eq!(fault.kind(), kind, "{guest} {policy:?} {text}: {fault}");
            assert_eq!(service.notes().await, Vec::<String>::new(), "{guest} {policy:?} {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_may_ask_for_more_time() {
    let rig = Rig::new();
    for (guest, policy) in every_listener() {
        let service = rig.probe(guest, policy).await;
        // Three times longer than it has at first; ten times is what it asks for at a time, and does not get.
        let grant = Duration::from_millis(400);
        let persistent = delivery(wish("persist 4000 1"), grant);
        let fault = service.deliver(persistent).await.unwrap_err();
        assert_eq!(fault.kind(), FaultKind::Deadline, "{guest} {policy:?}");
        let persistent = delivery(wish("persist 400 6"), grant);
        assert_eq!(service.deliver(persistent).await.unwrap(), Verdict::Acknowledge, "{guest} {policy:?}");
        if policy == InstancePolicy::Reuse {
            let notes = service.notes().await;
            assert_eq!(notes.len(), 7, "{notes:?}");
            assert!(notes[1..].iter().all(|note| note == "left Some(400)" || note == "left Some(399)"), "{notes:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_handled_beside_each_other() {
    let rig = Rig::new();
    let service = rig.probe("listener3.wasm", InstancePolicy::Concurrent).await;
    service.tell("ack").await.unwrap();
    service.rest().await;
    let all = (0..8).map(|_| service.tell("sleep 200"));
    let verdicts = futures_util::future::join_all(all).await;
    assert!(verdicts.iter().all(|verdict| matches!(verdict, Ok(Verdict::Acknowledge))), "{verdicts:?}");
    let instances = service.instances().live;
    assert!(instances < 8, "{instances} instances for messages that could share one");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_handles_no_messages_gets_none_and_who_only_does_no_requests() {
    let rig = Rig::new();
    for guest in ["probe.wasm", "probe3.wasm", "callee.wasm", "callee3.wasm"] {
        let service = rig.probe(guest, InstancePolicy::Reuse).await;
        assert_eq!(service.tell("ack").await.unwrap_err().kind(), FaultKind::Invalid, "{guest}");
    }
    for guest in ["listener.wasm", "listener3.wasm"] {
        let service = rig.probe(guest, InstancePolicy::Reuse).await;
        assert_eq!(service.get("/").await.unwrap_err().kind(), FaultKind::Invalid, "{guest}");
    }
    let concurrent = rig.try_prepare(guest("listener.wasm"), InstancePolicy::Concurrent, Settings::default()).await;
    assert!(concurrent.err().unwrap().to_string().contains("has no `async func`"));
}

//! Guests that break, and what their callers and the next callers see of it.

use std::time::Duration;

use patchbay_model::ports::{Executor, Usage};
use patchbay_model::{BodyError, FaultKind, InstancePolicy};

use crate::harness::{PATIENCE, Rig, every_way, text, until};

#[tokio::test(flavor = "multi_thread")]
async fn every_way_to_break_is_one_fault() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let service = rig.probe(guest, policy).await;
        for (path, kind, details) in [
            ("/trap", FaultKind::Trapped, "unreachable"),
            ("/panic", FaultKind::Trapped, "unreachable"),
            ("/exit?code=3", FaultKind::Trapped, "exit with status"),
            ("/exit?code=0", FaultKind::Trapped, "exit with status 0"),
            ("/silent", FaultKind::Failed, "it "),
        ] {
            let fault = service.get(path).await.unwrap_err();
            assert_eq!(fault.kind(), kind, "{guest} {policy:?} {path}: {fault}");
            let told = fault.details().unwrap_or_default();
            assert!(told.contains(details), "{guest} {policy:?} {path}: {fault}");
            assert!(fault.public().starts_with("The service "), "{fault}");
            assert!(!fault.public().contains(details), "{fault}");
        }
        if policy == InstancePolicy::Fresh {
            until(|| service.instances().live == 0).await;
        }
        assert_eq!(service.get("/count").await.unwrap().0, 200);
    }
    until(|| rig.engine.usage() == Usage::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_instance_is_not_used_again() {
    let rig = Rig::new();
    for (guest, policy) in every_way().filter(|(_, policy)| *policy != InstancePolicy::Fresh) {
        let service = rig.probe(guest, policy).await;
        for path in ["/trap", "/panic", "/exit", "/alloc?mib=1000"] {
            for count in [1, 2] {
                assert_eq!(service.count().await, count, "{guest} {policy:?} {path}");
                until(|| service.instances().idle == 1).await;
            }
            let fault = service.get(path).await.unwrap_err();
            until(|| service.instances().live == 0).await;
            if policy == InstancePolicy::Reuse && fault.kind() == FaultKind::Trapped {
                assert!(fault.details().unwrap().contains(r#"`instances = "fresh"` is the cure"#), "{fault}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_body_is_never_a_whole_one() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let service = rig.probe(guest, policy).await;
        let reply = service.get_within("/half", PATIENCE).await;
        // The guest may trap before its head was taken; then there is only the fault.
        match reply {
            Ok(reply) => {
                let error = text(reply.into_body()).await.unwrap_err();
                assert!(matches!(error, BodyError::Lost(_)), "{guest} {policy:?}: {error}");
            }
            Err(fault) => assert_eq!(fault.kind(), FaultKind::Trapped, "{guest} {policy:?}: {fault}"),
        }
        until(|| service.instances().live == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_in_the_middle_of_a_body_is_an_error() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let service = rig.probe(guest, policy).await;
        let reply = service.get_within("/drip?chunks=1000&interval=50", Duration::from_millis(200)).await.unwrap();
        let error = text(reply.into_body()).await.unwrap_err();
        assert!(matches!(error, BodyError::Deadline), "{guest} {policy:?}: {error}");
        until(|| service.instances().live == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_ends_the_calls_that_share_the_instance_and_no_others() {
    let rig = Rig::new();
    let service = rig.probe("probe3.wasm", InstancePolicy::Concurrent).await;
    service.prepared.warm().await.unwrap();
    let (sharing, trapping) = tokio::join!(service.get_within("/sleep?ms=60000", PATIENCE), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        service.get_within("/trap", PATIENCE).await
    });
    assert_eq!(sharing.unwrap_err().kind(), FaultKind::Trapped);
    assert_eq!(trapping.unwrap_err().kind(), FaultKind::Trapped);
    assert_eq!(service.count().await, 1);
}

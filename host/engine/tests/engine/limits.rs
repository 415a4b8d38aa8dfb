//! What guests may use, and what happens to those that want more.

use std::sync::Arc;
use std::time::Duration;

use patchbay_engine::EngineConfig;
use patchbay_model::{FaultKind, InstancePolicy, Limits, Settings};

use crate::harness::{PATIENCE, Rig, every_way, now, until};

fn limited(limits: Limits) -> Settings {
    Settings { limits, ..Settings::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn memory() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let service = rig.prepare(guest, policy, limited(Limits { memory: 32 << 20, ..Limits::default() })).await;
        assert_eq!(service.get("/alloc?mib=8").await.unwrap().0, 200);
        let fault = service.get("/alloc?mib=40").await.unwrap_err();
        assert_eq!(fault.kind(), FaultKind::Exhausted, "{guest} {policy:?}: {fault}");
        assert!(fault.public().contains("memory"), "{fault}");
        assert!(fault.details().unwrap().contains("`memory` allows 32MiB"), "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_needs_more_memory_to_start_is_found_out() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let service = rig.prepare(guest, policy, limited(Limits { memory: 64 << 10, ..Limits::default() })).await;
        let fault = service.prepared.warm().await.unwrap_err();
        assert_eq!(fault.kind(), FaultKind::Exhausted, "{guest} {policy:?}: {fault}");
        assert_eq!(service.get("/count").await.unwrap_err().kind(), FaultKind::Exhausted);
        until(|| service.instances().live == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cpu_time() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let cpu_time = Duration::from_millis(100);
        let service = rig.prepare(guest, policy, limited(Limits { cpu_time, ..Limits::default() })).await;
        let begun = now();
        let fault = service.get("/spin").await.unwrap_err();
        // The first tick charges all of itself, whenever in it the guest began.
        let least = cpu_time - EngineConfig::default().epoch_tick;
        assert!(begun.elapsed() >= least, "{guest} {policy:?}: stopped after {:?}", begun.elapsed());
        assert_eq!(fault.kind(), FaultKind::Exhausted, "{guest} {policy:?}: {fault}");
        assert!(fault.details().unwrap().contains("`cpu_time` allows"), "{fault}");
        until(|| service.instances().live == 0).await;
        // Waiting takes no CPU time.
        assert_eq!(service.get("/sleep?ms=300").await.unwrap().0, 200, "{guest} {policy:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let service = rig.probe(guest, policy).await;
        for path in ["/sleep?ms=60000", "/spin"] {
            let begun = now();
            let fault = service.get_within(path, Duration::from_millis(200)).await.unwrap_err();
            assert_eq!(fault.kind(), FaultKind::Deadline, "{guest} {policy:?} {path}: {fault}");
            assert!(begun.elapsed() < Duration::from_secs(10), "{guest} {policy:?} {path}: {:?}", begun.elapsed());
            until(|| service.instances().live == 0).await;
        }
    }
}

/// A guest that never lets go of the CPU must not stop others, even on a single thread.
#[tokio::test]
async fn a_guest_that_spins_leaves_the_thread_to_others() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let spinning = Arc::new(rig.probe(guest, policy).await);
        let calm = rig.probe(guest, InstancePolicy::Fresh).await;
        let spin = spinning.clone();
        let spin = tokio::spawn(async move { spin.get_within("/spin", Duration::from_millis(500)).await.map(drop) });
        while spinning.instances().live == 0 {
            tokio::task::yield_now().await;
        }
        let mut served = 0;
        while !spin.is_finished() {
            // Without any timer: on a thread that is never idle those are looked at only now and then.
            drop(calm.get_within("/count", PATIENCE).await.unwrap());
            tokio::task::yield_now().await;
            served += 1;
        }
        assert!(served > 10, "{guest} {policy:?}: {served} calls beside one that spins");
        assert_eq!(spin.await.unwrap().unwrap_err().kind(), FaultKind::Deadline);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_after_the_reply_ends_at_the_deadline() {
    for (guest, policy) in every_way() {
        let rig = Rig::new();
        let service = rig.probe(guest, policy).await;
        let reply = service.get_within("/after?ms=60000", Duration::from_millis(300)).await.unwrap();
        assert_eq!(crate::harness::text(reply.into_body()).await.unwrap(), "answered");
        until(|| service.instances().live == 0).await;
        assert!(rig.log.records().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_instances_than_slots_are_refused() {
    let rig = Rig::with(&EngineConfig { instances: 2, ..EngineConfig::default() }, None);
    for (guest, policy) in every_way() {
        let service = Arc::new(rig.prepare(guest, policy, Settings { instance_calls: 1, ..Settings::default() }).await);
        let calls: Vec<_> = (0..3)
            .map(|_| {
                let service = service.clone();
                tokio::spawn(async move { service.get_within("/sleep?ms=500", PATIENCE).await.map(|_| ()) })
            })
            .collect();
        let mut kinds = Vec::new();
        for call in calls {
            kinds.extend(call.await.unwrap().err().map(|fault| fault.kind()));
        }
        assert_eq!(kinds, [FaultKind::Unavailable], "{guest} {policy:?}");
        service.prepared.cool();
        until(|| service.instances().live == 0).await;
    }
}

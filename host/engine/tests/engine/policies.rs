//! How calls and instances meet.

use std::sync::Arc;
use std::time::Duration;

use patchbay_model::ports::{Executor, InstanceCount, Usage};
use patchbay_model::{InstancePolicy, Limits, Settings, empty_body};

use crate::harness::{PATIENCE, Rig, Service, call, every_way, text, until};

const TWO_USES: fn() -> Settings = || Settings { instance_uses: 2, ..Settings::default() };

/// Instances that exist, and those that wait.
fn counts_of(service: &Service) -> (u64, u64) {
    let InstanceCount { live, idle, .. } = service.instances();
    (live, idle)
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_are_used_as_the_policy_says() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let service = rig.prepare(guest, policy, TWO_USES()).await;
        let mut counts = Vec::new();
        for _ in 0..4 {
            counts.push(service.count().await);
            let idle = u64::from(policy != InstancePolicy::Fresh && counts.len() % 2 == 1);
            until(|| counts_of(&service) == (idle, idle)).await;
            assert_eq!(service.instances().memory_bytes > 0, idle > 0, "{guest} {policy:?}");
        }
        let expected: &[u64] = if policy == InstancePolicy::Fresh { &[1, 1, 1, 1] } else { &[1, 2, 1, 2] };
        assert_eq!(counts, expected, "{guest} {policy:?}");
    }
    until(|| rig.engine.usage() == Usage::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn warm_and_cool() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let service = rig.probe(guest, policy).await;
        service.prepared.warm().await.unwrap();
        let kept = u64::from(policy != InstancePolicy::Fresh);
        until(|| counts_of(&service) == (kept, kept)).await;
        assert_eq!(service.count().await, 1);
        service.prepared.cool();
        until(|| service.instances() == InstanceCount::default()).await;
        // Calls can still be served, and keep nothing.
        for _ in 0..2 {
            assert_eq!(service.count().await, 1, "{guest} {policy:?}");
            until(|| service.instances() == InstanceCount::default()).await;
        }
        service.prepared.warm().await.unwrap();
        for count in [1, 1 + kept] {
            until(|| service.instances().idle == kept).await;
            assert_eq!(service.count().await, count, "{guest} {policy:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_instances_are_kept_than_calls_may_be_under_way() {
    let rig = Rig::new();
    for (concurrency, kept) in [(1, 1), (2, 2), (100, 8)] {
        let limits = Limits { concurrency, ..Limits::default() };
        let service =
            rig.prepare("probe.wasm", InstancePolicy::Reuse, Settings { limits, ..Settings::default() }).await;
        for _ in 0..8 {
            // Each by whatever thread has time.
            let prepared = service.prepared.clone();
            tokio::spawn(async move { prepared.warm().await }).await.unwrap().unwrap();
        }
        assert_eq!(counts_of(&service), (kept, kept), "{concurrency}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_instance_outlives_a_cool_until_its_call_is_over() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let service = rig.probe(guest, policy).await;
        let (slow, _) = call("/sleep?ms=200", empty_body(), PATIENCE);
        let prepared = service.prepared.clone();
        let slow = tokio::spawn(async move { text(prepared.serve(slow).await.unwrap().into_body()).await.unwrap() });
        until(|| service.instances().live == 1).await;
        service.prepared.cool();
        assert_eq!(slow.await.unwrap(), "slept 200 ms", "{guest} {policy:?}");
        until(|| service.instances().live == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_instances_go_after_their_time() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let settings = Settings { instance_idle: Duration::from_millis(20), ..Settings::default() };
        let service = rig.prepare(guest, policy, settings).await;
        service.count().await;
        until(|| service.instances() == InstanceCount::default()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_calls_share_an_instance_and_others_do_not() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let service = Arc::new(rig.probe(guest, policy).await);
        let calls: Vec<_> = (0..4)
            .map(|_| {
                let service = service.clone();
                tokio::spawn(async move { service.get("/sleep?ms=300").await.unwrap() })
            })
            .collect();
        let mut most = 0;
        until(|| {
            most = most.max(service.instances().live);
            calls.iter().all(tokio::task::JoinHandle::is_finished)
        })
        .await;
        if policy == InstancePolicy::Concurrent {
            assert!(most < 4, "{most} instances for four calls that could share one");
        } else {
            assert_eq!(most, 4, "{guest} {policy:?}");
        }
    }
}

/// On one thread, so that a service has one turn at a time.
#[tokio::test]
async fn calls_that_wait_for_their_turn_hold_no_instance() {
    let rig = Rig::new();
    let service = Arc::new(rig.probe("probe.wasm", InstancePolicy::Reuse).await);
    let spinning = service.clone();
    let spin = tokio::spawn(async move { spinning.get_within("/spin", Duration::from_secs(2)).await.map(drop) });
    let mut most = 0;
    let mut n_rounds = 0;
    while !spin.is_finished() {
        let counted = futures_util::future::join_all((0..32).map(|_| service.count()));
        let watched = async {
            for _ in 0..8 {
                most = most.max(service.instances().live);
                tokio::task::yield_now().await;
            }
        };
        tokio::join!(counted, watched);
        n_rounds += 1;
    }
    assert!(n_rounds > 1, "others have turns as well");
    assert!(most <= 4, "{most} instances for one call at a time and one that spins");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_at_a_time_are_all_served() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let service = Arc::new(rig.prepare(guest, policy, Settings { instance_uses: 50, ..Settings::default() }).await);
        let callers: Vec<_> = (0..16)
            .map(|_| {
                let service = service.clone();
                tokio::spawn(async move {
                    for _ in 0..50 {
                        assert!((1..=50).contains(&service.count().await));
                    }
                })
            })
            .collect();
        for caller in callers {
            caller.await.unwrap();
        }
        drop(service);
        until(|| rig.engine.usage() == Usage::default()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_reaches_the_guest() {
    let rig = Rig::new();
    for (guest, policy) in every_way() {
        let config = [("version".to_owned(), "v7".to_owned())].into();
        let service = rig.prepare(guest, policy, Settings { config, ..Settings::default() }).await;
        assert_eq!(service.get("/version").await.unwrap(), (200, "v7".to_owned()));
        assert_eq!(service.get("/config/other").await.unwrap(), (200, "none".to_owned()));
    }
}

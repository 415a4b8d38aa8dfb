//! What a service feels of others that misbehave: its calls may take longer, within a bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::{Got, host, post};
use crate::support::Host;

/// Calls that are measured, one after the other.
const CALLS: usize = 400;
/// What the 99th percentile may be under attack: so many times what it is in quiet, or this, whichever is more. Both
/// the host, its guests and this client share the cores of a small machine, so this says that nobody starves, no more.
const TIMES: u32 = 25;
const AT_MOST: Duration = Duration::from_millis(250);

/// What the attackers ask for, all at once and again and again, each of both probes.
const ATTACKS: [&str; 10] = [
    "/spin",
    "/spin?again",
    "/recurse",
    "/alloc?mib=64",
    "/trap",
    "/never",
    "/block?ms=60000",
    "/fill?mib=16&times=1000000",
    "/flood?mib=4",
    "/half",
];

/// The 99th percentile and the longest of the calls to the quiet service.
async fn measure(host: &Host) -> (Duration, Duration) {
    let mut took = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let begun = Instant::now();
        assert_eq!(post(host, "other", "/version", Vec::new()).await, Got::Whole(200, "none".to_owned()));
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    (took[CALLS * 99 / 100], took[CALLS - 1])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_service_keeps_its_p99_while_others_misbehave() {
    let limits = "cpu_time = \"300ms\"\ntimeout = \"2s\"\nmemory = \"48MiB\"\nconcurrency = 16\nlog_rate = \"64KiB\"";
    let host = Arc::new(host(&format!("{limits}\nbreaker.failures = 0")).await);
    measure(&host).await;
    let (quiet, longest) = measure(&host).await;
    println!("alone: p99 {quiet:?}, longest {longest:?}");
    let (over, attacks) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let attackers: Vec<_> = ["probe", "probe3"]
        .into_iter()
        .flat_map(|name| ATTACKS.map(|path| (name, path)))
        .map(|(name, path)| {
            let (host, over, attacks) = (Arc::clone(&host), Arc::clone(&over), Arc::clone(&attacks));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    post(&host, name, path, Vec::new()).await;
                    attacks.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    while attacks.load(Ordering::Relaxed) < 20 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let (attacked, longest) = measure(&host).await;
    over.store(true, Ordering::Relaxed);
    println!(
        "under attack: p99 {attacked:?}, longest {longest:?}, beside {} calls of others",
        attacks.load(Ordering::Relaxed)
    );
    for attacker in attackers {
        attacker.await.unwrap();
    }
    let bound = AT_MOST.max(quiet * TIMES);
    assert!(attacked <= bound, "p99 {attacked:?} under attack, {quiet:?} alone, {bound:?} at most");
}

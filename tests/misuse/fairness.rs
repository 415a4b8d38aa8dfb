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

/// Calls that are measured beside a flood, one after the other.
const FLOODED_CALLS: usize = 200;
/// Calls of the flooded service at a time, as many as it may have.
const FLOOD: usize = 256;
/// What the 99th percentile may be beside a flood. Where calls do not take turns it is more than a second on two cores: a
/// call waits for a tick of each call of the flood, once before the host looks for it and once in the queue for a thread.
const BESIDE_A_FLOOD: Duration = Duration::from_millis(250);
/// What a flood asks for: calls that compute for many ticks, and such that are over within one.
const FLOODS: [(&str, &str); 4] = [
    ("probe", "/fill?mib=1&times=4000"),
    ("probe3", "/fill?mib=1&times=4000"),
    ("probe", "/fill?mib=1&times=3"),
    ("probe3", "/fill?mib=1&times=3"),
];

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
async fn measure(host: &Host, calls: usize) -> (Duration, Duration) {
    let mut took = Vec::with_capacity(calls);
    for _ in 0..calls {
        let begun = Instant::now();
        assert_eq!(post(host, "other", "/version", Vec::new()).await, Got::Whole(200, "none".to_owned()));
        took.push(begun.elapsed());
    }
    took.sort_unstable();
    (took[calls * 99 / 100], took[calls - 1])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_service_keeps_its_p99_while_others_misbehave() {
    let limits = "cpu_time = \"300ms\"\ntimeout = \"2s\"\nmemory = \"48MiB\"\nconcurrency = 16\nlog_rate = \"64KiB\"";
    let host = Arc::new(host(&format!("{limits}\nbreaker.failures = 0")).await);
    measure(&host, CALLS).await;
    let (quiet, longest) = measure(&host, CALLS).await;
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
    let (attacked, longest) = measure(&host, CALLS).await;
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

/// One service is called as often as it may be by those who want it to compute; the calls of another one do not stand
/// in line behind them.
#[tokio::test(flavor = "multi_thread")]
async fn a_flooded_service_leaves_the_others_their_latency() {
    let host = Arc::new(host("timeout = \"60s\"\ninstances = \"fresh\"").await);
    let mut starved = Vec::new();
    for (name, path) in FLOODS {
        let (quiet, _) = measure(&host, FLOODED_CALLS).await;
        let flood = Flood::begin(&host, name, path);
        while flood.answered() < 64 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let (begun, before) = (Instant::now(), flood.answered());
        let (flooded, longest) = measure(&host, FLOODED_CALLS).await;
        let rate = (flood.answered() - before) as f64 / begun.elapsed().as_secs_f64();
        flood.end().await;
        println!(
            "{name}{path}: p99 {flooded:?}, longest {longest:?}, {quiet:?} alone; {rate:.0} calls of the flood a second"
        );
        if flooded > BESIDE_A_FLOOD {
            starved.push(format!("p99 {flooded:?} beside a flood of {name}{path}, {quiet:?} alone"));
        }
    }
    assert!(starved.is_empty(), "{starved:#?}");
}

/// Clients that call one service without pause.
struct Flood {
    over: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Flood {
    fn begin(host: &Arc<Host>, name: &'static str, path: &'static str) -> Self {
        let (over, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let clients = (0..FLOOD).map(|_| {
            let (host, over, answered) = (Arc::clone(host), Arc::clone(&over), Arc::clone(&answered));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    assert_eq!(post(&host, name, path, Vec::new()).await, Got::Whole(200, "filled 1 MiB".to_owned()));
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        Self { clients: clients.collect(), over, answered }
    }

    fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    async fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        for client in self.clients {
            client.await.unwrap();
        }
    }
}

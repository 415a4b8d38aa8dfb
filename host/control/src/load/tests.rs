//! That a host which is saturated refuses calls, tells of it, and comes back; and that one at rest does nothing.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::task::JoinHandle;
use tokio::time::{advance, sleep};

use super::*;
use crate::fakes::Bench;

const LIMIT: u64 = 1 << 30;

/// Memory as a test sets it.
#[derive(Default)]
struct Memory {
    used: AtomicU64,
    asked: AtomicUsize,
}

impl HostLoad for Memory {
    fn memory(&self) -> Option<u64> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Some(self.used.load(Ordering::SeqCst))
    }

    fn memory_limit(&self) -> Option<u64> {
        Some(LIMIT)
    }
}

/// A host of fakes whose load is watched.
fn watched() -> (Bench, Arc<Memory>, JoinHandle<()>) {
    let (bench, memory) = (Bench::new(), Arc::<Memory>::default());
    let (control, load) = (Arc::clone(&bench.control), Arc::clone(&memory));
    let watching = tokio::spawn(async move { control.watch_load(load).await });
    (bench, memory, watching)
}

/// Calls for so many seconds, fifty in each. How many were refused.
async fn calls(bench: &Bench, priority: Priority, seconds: u64) -> usize {
    let mut refused = 0;
    for number in 0..seconds * 50 {
        refused += usize::from(bench.control.shedder().admit(priority, number).is_err());
        sleep(Duration::from_millis(20)).await;
    }
    refused
}

fn events(bench: &Bench) -> Vec<(EventKind, String)> {
    let kept = bench.control.events().read(0).kept;
    kept.into_iter().map(|entry| (entry.record.kind, entry.record.message.clone())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_host_at_rest_is_not_watched() {
    let (bench, memory, watching) = watched();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(memory.asked.load(Ordering::SeqCst), 0);
    assert_eq!(calls(&bench, Priority::Low, 3).await, 0);
    let asked = memory.asked.load(Ordering::SeqCst);
    assert!((20..=35).contains(&asked), "{asked}");
    // It is asked for a while yet, and then no more.
    sleep(Duration::from_secs(2)).await;
    let asked = memory.asked.load(Ordering::SeqCst);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(memory.asked.load(Ordering::SeqCst), asked);
    assert_eq!(events(&bench), []);
    watching.abort();
}

#[tokio::test(start_paused = true)]
async fn a_host_without_memory_refuses_calls_and_takes_them_again_when_it_has_some() {
    let (bench, memory, watching) = watched();
    assert_eq!(calls(&bench, Priority::Low, 1).await, 0);
    memory.used.store(LIMIT / 100 * 94, Ordering::SeqCst);
    calls(&bench, Priority::High, 1).await;
    assert_eq!(calls(&bench, Priority::High, 1).await, 0);
    assert_eq!(calls(&bench, Priority::Low, 1).await, 50);
    let status = bench.control.load();
    assert_eq!(status.refused, [50, 0, 0]);
    memory.used.store(LIMIT / 2, Ordering::SeqCst);
    // Nobody calls, and it comes back all the same.
    sleep(Duration::from_secs(15)).await;
    assert_eq!(calls(&bench, Priority::Low, 5).await, 0);
    let events = events(&bench);
    let kinds: Vec<_> = events.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, [EventKind::SheddingBegan, EventKind::SheddingEnded]);
    assert!(events[0].1.contains("memory is at"), "{events:?}");
    assert!(events[1].1.contains("50 calls of low priority"), "{events:?}");
    watching.abort();
}

#[tokio::test(start_paused = true)]
async fn a_host_on_which_everything_waits_refuses_calls() {
    let (bench, _memory, watching) = watched();
    let control = Arc::clone(&bench.control);
    // Whoever wakes up finds that 60 ms have passed.
    for number in 0..100 {
        let _ = control.shedder().admit(Priority::Normal, number);
        advance(Duration::from_millis(60)).await;
    }
    let status = bench.control.load();
    assert!(status.level.share(Priority::Low) > 0, "{}", status.level);
    assert_eq!(status.refused[2], 0);
    let told = events(&bench);
    assert!(matches!(told.as_slice(), [(EventKind::SheddingBegan, text)] if text.contains("waits")), "{told:?}");
    watching.abort();
}

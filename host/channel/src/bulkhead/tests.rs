//! The bulkhead under a paused clock.

use std::sync::Arc;
use std::time::Duration;

use patchbay_model::{FaultKind, Limits};
use tokio::time::Instant;

use super::{Bulkhead, Occupancy};

fn limits(concurrency: u32, queue: u32) -> Limits {
    Limits { concurrency, queue, queue_wait: Duration::from_secs(1), ..Limits::default() }
}

fn in_seconds(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_at_once() {
    let bulkhead = Bulkhead::new(&limits(1, 0));
    let permit = bulkhead.enter(in_seconds(9)).await.unwrap();
    let begun = Instant::now();
    assert_eq!(bulkhead.enter(in_seconds(9)).await.unwrap_err().kind(), FaultKind::Overloaded);
    assert_eq!(Instant::now(), begun);
    drop(permit);
    assert!(bulkhead.enter(in_seconds(9)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_with_the_patience_or_the_deadline_whichever_is_first() {
    let bulkhead = Bulkhead::new(&limits(1, 8));
    let _permit = bulkhead.enter(in_seconds(9)).await.unwrap();
    for (deadline, kind, waited) in
        [(9_000, FaultKind::Overloaded, 1_000), (400, FaultKind::Deadline, 400), (1_000, FaultKind::Deadline, 1_000)]
    {
        let begun = Instant::now();
        let fault = bulkhead.enter(begun + Duration::from_millis(deadline)).await.unwrap_err();
        assert_eq!((fault.kind(), begun.elapsed()), (kind, Duration::from_millis(waited)));
    }
    assert_eq!(bulkhead.occupancy(), Occupancy { calls: 1, waiting: 0 });
}

#[tokio::test(start_paused = true)]
async fn a_place_goes_to_the_one_who_waited_longest() {
    let bulkhead = Arc::new(Bulkhead::new(&limits(1, 8)));
    let permit = bulkhead.enter(in_seconds(9)).await.unwrap();
    let (order, mut arrived) = tokio::sync::mpsc::channel(8);
    for number in 0..3 {
        let (bulkhead, order) = (Arc::clone(&bulkhead), order.clone());
        tokio::spawn(async move {
            let _permit = bulkhead.enter(in_seconds(9)).await.unwrap();
            order.send(number).await.unwrap();
        });
        tokio::task::yield_now().await;
    }
    assert_eq!(bulkhead.occupancy(), Occupancy { calls: 1, waiting: 3 });
    drop(permit);
    for number in 0..3 {
        assert_eq!(arrived.recv().await, Some(number));
    }
}

#[tokio::test(start_paused = true)]
async fn resizing_counts_the_places_that_are_taken() {
    let bulkhead = Bulkhead::new(&limits(3, 0));
    let mut permits = Vec::new();
    for _ in 0..3 {
        permits.push(bulkhead.enter(in_seconds(9)).await.unwrap());
    }
    bulkhead.resize(&limits(1, 0));
    assert_eq!(bulkhead.occupancy().calls, 3);
    permits.truncate(1);
    assert_eq!(bulkhead.occupancy().calls, 1);
    assert!(bulkhead.enter(in_seconds(9)).await.is_err());
    bulkhead.resize(&limits(2, 0));
    permits.push(bulkhead.enter(in_seconds(9)).await.unwrap());
    assert!(bulkhead.enter(in_seconds(9)).await.is_err());
    bulkhead.resize(&limits(1, 0));
    bulkhead.resize(&limits(3, 0));
    permits.push(bulkhead.enter(in_seconds(9)).await.unwrap());
    assert!(bulkhead.enter(in_seconds(9)).await.is_err());
    permits.clear();
    assert_eq!(bulkhead.occupancy().calls, 0);
}

//! The quarantine under a paused clock.

use std::sync::Arc;
use std::time::Duration;

use patchbay_model::{Fault, FaultKind, Limits};
use tokio::time::{Instant, sleep};

use super::*;

/// A quarantine that begins at the third crash, and the news of it.
fn third() -> (Arc<Quarantine>, Arc<Mutex<Vec<QuarantineNews>>>) {
    let news = Arc::<Mutex<Vec<_>>>::default();
    let told = Arc::clone(&news);
    let limits = Limits { quarantine_after: 3, ..Limits::default() };
    (Quarantine::new(&limits, 7, move |item| told.lock().unwrap().push(item)), news)
}

fn fault(kind: FaultKind) -> Fault {
    Fault::new(kind, "it failed")
}

fn admit(quarantine: &Arc<Quarantine>) -> Result<Trial, Fault> {
    Arc::clone(quarantine).admit()
}

fn crash(quarantine: &Arc<Quarantine>) {
    admit(quarantine).unwrap().failed(&fault(FaultKind::Trapped));
}

/// Waits until a call is let through, which it has to be when the refusals said.
async fn rest(quarantine: &Arc<Quarantine>) -> (Duration, Trial) {
    let begun = Instant::now();
    let refused = admit(quarantine).unwrap_err();
    assert_eq!(refused.kind(), FaultKind::Unavailable);
    sleep(refused.retry_after().unwrap()).await;
    (begun.elapsed(), admit(quarantine).unwrap())
}

#[tokio::test(start_paused = true)]
async fn crashes_in_a_row_begin_it_and_rests_double() {
    let (quarantine, news) = third();
    for _ in 0..3 {
        crash(&quarantine);
    }
    let (first, mut trial) = rest(&quarantine).await;
    assert_eq!(quarantine.status(), Some(QuarantineStatus { crashes: 3, remaining: Duration::ZERO }));
    trial.failed(&fault(FaultKind::Exhausted));
    let (second, mut trial) = rest(&quarantine).await;
    assert!(second > first && first > Duration::from_millis(700), "{first:?} {second:?}");
    trial.answered();
    trial.succeeded();
    assert_eq!(quarantine.status(), None);
    let kinds: Vec<_> = news.lock().unwrap().iter().map(|item| matches!(item, QuarantineNews::Ended)).collect();
    assert_eq!(kinds, [false, false, true]);
    // Nothing is held against it any more.
    crash(&quarantine);
    crash(&quarantine);
    assert!(admit(&quarantine).is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_call_tries_and_the_others_wait_for_it() {
    let (quarantine, _) = third();
    for _ in 0..3 {
        crash(&quarantine);
    }
    let (_, trial) = rest(&quarantine).await;
    assert_eq!(admit(&quarantine).unwrap_err().retry_after(), Some(Duration::ZERO));
    // It says nothing about the revision: the next ones may go on, until one crashes.
    drop(trial);
    let (mut one, mut other) = (admit(&quarantine).unwrap(), admit(&quarantine).unwrap());
    one.failed(&fault(FaultKind::Deadline));
    assert!(admit(&quarantine).is_ok());
    other.failed(&fault(FaultKind::Trapped));
    assert!(admit(&quarantine).is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_no_crash_does_not_count() {
    let (quarantine, news) = third();
    for kind in [
        FaultKind::Deadline,
        FaultKind::TooLarge,
        FaultKind::Cancelled,
        FaultKind::Failed,
        FaultKind::Unavailable,
        FaultKind::Internal,
    ] {
        for _ in 0..5 {
            admit(&quarantine).unwrap().failed(&fault(kind));
        }
    }
    // An instance that is lost is one crash, however many calls shared it.
    for _ in 0..5 {
        admit(&quarantine).unwrap().failed(&fault(FaultKind::Trapped).shared());
    }
    for _ in 0..5 {
        crash(&quarantine);
        crash(&quarantine);
        admit(&quarantine).unwrap().succeeded();
    }
    assert!(news.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn calls_that_began_before_a_rest_do_not_lengthen_it() {
    let (quarantine, news) = third();
    let mut early: Vec<_> = (0..10).map(|_| admit(&quarantine).unwrap()).collect();
    for trial in &mut early {
        trial.failed(&fault(FaultKind::Trapped));
    }
    assert_eq!(news.lock().unwrap().len(), 1);
    let (waited, _) = rest(&quarantine).await;
    assert!(waited <= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn it_can_be_turned_off() {
    let quarantine = Quarantine::new(&Limits { quarantine_after: 0, ..Limits::default() }, 7, |_| {});
    for _ in 0..1000 {
        crash(&quarantine);
    }
    assert_eq!(quarantine.status(), None);
}

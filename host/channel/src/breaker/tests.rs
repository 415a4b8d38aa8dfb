//! The breaker under a paused clock.

use std::sync::Arc;
use std::time::Duration;

use patchbay_model::{Fault, FaultKind};
use tokio::time::{Instant, sleep};

use super::*;

/// A breaker that opens at the third failure, and the news of it.
fn third() -> (Arc<Breaker>, Arc<Mutex<Vec<BreakerNews>>>) {
    let news = Arc::<Mutex<Vec<_>>>::default();
    let told = Arc::clone(&news);
    let settings = BreakerSettings { failures: 3, ..BreakerSettings::default() };
    (Breaker::new(&settings, 7, move |item| told.lock().unwrap().push(item)), news)
}

fn fault(kind: FaultKind) -> Fault {
    Fault::new(kind, "it failed")
}

fn admit(breaker: &Breaker) -> Result<Trial<&Breaker>, Fault> {
    breaker.admit(Instant::now())
}

fn fail(breaker: &Arc<Breaker>) {
    admit(breaker).unwrap().failed(&fault(FaultKind::Trapped), Limit::Operator);
}

/// Waits until a call is let through, which it has to be when the refusals said.
async fn rest(breaker: &Breaker) -> (Duration, Trial<&Breaker>) {
    let begun = Instant::now();
    let refused = admit(breaker).unwrap_err();
    assert_eq!(refused.kind(), FaultKind::Unavailable);
    sleep(refused.retry_after().unwrap()).await;
    (begun.elapsed(), admit(breaker).unwrap())
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_open_it_for_longer_and_longer() {
    let (breaker, news) = third();
    for _ in 0..3 {
        fail(&breaker);
    }
    let (first, mut trial) = rest(&breaker).await;
    assert_eq!(breaker.status(), Some(BreakerStatus { failures: 3, remaining: Duration::ZERO }));
    trial.failed(&fault(FaultKind::Exhausted), Limit::Operator);
    let (second, mut trial) = rest(&breaker).await;
    assert!(second > first && first > Duration::from_millis(700), "{first:?} {second:?}");
    trial.answered();
    trial.succeeded(Instant::now());
    assert_eq!(breaker.status(), None);
    let kinds: Vec<_> = news.lock().unwrap().iter().map(|item| matches!(item, BreakerNews::Closed)).collect();
    assert_eq!(kinds, [false, false, true]);
    // Nothing is held against it any more.
    fail(&breaker);
    fail(&breaker);
    assert!(admit(&breaker).is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_call_probes_and_the_others_wait_for_it() {
    let (breaker, _) = third();
    for _ in 0..3 {
        fail(&breaker);
    }
    let (_, trial) = rest(&breaker).await;
    assert_eq!(admit(&breaker).unwrap_err().retry_after(), Some(Duration::ZERO));
    // It says nothing about the revision: the next ones may go on, until one crashes.
    drop(trial);
    let (mut one, mut other) = (admit(&breaker).unwrap(), admit(&breaker).unwrap());
    one.failed(&fault(FaultKind::Deadline), Limit::Caller);
    assert!(admit(&breaker).is_ok());
    other.failed(&fault(FaultKind::Trapped), Limit::Operator);
    assert!(admit(&breaker).is_err());
}

#[tokio::test(start_paused = true)]
async fn what_is_no_failure_does_not_count() {
    let (breaker, news) = third();
    for kind in [
        FaultKind::Denied,
        FaultKind::TooLarge,
        FaultKind::Cancelled,
        FaultKind::Overloaded,
        FaultKind::RateLimited,
        FaultKind::Unavailable,
        FaultKind::Internal,
    ] {
        for _ in 0..5 {
            admit(&breaker).unwrap().failed(&fault(kind), Limit::Operator);
        }
    }
    // Nor does the end of the time that the caller had, which was less than the operator allows.
    for _ in 0..5 {
        admit(&breaker).unwrap().failed(&fault(FaultKind::Deadline), Limit::Caller);
    }
    // An instance that is lost is one failure, however many calls shared it; what it called is to blame for itself.
    for _ in 0..5 {
        admit(&breaker).unwrap().failed(&fault(FaultKind::Failed).blamed_on(Blame::Callee), Limit::Operator);
        admit(&breaker).unwrap().failed(&fault(FaultKind::Trapped).blamed_on(Blame::Shared), Limit::Operator);
    }
    for _ in 0..5 {
        fail(&breaker);
        fail(&breaker);
        admit(&breaker).unwrap().succeeded(Instant::now());
    }
    assert!(news.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn calls_that_began_before_it_opened_do_not_keep_it_open() {
    let (breaker, news) = third();
    let mut early: Vec<_> = (0..10).map(|_| admit(&breaker).unwrap()).collect();
    for trial in &mut early {
        trial.failed(&fault(FaultKind::Trapped), Limit::Operator);
    }
    assert_eq!(news.lock().unwrap().len(), 1);
    let (waited, _) = rest(&breaker).await;
    assert!(waited <= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn it_can_be_turned_off() {
    let breaker = Breaker::new(&BreakerSettings { failures: 0, ..BreakerSettings::default() }, 7, |_| {});
    for _ in 0..1000 {
        fail(&breaker);
    }
    assert_eq!(breaker.status(), None);
}

/// A breaker that opens when fewer than half of at least ten calls of ten seconds succeed.
fn half() -> Arc<Breaker> {
    let settings = BreakerSettings {
        failures: 0,
        success_rate: patchbay_model::policy::Share::percent(50).unwrap(),
        min_calls: 10,
        ..BreakerSettings::default()
    };
    Breaker::new(&settings, 7, |_| {})
}

fn succeed(breaker: &Arc<Breaker>) {
    admit(breaker).unwrap().succeeded(Instant::now());
}

#[tokio::test(start_paused = true)]
async fn too_few_successes_open_it() {
    let breaker = half();
    // Too few calls to say anything.
    (0..9).for_each(|_| fail(&breaker));
    sleep(Duration::from_secs(11)).await;
    // Those are forgotten; half of these succeed.
    for _ in 0..20 {
        succeed(&breaker);
        fail(&breaker);
    }
    assert_eq!(breaker.status(), None);
    fail(&breaker);
    assert!(breaker.status().is_some());
    // What ends now and began before does not close it: only the probe does.
    let (_, mut probe) = rest(&breaker).await;
    assert!(admit(&breaker).is_err());
    probe.succeeded(Instant::now());
    // It begins anew, with the call that probed: what opened it is forgotten.
    (0..8).for_each(|_| fail(&breaker));
    assert_eq!(breaker.status(), None);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_began_before_it_opened_does_not_close_it() {
    let (breaker, _) = third();
    let mut early = admit(&breaker).unwrap();
    (0..3).for_each(|_| fail(&breaker));
    early.succeeded(Instant::now());
    assert!(admit(&breaker).is_err());
}

#[tokio::test(start_paused = true)]
async fn it_opens_and_probes_on_schedule_while_everything_fails() {
    let (breaker, _) = third();
    let (begun, mut probes) = (Instant::now(), Vec::new());
    // A call every 10 ms for five minutes, all of which fail.
    while begun.elapsed() < Duration::from_secs(300) {
        if let Ok(mut trial) = admit(&breaker) {
            probes.push(begun.elapsed());
            trial.failed(&fault(FaultKind::Trapped), Limit::Operator);
        }
        sleep(Duration::from_millis(10)).await;
    }
    // Three that open it, then one after each time: of 1, 2, 4 ... 60 seconds, each up to a quarter shorter.
    let pauses: Vec<_> = probes.windows(2).skip(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
    let longest = [1, 2, 4, 8, 16, 32, 60, 60, 60, 60];
    assert!((8..=longest.len()).contains(&pauses.len()), "{pauses:?}");
    for (pause, longest) in pauses.iter().zip(longest) {
        let longest = f64::from(longest);
        assert!((longest * 0.75..longest + 0.011).contains(pause), "{pauses:?}");
    }
}

/// What happens to a call, and what it adds: calls, errors.
type Case<'c> = (&'c dyn Fn(&mut Trial<&Breaker>), (u64, u32));

#[tokio::test(start_paused = true)]
async fn every_call_is_counted_once_and_so_is_every_error() {
    let breaker = Breaker::new(&BreakerSettings { failures: 0, ..BreakerSettings::default() }, 7, |_| {});
    let cases: [Case<'_>; 8] = [
        (&|trial| trial.replied(Some(200), Instant::now()), (1, 0)),
        (&|trial| trial.replied(None, Instant::now()), (1, 0)),
        (&|trial| trial.replied(Some(499), Instant::now()), (1, 0)),
        (&|trial| trial.replied(Some(500), Instant::now()), (1, 1)),
        (&|trial| trial.failed(&fault(FaultKind::Trapped), Limit::Operator), (1, 1)),
        (&|trial| trial.failed(&fault(FaultKind::Deadline), Limit::Caller), (0, 0)),
        (&|trial| trial.failed(&fault(FaultKind::Trapped).blamed_on(Blame::Callee), Limit::Operator), (0, 0)),
        // Its body breaks off after a status that was an error by itself.
        (
            &|trial| {
                trial.replied(Some(503), Instant::now());
                trial.failed(&fault(FaultKind::Trapped), Limit::Operator);
            },
            (1, 1),
        ),
    ];
    for (index, (happens, counted)) in cases.iter().enumerate() {
        let before = breaker.observed().read();
        let mut trial = admit(&breaker).unwrap();
        sleep(Duration::from_millis(10)).await;
        happens(&mut trial);
        drop(trial);
        let after = breaker.observed().read().since(&before);
        assert_eq!((after.calls(), after.errors), *counted, "{index}");
        let took = after.latencies.quantile(1.0);
        assert!(took.is_none_or(|took| took >= Duration::from_millis(10)), "{index}: {took:?}");
    }
}

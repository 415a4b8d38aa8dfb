//! Which failed attempts are followed by another one, and a simulation of what that costs a service that fails.

use patchbay_model::policy::Share;
use proptest::prelude::*;

use super::*;

fn failed(kind: FaultKind) -> Failed {
    Failed { fault: Fault::new(kind, "it failed"), whole: true, repeatable: false, too_slow: false }
}

fn judged(failed: &Failed, attempt: u32) -> Verdict {
    let now = Instant::now();
    let budget = RetryBudget::default();
    judge(failed, (CallId::new(7), attempt), &RetrySettings::default(), &budget, (now, now + Duration::from_secs(5)))
}

fn is_tried_again(failed: &Failed) -> bool {
    matches!(judged(failed, 1), Verdict::Again(_))
}

#[test]
fn only_what_did_not_begin_or_may_run_twice_is_tried_again() {
    use FaultKind::*;
    for kind in [
        NotFound,
        MethodNotAllowed,
        Denied,
        Invalid,
        TooLarge,
        Deadline,
        Overloaded,
        RateLimited,
        Unavailable,
        Exhausted,
        Trapped,
        Failed,
        Loop,
        Cancelled,
        Internal,
    ] {
        let of = |repeatable| super::Failed { repeatable, ..failed(kind) };
        assert!(!is_tried_again(&of(false)), "{kind}: it may have been processed");
        assert_eq!(is_tried_again(&of(true)), matches!(kind, Trapped | Failed | Unavailable), "{kind}");
        let unprocessed = super::Failed { fault: failed(kind).fault.unprocessed(), ..failed(kind) };
        assert_eq!(is_tried_again(&unprocessed), kind == Unavailable, "{kind}");
        let of_callee = super::Failed { fault: failed(kind).fault.blamed_on(Blame::Callee), ..of(true) };
        assert!(!is_tried_again(&of_callee), "{kind}: who is closest to the failure retries");
    }
    let too_slow = super::Failed { too_slow: true, repeatable: true, ..failed(Deadline) };
    assert!(is_tried_again(&too_slow));
    assert!(!is_tried_again(&super::Failed { whole: false, ..too_slow }), "its body is gone");
}

#[test]
fn attempts_and_time_are_bounded() {
    let failed = Failed { repeatable: true, ..failed(FaultKind::Trapped) };
    assert!(matches!(judged(&failed, 2), Verdict::Again(_)));
    assert_eq!(judged(&failed, 3), Verdict::Tell);
    let late = |fault: Fault, left: Duration| {
        let now = Instant::now();
        let failed = Failed { fault, whole: true, repeatable: true, too_slow: false };
        judge(&failed, (CallId::new(7), 1), &RetrySettings::default(), &RetryBudget::default(), (now, now + left))
    };
    let wait = |millis| failed.fault.clone().with_retry_after(Duration::from_millis(millis));
    assert_eq!(late(wait(200), Duration::from_secs(1)), Verdict::Again(Duration::from_millis(200)));
    assert_eq!(late(wait(200), Duration::from_millis(200)), Verdict::Tell);
    assert_eq!(late(wait(251), Duration::from_secs(1)), Verdict::Tell, "longer than `max_backoff`");
}

#[test]
fn pauses_are_spread_over_all_of_a_time_that_doubles() {
    let failed = Failed { repeatable: true, ..failed(FaultKind::Trapped) };
    let settings = RetrySettings { attempts: 10, ..RetrySettings::default() };
    let now = Instant::now();
    for (attempt, longest) in [(1, 25), (2, 50), (3, 100), (4, 200), (5, 250), (9, 250)] {
        let pauses: Vec<_> = (0..100)
            .map(|id| {
                let budget = RetryBudget::default();
                let times = (now, now + Duration::from_secs(5));
                match judge(&failed, (CallId::new(id), attempt), &settings, &budget, times) {
                    Verdict::Again(pause) => pause,
                    other => panic!("{other:?}"),
                }
            })
            .collect();
        let longest = Duration::from_millis(longest);
        assert!(pauses.iter().all(|pause| *pause < longest), "{attempt}: {pauses:?}");
        let n_short = pauses.iter().filter(|pause| **pause < longest / 2).count();
        assert!((30..=70).contains(&n_short), "{attempt}: {n_short} of 100 are short");
    }
}

/// A minute of a service of which a share of the calls fails: attempts, calls, and those calls that failed in the end.
fn simulated(per_second: u32, failing: f64, settings: &RetrySettings) -> (u32, u32, u32) {
    let (begun, budget) = (Instant::now(), RetryBudget::default());
    let (mut attempts, mut calls, mut lost) = (0, 0, 0);
    for number in 0..per_second * 60 {
        let now = begun + Duration::from_secs(1) / per_second * number;
        let id = CallId::new(number.into());
        budget.call(now);
        calls += 1;
        for attempt in 1.. {
            attempts += 1;
            let luck = (chance(99, number * 16 + attempt) >> 11) as f64 / (1_u64 << 53) as f64;
            if luck >= failing {
                break;
            }
            let failed = Failed { repeatable: true, ..failed(FaultKind::Trapped) };
            let times = (now, now + Duration::from_secs(5));
            if !matches!(judge(&failed, (id, attempt), settings, &budget, times), Verdict::Again(_)) {
                lost += 1;
                break;
            }
        }
    }
    (attempts, calls, lost)
}

#[test]
fn a_service_that_fails_four_of_five_calls_sees_no_more_than_the_budget_on_top() {
    for per_second in [10, 100, 1000, 5000] {
        let settings = RetrySettings::default();
        let (attempts, calls, _) = simulated(per_second, 0.8, &settings);
        let extra = attempts - calls;
        // The floor is counted over ten seconds, and the first ten of them may spend it at once.
        let allowed = calls / 5 + settings.budget_floor * 70;
        assert!(extra <= allowed, "{extra} of {allowed} at {per_second}/s");
        // Without a budget it would see more than twice its calls.
        let generous = RetrySettings { budget: Share::percent(100).unwrap(), budget_floor: 1_000_000, ..settings };
        let (attempts, calls, _) = simulated(per_second, 0.8, &generous);
        assert!(attempts > calls * 2, "{attempts} of {calls}");
    }
}

#[test]
fn a_service_that_fails_rarely_seems_not_to_fail() {
    let (_, calls, lost) = simulated(1000, 0.02, &RetrySettings::default());
    assert!(lost <= calls / 20_000, "{lost} of {calls}");
}

proptest! {
    /// Whatever the settings: a pause is never longer than `max_backoff`, and never ends after the deadline.
    #[test]
    fn pauses_end_in_time(id: u64, attempt in 1_u32..10, backoff in 1_u64..1000, left in 0_u64..1000) {
        let settings = RetrySettings {
            attempts: 10,
            backoff: Duration::from_millis(backoff),
            max_backoff: Duration::from_millis(backoff * 3),
            ..RetrySettings::default()
        };
        let failed = Failed { repeatable: true, ..failed(FaultKind::Trapped) };
        let (now, left) = (Instant::now(), Duration::from_millis(left));
        let verdict = judge(&failed, (CallId::new(id), attempt), &settings, &RetryBudget::default(), (now, now + left));
        if let Verdict::Again(pause) = verdict {
            prop_assert!(pause < left && pause <= settings.max_backoff);
        }
    }
}

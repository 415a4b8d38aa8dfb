//! Tables of what becomes of canaries.

use patchbay_model::traffic::{CanaryRules, TrafficShare};

use super::*;

fn sample(calls: u64, errors: u64, p99: u64) -> Sample {
    Sample { calls, errors, p50: None, p99: Some(Duration::from_millis(p99)) }
}

fn plan(rules: CanaryRules) -> CanaryPlan {
    let steps = [5, 50].into_iter().filter_map(TrafficShare::percent).collect();
    let minute = Duration::from_secs(60);
    CanaryPlan { steps, bake: minute, prolong: minute, rules, ..CanaryPlan::default() }
}

/// What follows in a step that has lasted for so many seconds: what it waits for then, and what is done.
fn after(plan: &CanaryPlan, (step, seconds): (u32, u64), phase: Phase, event: &Event) -> (u32, Phase, Option<Action>) {
    // A third of the time was before a restart of the host.
    let used = Duration::from_secs(seconds / 3);
    let begun = Instant::now();
    let position = Position { phase, ..Position::at(step, begun, used) };
    let now = begun + Duration::from_secs(seconds) - used;
    assert_eq!(position.baked(now).as_secs(), seconds);
    let (position, action) = next(plan, &position, event, now);
    if position.step > step {
        assert_eq!(position.baked(now), Duration::ZERO, "a step begins when the one before it ends");
    } else {
        assert_eq!((position.begun, position.used), (begun, used));
    }
    (position.step, position.phase, action)
}

fn looked(candidate: Sample, stable: Sample) -> Event {
    Event::Looked { errors: u32::try_from(candidate.errors).unwrap(), candidate, stable }
}

fn reason(action: &Option<Action>) -> (&'static str, &str) {
    match action {
        None => ("stay", ""),
        Some(Action::Advance(reason)) => ("advance", reason),
        Some(Action::Tell(reason)) => ("tell", reason),
        Some(Action::Promote) => ("promote", ""),
        Some(Action::Abort(reason)) => ("abort", reason),
    }
}

#[tokio::test(start_paused = true)]
async fn steps_follow_each_other_while_all_goes_well() {
    let well = looked(sample(200, 1, 10), sample(900, 3, 10));
    let (automatic, manual) =
        (plan(CanaryRules::default()), CanaryPlan { manual: true, ..plan(CanaryRules::default()) });
    for (plan, place, wanted, step) in [
        (&automatic, (0, 0), "stay", 0),
        (&automatic, (0, 59), "stay", 0),
        (&automatic, (0, 60), "advance", 1),
        (&automatic, (1, 59), "stay", 1),
        (&automatic, (1, 60), "promote", 1),
        (&manual, (0, 60), "advance", 1),
        (&manual, (1, 60), "tell", 1),
    ] {
        let (next, phase, action) = after(plan, place, Phase::Baking, &well);
        assert_eq!((reason(&action).0, next), (wanted, step), "{place:?} {action:?}");
        assert_eq!(matches!(phase, Phase::Waiting(_)), wanted == "tell");
    }
    // Somebody has to decide by now, and everything is still held against the rules.
    let waiting = Phase::Waiting("because".to_owned());
    assert_eq!(after(&manual, (1, 999), waiting.clone(), &well), (1, waiting.clone(), None));
    let badly = looked(sample(200, 10, 10), sample(900, 3, 10));
    assert_eq!(reason(&after(&manual, (1, 999), waiting, &badly).2).0, "abort");
}

#[tokio::test(start_paused = true)]
async fn what_breaks_a_rule_is_over_at_once() {
    let share = |text: &str| Some(text.parse::<TrafficShare>().unwrap());
    let none = CanaryRules { max_error_increase: None, min_calls: 100, ..CanaryRules::default() };
    let rate = CanaryRules { max_error_rate: share("2%"), ..none };
    let increase = CanaryRules { max_error_increase: share("1%"), ..none };
    let p99 = CanaryRules { max_p99: Some("1.5x".parse().unwrap()), ..none };
    let budget = CanaryRules { max_errors: Some(5), ..none };
    for (rules, candidate, stable, wanted) in [
        (&none, sample(200, 200, 999), sample(900, 0, 1), "stay"),
        (&rate, sample(200, 4, 10), sample(0, 0, 0), "stay"),
        (
            &rate,
            sample(200, 5, 10),
            sample(0, 0, 0),
            "abort: 2.50% of its calls were errors, and `max_error_rate` is 2%",
        ),
        (&rate, sample(99, 99, 10), sample(900, 0, 10), "stay"),
        (&increase, sample(100, 2, 10), sample(100, 1, 10), "stay"),
        (
            &increase,
            sample(100, 3, 10),
            sample(100, 1, 10),
            "abort: 3.00% of its calls were errors, 1.00% of those of the stable revision, and `max_error_increase` is 1%",
        ),
        (&increase, sample(100, 50, 10), sample(99, 0, 10), "stay"),
        (&increase, sample(100, 50, 10), sample(100, 50, 10), "stay"),
        (&p99, sample(100, 0, 15), sample(100, 0, 10), "stay"),
        (
            &p99,
            sample(100, 0, 16),
            sample(100, 0, 10),
            "abort: its p99 was 16ms, that of the stable revision 10ms, and `max_p99` is 1.5x",
        ),
        (&p99, sample(99, 0, 99), sample(100, 0, 10), "stay"),
        (&budget, sample(9, 4, 10), sample(0, 0, 0), "stay"),
        (&budget, sample(9, 5, 10), sample(0, 0, 0), "abort: it has cost 5 errors, and `max_errors` is 5"),
    ] {
        let (_, _, action) =
            after(&plan(rules.clone()), (0, 1), Phase::Baking, &looked(candidate.clone(), stable.clone()));
        let told = match reason(&action) {
            (what, "") => what.to_owned(),
            (what, why) => format!("{what}: {why}"),
        };
        assert_eq!(told, wanted, "{rules:?} {candidate:?} {stable:?}");
    }
    let (_, _, action) = after(&plan(none), (0, 0), Phase::Baking, &Event::BreakerOpened);
    assert_eq!(reason(&action), ("abort", "its breaker opened: its calls kept failing"));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_promoted_that_too_few_have_called() {
    let plan = plan(CanaryRules::default());
    let few = looked(sample(99, 0, 10), sample(900, 0, 10));
    let lonely = looked(sample(100, 0, 10), sample(99, 0, 10));
    for step in [0, 1] {
        for event in [&few, &lonely] {
            assert_eq!(after(&plan, (step, 59), Phase::Baking, event), (step, Phase::Baking, None));
            let (_, phase, action) = after(&plan, (step, 60), Phase::Baking, event);
            assert_eq!((phase, reason(&action).0), (Phase::Prolonged, "tell"));
            assert_eq!(after(&plan, (step, 119), Phase::Prolonged, event), (step, Phase::Prolonged, None));
            let (_, phase, action) = after(&plan, (step, 120), Phase::Prolonged, event);
            assert!(matches!(&phase, Phase::Waiting(why) if why.contains("tell enough")), "{phase:?}");
            assert_eq!(reason(&action).0, "tell");
        }
    }
    // They come in time after all.
    let enough = looked(sample(100, 0, 10), sample(900, 0, 10));
    let (step, phase, action) = after(&plan, (0, 90), Phase::Prolonged, &enough);
    assert_eq!((step, phase, reason(&action).0), (1, Phase::Baking, "advance"));
}

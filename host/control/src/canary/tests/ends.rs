//! How canaries end otherwise than well.

use tokio::task::JoinSet;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_bad_candidate_costs_no_more_errors_than_it_may() {
    for (config, answer) in [
        (&[("version", "2"), ("fails", "call"), ("delay", "0.3")], "trapped"),
        (&[("version", "2"), ("status", "503"), ("delay", "0.3")], "503 2"),
    ] {
        for max_errors in [1, 5, 40] {
            let bench = Arc::new(Bench::with_orders_serving().await);
            let rules = CanaryRules { max_errors: Some(max_errors), ..CanaryRules::default() };
            bench.start_with(config, CanaryPlan { rules, ..plan() }).await.unwrap();
            // Twenty callers at a time, and all that meet the candidate wait for an answer that is an error.
            let mut callers = JoinSet::new();
            for _ in 0..20 {
                let bench = Arc::clone(&bench);
                callers.spawn(async move { bench.callers(Duration::from_secs(20)).await });
            }
            let mut all = Answers::new();
            while let Some(answers) = callers.join_next().await {
                for (answer, n) in answers.unwrap() {
                    *all.entry(answer).or_default() += n;
                }
            }
            assert_eq!(all.get(answer), Some(&max_errors), "{all:?}");
            assert_eq!(all.len(), 2, "nobody else noticed: {all:?}");
            assert_eq!(bench.kinds(), [EventKind::CanaryStarted, EventKind::CanaryAborted]);
            let (_, told) = bench.canary_news().pop().unwrap();
            assert!(told.contains(&format!("it has cost {max_errors} errors")), "{told}");
            // What was deployed for the canary is forgotten with it.
            assert_eq!(bench.revisions(), (Some(1), vec![1], false));
            let last = bench.control.service(&orders()).unwrap().last_canary.unwrap();
            assert_eq!((last.promoted, last.errors), (false, max_errors));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rules_end_a_canary_before_its_time() {
    let rules = |change: fn(&mut CanaryRules)| {
        let mut rules = CanaryRules { max_error_increase: None, min_calls: 20, ..CanaryRules::default() };
        change(&mut rules);
        rules
    };
    for (config, rules, why) in [
        (
            &[("fails", "call")],
            rules(|rules| rules.max_error_rate = TrafficShare::percent(5)),
            "`max_error_rate` is 5%",
        ),
        (
            &[("status", "500")],
            rules(|rules| rules.max_error_increase = TrafficShare::percent(1)),
            "`max_error_increase` is 1%",
        ),
        (&[("delay", "0.05")], rules(|rules| rules.max_p99 = "1.5x".parse().ok()), "`max_p99` is 1.5x"),
    ] {
        let bench = Bench::with_orders_serving().await;
        bench.start_with(config, CanaryPlan { rules, ..plan() }).await.unwrap();
        bench.callers(Duration::from_secs(20)).await;
        let (kind, told) = bench.canary_news().pop().unwrap();
        assert!(kind == EventKind::CanaryAborted && told.contains(why), "{kind:?} {told}");
        assert_eq!(bench.callers(Duration::from_secs(2)).await, [("1".to_owned(), 20)].into());
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_breaker_is_the_end_at_once() {
    let bench = Bench::with_orders_serving().await;
    let mut request = bench.candidate(&[("fails", "call")], plan());
    if let CanarySource::New { settings, .. } = &mut request.source {
        settings.breaker.failures = 3;
    }
    bench.control.start_canary(request).finished().await.unwrap();
    let answers = bench.callers(Duration::from_secs(30)).await;
    assert_eq!(answers.get("trapped"), Some(&3), "{answers:?}");
    assert_eq!(answers.len(), 2, "nobody met the open breaker: {answers:?}");
    let (kind, told) = bench.canary_news().pop().unwrap();
    assert!(kind == EventKind::CanaryAborted && told.contains("its breaker opened"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_down_stops_no_canary_from_stopping() {
    let rules = CanaryRules { max_errors: Some(2), ..CanaryRules::default() };
    for (failures, rules) in [(0, rules), (2, CanaryRules { min_calls: 10_000, ..CanaryRules::default() })] {
        let bench = Bench::with_orders_serving().await;
        let mut request = bench.candidate(&[("fails", "call")], CanaryPlan { rules, ..plan() });
        if let CanarySource::New { settings, .. } = &mut request.source {
            settings.breaker.failures = failures;
        }
        bench.control.start_canary(request).finished().await.unwrap();
        bench.registry.fails.store(true, std::sync::atomic::Ordering::Relaxed);
        let answers = bench.callers(Duration::from_secs(30)).await;
        assert_eq!(answers.get("trapped"), Some(&2), "{answers:?}");
        assert_eq!(answers.len(), 2, "nobody met the open breaker: {answers:?}");
        assert_eq!(bench.control.canary(&orders()).unwrap().phase, CanaryPhase::Halted);
        bench.registry.fails.store(false, std::sync::atomic::Ordering::Relaxed);
        sleep(Duration::from_secs(2)).await;
        assert_eq!(bench.revisions(), (Some(1), vec![1], false));
    }
}

#[tokio::test(start_paused = true)]
async fn other_changes_respect_it_or_end_it() {
    let bench = Bench::with_orders_serving().await;
    bench.start_with(&[("version", "2")], plan()).await.unwrap();
    for refused in [bench.deploy_version("3", false).await, bench.start_with(&[("version", "3")], plan()).await] {
        let error = refused.unwrap_err();
        assert_eq!(error.kind, ChangeErrorKind::Conflict);
        assert!(error.message.contains("patchbay canary abort orders"), "{error}");
    }
    assert_eq!(bench.revisions(), (Some(1), vec![1, 2], true));

    bench.deploy_version("3", true).await.unwrap();
    assert_eq!(bench.revisions(), (Some(3), vec![1, 3], false));
    // A retained revision that is tried stays one.
    let source = CanarySource::Retained(RevisionNumber::FIRST);
    let request = CanaryRequest { service: orders(), source, plan: plan() };
    bench.control.start_canary(request.clone()).finished().await.unwrap();
    bench.control.abort_canary(&orders()).finished().await.unwrap();
    assert_eq!(bench.revisions(), (Some(3), vec![1, 3], false));
    bench.control.start_canary(request).finished().await.unwrap();
    bench.control.rollback(&orders()).finished().await.unwrap();
    assert_eq!(bench.revisions(), (Some(1), vec![1, 3], false));

    bench.start_with(&[("version", "4")], plan()).await.unwrap();
    bench.control.remove(&orders()).finished().await.unwrap();
    assert!(bench.control.service(&orders()).is_none());
    let promoted = bench.control.promote_canary(&orders()).finished().await;
    let aborted = bench.control.abort_canary(&orders()).finished().await;
    for nothing in [promoted, aborted] {
        assert_eq!(nothing.unwrap_err().kind, ChangeErrorKind::NotFound);
    }
    sleep(Duration::from_secs(60)).await;
    assert_eq!(bench.control.usage().components, 0, "all of them are let go of");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_tried_is_refused() {
    let bench = Bench::new();
    let alone = bench.start_with(&[("version", "1")], plan()).await.unwrap_err();
    assert_eq!(alone.kind, ChangeErrorKind::NotFound);
    let bench = Bench::with_orders_serving().await;
    let steps = vec![share("100%")];
    for (config, plan, why) in [
        (vec![("fails", "warm")], plan(), "no instance of the component can be made"),
        (vec![("fails", "compile")], plan(), "acme:weather/forecast"),
        (vec![("version", "2")], CanaryPlan { steps, ..plan() }, "`steps` must grow"),
    ] {
        let error = bench.start_with(&config, plan).await.unwrap_err();
        assert!(error.kind == ChangeErrorKind::Refused && error.message.contains(why), "{error}");
    }
    let itself = CanarySource::Retained(RevisionNumber::FIRST);
    let request = CanaryRequest { service: orders(), source: itself, plan: plan() };
    let error = bench.control.start_canary(request).finished().await.unwrap_err();
    assert!(error.message.contains("serves already"), "{error}");
    assert_eq!(bench.revisions(), (Some(1), vec![1], false));
}

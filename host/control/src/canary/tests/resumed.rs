//! Canaries outlive the host that began them.

use super::*;

impl Bench {
    /// The host that comes after this one, up.
    async fn next(&self) -> Self {
        let next = self.restarted();
        next.control.start(Vec::new(), |_, _| {}).await.unwrap();
        next
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_host_goes_on_where_the_last_one_was() {
    let bench = Bench::with_orders_serving().await;
    let rules = CanaryRules { max_errors: Some(3), ..plan().rules };
    let plan = CanaryPlan { steps: vec![share("10%"), share("50%")], rules, ..plan() };
    bench.start_with(&[("version", "2")], plan).await.unwrap();
    bench.callers(Duration::from_secs(100)).await;
    let before = bench.control.canary(&orders()).unwrap();
    assert_eq!(before.step, 1);
    bench.control.stop(Duration::from_secs(5)).await;
    sleep(Duration::from_secs(3600)).await;

    let next = bench.next().await;
    let view = next.control.canary(&orders()).unwrap();
    assert_eq!((view.step, view.share, view.candidate.calls), (1, share("50%"), 0));
    let lost = before.baked.saturating_sub(view.baked);
    assert!(view.baked >= Duration::from_secs(30) && lost < Duration::from_secs(2), "{:?}", view.baked);
    // What is left of the time of the step is enough, if there are calls enough.
    let answers = next.callers(Duration::from_secs(35)).await;
    assert!(answers["2"] > 100, "{answers:?}");
    assert_eq!(next.kinds(), [EventKind::CanaryResumed, EventKind::CanaryPromoted]);
    assert_eq!(next.revisions(), (Some(2), vec![1, 2], false));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_was_killed_has_forgotten_little() {
    let bench = Bench::with_orders_serving().await;
    bench.start_with(&[("version", "2")], plan()).await.unwrap();
    bench.callers(Duration::from_secs(45)).await;
    // It is not stopped: what it last wrote down is all there is.
    let next = bench.next().await;
    let baked = next.control.canary(&orders()).unwrap().baked;
    assert!((35..=45).contains(&baked.as_secs()), "{baked:?}");
}

#[tokio::test(start_paused = true)]
async fn errors_of_earlier_runs_are_paid_for() {
    let bench = Bench::with_orders_serving().await;
    let rules =
        CanaryRules { max_errors: Some(8), max_error_increase: None, min_calls: 1000, ..CanaryRules::default() };
    bench.start_with(&[("version", "2"), ("fails", "call")], CanaryPlan { rules, ..plan() }).await.unwrap();
    let mut paid = 0;
    while paid < 5 {
        paid += u32::from(bench.ask_with(None).await == "trapped");
    }
    bench.control.stop(Duration::from_secs(5)).await;
    let next = bench.next().await;
    assert_eq!(next.control.canary(&orders()).unwrap().errors, 5);
    let answers = next.callers(Duration::from_secs(30)).await;
    assert_eq!(answers.get("trapped"), Some(&3), "{answers:?}");
    assert_eq!(next.kinds(), [EventKind::CanaryResumed, EventKind::CanaryAborted]);
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_is_lost_ends_it() {
    let bench = Bench::with_orders_serving().await;
    let request = bench.candidate(&[("version", "2")], plan());
    let CanarySource::New { component, .. } = request.source else { unreachable!() };
    bench.control.start_canary(request).finished().await.unwrap();
    bench.components.lose(&component);
    let next = bench.next().await;
    assert_eq!(next.revisions(), (Some(1), vec![1], false));
    assert_eq!(next.kinds(), [EventKind::CanaryAborted]);
    assert_eq!(next.ask_with(None).await, "1");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_edited_meanwhile_wins() {
    let bench = Bench::with_orders_serving().await;
    bench.start_with(&[("version", "2")], plan()).await.unwrap();
    let next = bench.restarted();
    let request = next.request("orders", "9", &[("version", "9")]);
    let declared = crate::DeclaredService {
        name: request.service,
        component: patchbay_model::ports::StoredComponent { digest: request.component, size: 1 },
        settings: request.settings,
        routes: Vec::new(),
        places: crate::Places::default(),
    };
    next.control.start(vec![declared], |_, _| {}).await.unwrap();
    assert_eq!(next.ask_with(None).await, "9");
    assert_eq!(next.revisions(), (Some(3), vec![1, 3], false));
}

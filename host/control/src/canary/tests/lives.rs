//! What a canary is while it is under way.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_good_candidate_is_promoted_step_by_step() {
    let bench = Bench::with_orders_serving().await;
    let plan = CanaryPlan { steps: vec![share("10%"), share("50%")], ..plan() };
    let outcome = bench.start_with(&[("version", "2")], plan).await.unwrap();
    let started = Outcome::CanaryStarted {
        revision: "orders@2".parse().unwrap(),
        stable: "orders@1".parse().unwrap(),
        share: share("10%"),
        mirrored: None,
    };
    assert_eq!(outcome, started);
    assert_eq!(bench.revisions(), (Some(1), vec![1, 2], true));

    let minute = Duration::from_secs(59);
    let first = bench.callers(minute).await;
    assert!((30..=90).contains(&first["2"]) && first["1"] + first["2"] == 590, "{first:?}");
    let second = bench.callers(minute).await;
    assert!((200..=400).contains(&second["2"]), "{second:?}");
    bench.callers(Duration::from_secs(5)).await;
    assert_eq!(bench.callers(minute).await, [("2".to_owned(), 590)].into());

    let kinds = [EventKind::CanaryStarted, EventKind::CanaryAdvanced, EventKind::CanaryPromoted];
    assert_eq!(bench.kinds(), kinds);
    assert_eq!(bench.revisions(), (Some(2), vec![1, 2], false));
    let last = bench.control.service(&orders()).unwrap().last_canary.unwrap();
    assert!(last.promoted && last.errors == 0, "{last:?}");
    // The way back is the one that it always is.
    bench.control.rollback(&orders()).finished().await.unwrap();
    assert_eq!(bench.ask_with(None).await, "1");
}

#[tokio::test(start_paused = true)]
async fn what_is_seen_of_it_are_its_numbers() {
    let bench = Bench::with_orders_serving().await;
    bench.start_with(&[("version", "2"), ("delay", "0.02")], CanaryPlan { manual: true, ..plan() }).await.unwrap();
    let answers = bench.callers(Duration::from_secs(30)).await;
    let view = bench.control.canary(&orders()).unwrap();
    assert_eq!((view.step, view.share, &view.phase), (0, share("50%"), &CanaryPhase::Baking));
    assert_eq!(view.candidate.calls, u64::from(answers["2"]));
    assert_eq!(view.stable.calls, u64::from(answers["1"]));
    let p99 = view.candidate.p99.unwrap();
    assert!(p99 >= Duration::from_millis(20) && p99 <= Duration::from_millis(23), "{p99:?}");
    assert!(view.baked >= Duration::from_secs(29), "{:?}", view.baked);
    bench.callers(Duration::from_secs(60)).await;
    let phase = bench.control.canary(&orders()).unwrap().phase;
    assert!(matches!(&phase, CanaryPhase::Waiting(why) if why.contains("waits to be promoted")), "{phase:?}");
    assert_eq!(bench.revisions(), (Some(1), vec![1, 2], true));
    let outcome = bench.control.promote_canary(&orders()).finished().await.unwrap();
    assert!(matches!(outcome, Outcome::Activated { replaced: Some(_), calls_cut: 0, .. }), "{outcome:?}");
    assert_eq!(bench.revisions(), (Some(2), vec![1, 2], false));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_promoted_that_nobody_calls() {
    let bench = Bench::with_orders_serving().await;
    bench.start_with(&[("version", "2")], plan()).await.unwrap();
    sleep(Duration::from_secs(3600)).await;
    let phase = bench.control.canary(&orders()).unwrap().phase;
    assert!(matches!(&phase, CanaryPhase::Waiting(why) if why.contains("0 calls")), "{phase:?}");
    assert_eq!(bench.kinds(), [EventKind::CanaryStarted, EventKind::CanaryWaits, EventKind::CanaryWaits]);
    assert_eq!(bench.revisions().0, Some(1));
}

#[tokio::test(start_paused = true)]
async fn pins_and_cookies_say_who_meets_the_candidate() {
    let bench = Bench::with_orders_serving().await;
    let traffic = TrafficSettings {
        pins: vec!["header:x-canary=always".parse().unwrap()],
        sticky: Some("cookie".parse().unwrap()),
    };
    bench.start_with(&[("version", "2")], CanaryPlan { traffic: Some(traffic), manual: true, ..plan() }).await.unwrap();
    for _ in 0..20 {
        assert_eq!(bench.ask_with(Some(("x-canary", "always"))).await, "2");
    }
    let mut versions = Answers::new();
    for _ in 0..40 {
        let mut reply = bench.send(None).await.unwrap();
        let cookie = reply.headers_mut().remove("set-cookie").unwrap();
        let pair = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        let body = reply.into_body().collect().await.unwrap().to_bytes();
        let version = String::from_utf8(body.to_vec()).unwrap();
        // Who comes again is answered by the same, and given no other cookie.
        let again = bench.send(Some(("cookie", &pair))).await.unwrap();
        assert_eq!(again.headers().get("set-cookie"), None::<&HeaderValue>);
        assert_eq!(bench.ask_with(Some(("cookie", &pair))).await, version);
        *versions.entry(version).or_default() += 1;
    }
    assert!(versions["1"] > 5 && versions["2"] > 5, "{versions:?}");
    bench.control.abort_canary(&orders()).finished().await.unwrap();
    assert!(!bench.send(None).await.unwrap().headers().contains_key("set-cookie"));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_the_candidate_did_not_begin_is_the_stable_revisions() {
    let bench = Bench::new();
    let mut request = bench.request("orders", "1", &[("version", "1")]);
    request.routes = Some(vec!["/*".parse().unwrap()]);
    // What is handed over is kept for a second attempt only where the call may run twice.
    request.settings.retry.idempotent = vec!["GET".parse().unwrap()];
    bench.control.deploy(request).finished().await.unwrap();
    let pins = vec!["header:x-canary=always".parse().unwrap()];
    let traffic = TrafficSettings { pins, sticky: None };
    let plan = CanaryPlan { traffic: Some(traffic), ..plan() };
    bench.start_with(&[("version", "2"), ("fails", "unbegun")], plan).await.unwrap();
    for _ in 0..20 {
        assert_eq!(bench.ask_with(Some(("x-canary", "always"))).await, "1");
        // Second attempts have a budget.
        sleep(Duration::from_secs(1)).await;
    }
    let view = bench.control.canary(&orders()).unwrap();
    assert_eq!((view.candidate.calls, view.stable.calls, view.errors), (0, 20, 0));
}

#[tokio::test(start_paused = true)]
async fn messages_count_in_the_share_and_are_pinned_by_nothing() {
    use patchbay_channel::{Arrival, MessagePayload, call};
    use patchbay_model::bus::Message;
    let bench = Bench::with_orders_serving().await;
    bench.start_with(&[("version", "2")], plan()).await.unwrap();
    let entry = bench.control.snapshot.load().service(&orders()).cloned().unwrap();
    for number in 0..400_u32 {
        let arrival =
            Arrival::from_outside(bench.control.new_call(), Principal::Host, bench.control.tracer.follow(None));
        let message = Message {
            topic: "shop.orders".parse().unwrap(),
            id: number.to_string(),
            source: "/".to_owned(),
            kind: "Ordered".to_owned(),
            time: std::time::UNIX_EPOCH,
            subject: None,
            content_type: None,
            data_schema: None,
            extensions: Vec::new(),
            headers: Vec::new(),
            reply_to: None,
            data: number.to_string().into(),
        };
        let payload = MessagePayload::new(Arc::new(message), "orders".into(), 1);
        call(&bench.control.routed(entry.lend()), &arrival, payload).await.unwrap();
    }
    let deliveries = bench.executor.deliveries.lock().unwrap();
    let of_candidate = deliveries.iter().filter(|delivery| delivery.ends_with(" 2")).count();
    assert!((140..=260).contains(&of_candidate), "{of_candidate}");
    assert_eq!(bench.control.canary(&orders()).unwrap().candidate.calls, of_candidate as u64);
}

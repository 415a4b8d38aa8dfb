//! What the channel does for and against calls when their target misbehaves: slow, trapping, flapping, busy or gone; and who
//! may call at all.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{Host, eventually, marked, service};

/// A service that calls another one by contract, with these settings of each.
fn pair(caller: &str, callee: &str) -> String {
    let callee = service("callee", "callee", callee);
    callee + &service("caller", "caller", &format!("routes = [\"/*\"]\n{caller}"))
}

/// What the policies of a service have counted.
async fn counts(host: &Host, name: &str) -> Value {
    host.admin_get(&format!("/v1/services/{name}")).await["counts"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_run_twice_is_tried_again_on_another_instance() {
    let settings = "routes = [\"/*\"]\ninstances = \"reuse\"\nretry = { idempotent = [\"test:inside/calls.flaky\"] }";
    let host = Host::start(&service("flapping", "insider", settings)).await;
    let call = async |call: &str| host.cli(&["call", "flapping", call]).await;
    assert_eq!(call("flaky(2)").await.1.trim(), "2");
    assert_eq!(call("flaky(3)").await.1.trim(), "3");
    let (code, _, stderr) = call("flaky(4)").await;
    assert!(code == 1 && stderr.contains("trapped"), "{stderr}");
    assert_eq!(counts(&host, "flapping").await["retries"], 1 + 2 + 2);
    // One attempt, where that is what is wanted.
    let (status, outcome) =
        host.deploy("flapping", marked("insider", "1"), json!({ "retry": { "attempts": 1 } })).await;
    assert_eq!(status, 200, "{outcome}");
    assert_eq!(call("flaky(2)").await.0, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_attempt_gives_way_to_another_one() {
    let retry = "retry = { idempotent = [\"test:inside/calls.slow-first\"], attempt_timeout = \"300ms\" }";
    let host = Host::start(&service("slow", "insider", &format!("routes = [\"/*\"]\n{retry}"))).await;
    let begun = Instant::now();
    let (code, stdout, stderr) = host.cli(&["call", "slow", "slow-first(60000)"]).await;
    assert_eq!((code, stdout.trim()), (0, "2"), "{stderr}");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_of_a_target_that_always_fails_stay_within_the_budget() {
    let settings = "routes = [\"/*\"]\nbreaker.failures = 0\n\
        retry = { idempotent = [\"test:inside/calls.flaky\"], budget_floor = 1, backoff = \"1ms\" }";
    let host = Host::start(&service("failing", "insider", settings)).await;
    for _ in 0..40 {
        let reply = host.post("/v1/services/failing/call", json!({ "function": "flaky", "arguments": [9] })).await;
        assert_eq!(reply.0, 500, "{}", reply.1);
    }
    let counts = counts(&host, "failing").await;
    let (retries, refused) = (counts["retries"].as_u64().unwrap(), counts["retries_refused"].as_u64().unwrap());
    // 20% of 40 calls, and one per second for ten seconds.
    assert!((1..=18).contains(&retries), "{counts}");
    assert!(refused >= 20, "{counts}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_breaker_counts_what_the_operator_calls_a_failure() {
    let breaker = "timeout = \"200ms\"\nbreaker = { failures = 3, open = \"30s\" }";
    let host = Host::start(&pair("", breaker)).await;
    // A caller that does not wait long enough says nothing about the callee.
    for _ in 0..4 {
        let (code, _, stderr) = host.cli(&["call", "callee", "spin()", "--deadline", "50ms"]).await;
        assert!(code == 1 && stderr.contains("deadline"), "{stderr}");
    }
    assert_eq!(host.ask("/add?1,2").await, (200, "3".to_owned()));
    // What it answers, be it an error, neither.
    for _ in 0..4 {
        assert_eq!(host.ask("/reserve?coffee,1").await.0, 200);
    }
    for _ in 0..3 {
        assert_eq!(host.ask("/spin").await.0, 504);
    }
    let begun = Instant::now();
    assert_eq!(host.ask("/add?1,2").await.0, 503);
    assert!(begun.elapsed() < Duration::from_secs(5));
    let (_, page, _) = host.cli(&["inspect", "callee"]).await;
    assert!(page.contains("breaker") && page.contains("3 calls in a row failed"), "{page}");
    assert!(page.contains("broken off 1"), "{page}");
    // The breaker belongs to the revision: the caller's own is closed, and another callee starts clean.
    assert_eq!(host.admin_get("/v1/services/caller").await["breaker"], Value::Null);
    assert_eq!(host.deploy("callee", marked("callee", "b"), json!({})).await.0, 200);
    assert_eq!(host.ask("/add?1,2").await, (200, "3".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_kept_and_callers_are_told_when_to_come_again() {
    let host = Host::start(&service("probe", "probe", "routes = [\"/*\"]\nrate = \"1/30s burst 2\"")).await;
    assert_eq!([host.ask("/version").await.0, host.ask("/version").await.0], [200, 200]);
    let reply = host.get("/version").await;
    assert_eq!(reply.status(), 429);
    let wait: u64 = reply.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((20..=30).contains(&wait), "{wait}");
    let problem: Value = reply.json().await.unwrap();
    assert_eq!(problem["type"], "urn:patchbay:fault:rate-limited");
    // A swap gives no second burst.
    assert_eq!(host.deploy("probe", marked("probe", "2"), json!({})).await.0, 200);
    assert_eq!(host.ask("/version").await.0, 429);
    // Another rate does.
    assert_eq!(host.deploy("probe", marked("probe", "3"), json!({ "rate": null })).await.0, 200);
    assert_eq!(host.ask("/version").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_has_policies_of_its_own() {
    let link = "[services.caller.links.\"test:typed/calc\"]\ntimeout = \"300ms\"\nrate = \"1/60s burst 3\"\n\
        [services.caller.links.\"test:typed/calc\".fallback]\nresults = { \"test:typed/calc.add\" = 42 }";
    let host = Host::start(&pair(link, "")).await;
    let begun = Instant::now();
    assert_eq!(host.ask("/spin").await.0, 504);
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(host.ask("/add?1,2").await, (200, "3".to_owned()));
    assert_eq!(host.ask("/add?1,2").await, (200, "3".to_owned()));
    // The rate of the link is used up, and a result stands in; where none does, the caller is told.
    assert_eq!(host.ask("/add?1,2").await, (200, "42".to_owned()));
    assert_eq!(host.ask("/count").await.0, 502);
    // Others are not held to it.
    assert_eq!(host.cli(&["call", "callee", "add(1, 2)"]).await.1.trim(), "3");
    assert_eq!(counts(&host, "callee").await["fallbacks"], 1);
    host.logged("answered by a fallback").await;

    let (_, policies, _) = host.cli(&["inspect", "caller", "--policy"]).await;
    for (key, value, from) in [
        ("timeout", "300ms", "[services.caller]"),
        ("rate", "1/1m burst 3", "[services.caller]"),
        ("retry.attempts", "3", "callee, which is called"),
        ("concurrency", "256", "built in"),
    ] {
        let line = policies.lines().find(|line| line.starts_with(key) && line.contains(value) && line.contains(from));
        assert!(line.is_some(), "{key} {value} {from} in {policies}");
    }
    assert_eq!(host.deploy("caller", marked("caller", "2"), json!({ "limits": { "queue": 7 } })).await.0, 200);
    let (_, policies, _) = host.cli(&["inspect", "caller", "--policy"]).await;
    assert!(policies.contains("deployment of caller@2"), "{policies}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_service_stands_in() {
    let spare = service("spare", "callee", "");
    let link = "links = { \"test:typed/calc\" = \"callee\" }";
    let fallback = "timeout = \"500ms\"\nfallback = { service = \"spare\" }";
    let host = Host::start(&(pair(link, fallback) + &spare)).await;
    assert_eq!(host.ask("/count").await, (200, "1".to_owned()));
    // It breaks off there, too: the caller hears of both.
    assert_eq!(host.ask("/break-off").await.0, 502);
    host.logged("`spare`, which stands in for it").await;
    assert_eq!(host.cli(&["remove", "callee", "--yes"]).await.0, 0);
    assert_eq!(host.ask("/add?1,2").await.0, 503, "who is removed has nobody to stand in for it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fallback_has_to_fit_before_it_runs() {
    let host = Host::start(&service("callee", "callee", "")).await;
    for (results, says) in [
        (json!({ "test:typed/calc.add": "three" }), "test:typed/calc.add"),
        (json!({ "test:typed/calc.subtract": 3 }), "does not export"),
        (json!({ "test:typed/calc@0.1.0.add": 3 }), "without versions"),
    ] {
        let settings = json!({ "fallback": { "results": results } });
        let (status, problem) = host.deploy("callee", marked("callee", "x"), settings).await;
        assert_eq!(status, 422, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_not_required_may_be_served_by_nobody_yet() {
    let optional = "links = { \"test:typed/calc\" = { required = false } }";
    let host = Host::start(&service("caller", "caller", &format!("routes = [\"/*\"]\n{optional}"))).await;
    assert_eq!(host.ask("/").await.0, 200);
    assert_eq!(host.ask("/add?1,2").await.0, 503);
    assert_eq!(
        host.ask("/try-spin").await,
        (200, "Err(Failure::Fault(\"unavailable: no service offers this\"))".to_owned())
    );
    let (_, page, _) = host.cli(&["inspect", "caller"]).await;
    assert!(page.contains("no service exports it (not required)"), "{page}");
    assert_eq!(host.deploy("callee", marked("callee", "1"), json!({})).await.0, 200);
    assert_eq!(host.ask("/add?1,2").await, (200, "3".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_per_function_and_explained() {
    let callers = "callers = [\"caller test:typed/calc.add\", \"* http\"]";
    let host = Host::start(&pair("", callers)).await;
    assert_eq!(host.ask("/add?1,2").await, (200, "3".to_owned()));
    assert_eq!(host.ask("/count").await.0, 502);
    let (code, explained, stderr) = host.cli(&["authz", "explain", "caller", "callee"]).await;
    assert_eq!(code, 0, "{stderr}");
    let line = |function: &str| explained.lines().find(|line| line.contains(function)).unwrap().to_owned();
    assert!(line("calc@0.1.0.add").contains("caller test:typed/calc.add"), "{explained}");
    assert!(line("calc@0.1.0.count").contains("denied") && line("count").contains("no rule"), "{explained}");
    let (_, json, _) = host.cli(&["authz", "explain", "stranger", "callee", "--json"]).await;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert!(json.as_array().unwrap().iter().all(|one| one["allowed"] == false), "{json}");
    let (code, _, stderr) = host.cli(&["authz", "explain", "caller", "nobody"]).await;
    assert!(code == 1 && stderr.contains("nobody"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_strict_host_lets_nobody_call_who_is_not_named() {
    // It lets nobody in from outside either where nothing is said.
    let open = pair("", "").replace("[\"/*\"]", "{ \"/*\" = { anonymous = true } }");
    let mut host = Host::stopped(&format!("[host]\nstrict = true\n{open}"));
    host.run().await;
    assert_eq!(host.ask("/add?1,2").await.0, 502);
    let (_, explained, _) = host.cli(&["authz", "explain", "caller", "callee"]).await;
    assert!(explained.contains("the host is strict"), "{explained}");
    let rules = json!({ "callers": ["caller"] });
    assert_eq!(host.deploy("callee", marked("callee", "2"), rules).await.0, 200);
    assert_eq!(host.ask("/add?1,2").await, (200, "3".to_owned()));
    // And one that is not strict lets all call that say nothing.
    host.configure(&pair("", ""));
    host.signal(rustix::process::Signal::TERM);
    host.exited().await;
    host.run().await;
    assert_eq!(host.deploy("callee", marked("callee", "3"), json!({ "callers": null })).await.0, 200);
    eventually("the caller calls", async || (host.ask("/add?1,2").await.0 == 200).then_some(())).await;
}

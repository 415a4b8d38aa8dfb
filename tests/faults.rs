//! Guests that misbehave cost their own call and nothing else; the caller gets the right status and problem.

use serde_json::Value;
use tokio::time::{Duration, Instant};

use crate::support::{Host, service};

async fn host(rest: &str) -> Host {
    let services =
        ["probe", "probe3"].map(|guest| service(guest, guest, &format!("routes = [\"{guest}.example/*\"]\n{rest}")));
    Host::start(&services.concat()).await
}

async fn problem(host: &Host, guest: &str, path: &str) -> (u16, String, Value) {
    let request = host.client().get(host.url(path)).header("host", format!("{guest}.example"));
    let reply = request.send().await.unwrap();
    let status = reply.status().as_u16();
    assert_eq!(reply.headers()["content-type"], "application/problem+json", "{guest} {path} {status}");
    let problem: Value = reply.json().await.unwrap();
    (status, problem["type"].as_str().unwrap().to_owned(), problem)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_misbehaviour_has_its_status_and_type() {
    let host = host("timeout = \"3s\"\ncpu_time = \"200ms\"\nmemory = \"32MiB\"").await;
    for guest in ["probe", "probe3"] {
        for (path, status, kind) in [
            ("/trap", 500, "trapped"),
            ("/panic", 500, "trapped"),
            ("/exit?code=3", 500, "trapped"),
            ("/silent", 502, "failed"),
            ("/spin", 500, "exhausted"),
            ("/alloc?mib=64", 500, "exhausted"),
            ("/sleep?ms=60000", 504, "deadline"),
        ] {
            let begun = Instant::now();
            let (answered, name, problem) = problem(&host, guest, path).await;
            assert_eq!((answered, name.ends_with(kind)), (status, true), "{guest} {path}: {problem}");
            assert!(begun.elapsed() < Duration::from_secs(20), "{guest} {path} took {:?}", begun.elapsed());
            let text = problem.to_string();
            assert!(!text.contains("wasm") && !text.contains(".rs"), "internals in {text}");
            // The service goes on.
            let version = host.client().get(host.url("/version")).header("host", format!("{guest}.example"));
            assert_eq!(version.send().await.unwrap().status(), 200, "{guest} after {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_an_answer_is_never_passed_off_as_a_whole_one() {
    let host = host("").await;
    for guest in ["probe", "probe3"] {
        let request = host.client().get(host.url("/half")).header("host", format!("{guest}.example"));
        let whole = match request.send().await {
            Ok(reply) => reply.bytes().await.is_ok(),
            Err(_) => false,
        };
        assert!(!whole, "{guest}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_spins_does_not_stop_the_others() {
    let spinner = service("spinner", "probe", "routes = [\"spinner.example/*\"]\ncpu_time = \"3s\"\ntimeout = \"3s\"");
    let host = Host::start(&[spinner, service("other", "probe", "routes = [\"/*\"]")].concat()).await;
    let spins: Vec<_> = (0..8)
        .map(|_| tokio::spawn(host.client().get(host.url("/spin")).header("host", "spinner.example").send()))
        .collect();
    let mut answered = 0;
    while !spins.iter().all(tokio::task::JoinHandle::is_finished) {
        assert_eq!(host.ask("/version").await.0, 200);
        answered += 1;
    }
    assert!(answered >= 10, "the other service answered only {answered} calls meanwhile");
    for spin in spins {
        let status = spin.await.unwrap().unwrap().status().as_u16();
        assert!([500, 504].contains(&status), "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_beyond_the_bulkhead_are_refused_and_the_rest_wait_their_turn() {
    let small = "routes = [\"/*\"]\nconcurrency = 2\nqueue = 2\nqueue_wait = \"10s\"";
    let host = Host::start(&service("probe", "probe", small)).await;
    let calls: Vec<_> = (0..8).map(|_| tokio::spawn(host.client().get(host.url("/sleep?ms=1000")).send())).collect();
    let mut statuses = Vec::new();
    for call in calls {
        let reply = call.await.unwrap().unwrap();
        if reply.status() == 503 {
            assert!(reply.headers().contains_key("retry-after"));
        }
        statuses.push(reply.status().as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 503, 503, 503, 503]);
}

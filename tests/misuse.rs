//! Services that misuse the host in every way we know: each costs its own calls, which get the right status and type,
//! and nothing else. After each of them the service itself and another one still answer.

mod crafted;
mod fairness;
mod hostile;

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::support::{Host, PATIENCE, eventually, service};

/// The probes, one per version of WASI.
const PROBES: [&str; 2] = ["probe", "probe3"];

/// A host with both probes under `settings`, and with a third service that is left alone.
async fn host(settings: &str) -> Host {
    let probe =
        |name: &str, guest: &str, rest: &str| service(name, guest, &format!("routes = [\"{name}.example/*\"]\n{rest}"));
    let services =
        [probe("probe", "probe", settings), probe("probe3", "probe3", settings), probe("other", "probe", "")];
    Host::start(&services.concat()).await
}

/// What a caller gets: the status and the type of the problem, or `body` and whether it was whole.
#[derive(Debug, PartialEq, Eq)]
enum Got {
    Problem(u16, String),
    Whole(u16, String),
    Broken,
}

/// Sends a request; what comes back can be waited for anywhere.
fn post(host: &Host, name: &str, path: &str, body: Vec<u8>) -> impl Future<Output = Got> + Send + use<> {
    let request = host.client().post(host.url(path)).header("host", format!("{name}.example")).body(body);
    async move {
        let Ok(reply) = timeout(PATIENCE, request.send()).await.unwrap() else { return Got::Broken };
        let status = reply.status().as_u16();
        let is_problem = reply.headers().get("content-type").is_some_and(|kind| kind == "application/problem+json");
        let Ok(body) = timeout(PATIENCE, reply.text()).await.unwrap() else { return Got::Broken };
        if !is_problem {
            return Got::Whole(status, body);
        }
        let problem: Value = serde_json::from_str(&body).unwrap();
        let kind = problem["type"].as_str().unwrap().strip_prefix("urn:patchbay:fault:").unwrap();
        Got::Problem(status, kind.to_owned())
    }
}

/// Asserts that a service answers as if nothing had been.
async fn answers(host: &Host, name: &str, after: &str) {
    let got = post(host, name, "/version", Vec::new()).await;
    assert_eq!(got, Got::Whole(200, "none".to_owned()), "{name} after {after}");
}

fn problem(status: u16, kind: &str) -> Vec<Got> {
    vec![Got::Problem(status, kind.to_owned())]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_misuse_of_a_guest_costs_its_own_call() {
    const BODY: usize = 4 << 20;
    let host = host("timeout = \"3s\"\ncpu_time = \"1s\"\nmemory = \"48MiB\"\nresponse_body = \"1MiB\"").await;
    let broken = || vec![Got::Broken];
    let well = |text: &str| vec![Got::Whole(200, text.to_owned())];
    // Where a body goes wrong the head may be out or not; what must never be is a whole body of success.
    let broken_or = |status, kind: &str| broken().into_iter().chain(problem(status, kind)).collect();
    let cases = [
        ("/spin", 0, problem(500, "exhausted")),
        ("/recurse", 0, problem(500, "exhausted")),
        ("/alloc?mib=64", 0, problem(500, "exhausted")),
        ("/trap", 0, problem(500, "trapped")),
        ("/panic", 0, problem(500, "trapped")),
        ("/exit?code=0", 0, problem(500, "trapped")),
        ("/silent", 0, problem(502, "failed")),
        ("/sleep?ms=60000", 0, problem(504, "deadline")),
        ("/block?ms=60000", 0, problem(504, "deadline")),
        ("/never", 0, problem(504, "deadline")),
        // Never reads its body, and answers or does not.
        ("/version", BODY, well("none")),
        ("/sleep?ms=60000", BODY, problem(504, "deadline")),
        ("/half", 0, broken_or(500, "trapped")),
        ("/lie?promised=2000&sent=1000", 0, broken_or(502, "failed")),
        ("/lie?promised=1000&sent=2000", 0, broken_or(502, "failed")),
        // More than `response_body`, announced or not.
        ("/lie?promised=2000000&sent=2000000", 0, problem(500, "exhausted")),
        ("/drip?chunks=40&interval=0&size=65536", 0, broken()),
        // One instruction over much memory, many times.
        ("/fill?mib=32&times=1000000", 0, problem(500, "exhausted")),
        ("/flood?mib=1", 0, well("printed 1 MiB")),
    ];
    for name in PROBES {
        for (path, body, expected) in &cases {
            let begun = Instant::now();
            let got = post(&host, name, path, vec![0; *body]).await;
            assert!(expected.contains(&got), "{name} {path}: {got:?}");
            assert!(begun.elapsed() < Duration::from_secs(20), "{name} {path} took {:?}", begun.elapsed());
            answers(&host, name, path).await;
            answers(&host, "other", path).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_share_an_instance_with_one_that_blocks_it_end_in_time_and_new_ones_go_elsewhere() {
    let host = host("timeout = \"2s\"\ncpu_time = \"10s\"\ninstances = \"auto\"").await;
    for hog in ["/block?ms=60000", "/spin"] {
        // An instance that works on a call that only waits, and can take more.
        let shared = tokio::spawn(post(&host, "probe3", "/sleep?ms=1000", Vec::new()));
        eventually("the first call is on", async || (calls(&host, "probe3").await == 1).then_some(())).await;
        let hogging = tokio::spawn(post(&host, "probe3", hog, Vec::new()));
        eventually("both calls are on", async || (calls(&host, "probe3").await == 2).then_some(())).await;
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(500) {
            let asked = Instant::now();
            answers(&host, "probe3", hog).await;
            assert!(asked.elapsed() < Duration::from_millis(1500), "{hog}: a new call took {:?}", asked.elapsed());
        }
        let ended = timeout(Duration::from_secs(10), async { (shared.await.unwrap(), hogging.await.unwrap()) }).await;
        let (shared, hogging) = ended.expect("both end at their deadline, if not before");
        assert_eq!(hogging, Got::Problem(504, "deadline".to_owned()), "{hog}");
        let fine = Got::Whole(200, "slept 1000 ms".to_owned());
        assert!(shared == fine || shared == Got::Problem(504, "deadline".to_owned()), "{hog}: {shared:?}");
        answers(&host, "other", hog).await;
    }
}

async fn calls(host: &Host, name: &str) -> u64 {
    host.admin_get(&format!("/v1/services/{name}")).await["calls"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_prints_too_much_is_dropped_and_counted() {
    let host = host("log_rate = \"64KiB\"").await;
    for name in PROBES {
        assert_eq!(post(&host, name, "/flood?mib=2", Vec::new()).await, Got::Whole(200, "printed 2 MiB".to_owned()));
        eventually("what was dropped is told, second by second", async || {
            let records = host.admin_get(&format!("/v1/logs?service={name}")).await;
            let told: Vec<_> = records.as_array().or(records["records"].as_array()).unwrap().clone();
            let dropped = told.iter().filter_map(|record| {
                let (size, rest) = record["line"].as_str().unwrap().split_once(" of output dropped: ")?;
                assert_eq!(rest, "log_rate is 64KiB per second");
                assert_eq!((&record["stream"], &record["call"]), (&json!("stderr"), &Value::Null));
                size.strip_suffix("KiB").unwrap().parse::<u32>().ok()
            });
            (dropped.sum::<u32>() > 1_000).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revision_that_keeps_failing_is_left_alone_for_all_to_see() {
    let host = host("breaker.failures = 3").await;
    for name in PROBES {
        for _ in 0..3 {
            assert_eq!(post(&host, name, "/trap", Vec::new()).await, Got::Problem(500, "trapped".to_owned()));
        }
        let begun = Instant::now();
        let request = host.client().get(host.url("/version")).header("host", format!("{name}.example"));
        let reply = request.send().await.unwrap();
        assert_eq!((reply.status().as_u16(), &reply.headers()["retry-after"]), (503, &"1".parse().unwrap()));
        let (_, table, _) = host.cli(&["ps"]).await;
        let line = table.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
        let (_, page, _) = host.cli(&["inspect", name]).await;
        if begun.elapsed() < Duration::from_millis(700) {
            assert!(line.contains("broken"), "{table}");
            assert!(page.contains("3 calls in a row failed"), "{page}");
        }
        answers(&host, "other", "/trap").await;
        eventually("a call is let through and clears the record", async || {
            let got = post(&host, name, "/version", Vec::new()).await;
            (got == Got::Whole(200, "none".to_owned())).then_some(())
        })
        .await;
        assert_eq!(host.admin_get(&format!("/v1/services/{name}")).await["breaker"], Value::Null);
        let (_, events, _) = host.cli(&["events", "--json"]).await;
        for kind in ["breaker-opened", "breaker-closed"] {
            assert!(events.lines().any(|line| line.contains(kind) && line.contains(name)), "{kind}: {events}");
        }
        host.logged(&format!("`{name}@1` gets no calls for")).await;
    }
}

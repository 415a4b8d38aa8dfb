//! The hot swap: a hundred of them under load, not one request lost, and nothing of the old revisions left behind.

use reqwest::Client;
use serde_json::json;

use crate::support::{Host, Load, eventually, guest, marked, service};

/// Clients that ask for this address, and keep no answer.
fn load(url: String) -> Load<()> {
    Load::start(8, move |client| {
        let url = url.clone();
        async move { call(&client, &url).await }
    })
}

async fn call(client: &Client, url: &str) -> Result<(), String> {
    let reply = client.get(url).send().await.map_err(|error| format!("{error:?}"))?;
    let status = reply.status();
    let body = reply.text().await.map_err(|error| format!("{error:?}"))?;
    if status == 200 { Ok(()) } else { Err(format!("{status}: {body}")) }
}

/// Mappings of compiled code in the memory of the host.
fn n_code_mappings(host: &Host) -> usize {
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", host.pid())).unwrap();
    let mut files: Vec<_> = maps.lines().filter_map(|line| line.split_whitespace().nth(5)).collect();
    files.retain(|file| file.contains("/cache/"));
    files.sort_unstable();
    files.dedup();
    files.len()
}

async fn a_hundred_swaps(component: &str, policy: &str) {
    let swapped = service("swapped", component, &format!("routes = [\"/*\"]\ninstances = \"{policy}\""));
    let host = Host::start(&swapped).await;
    let load = load(host.url("/version"));
    for number in 1..=100 {
        let before = load.answered();
        // Another component now and then, another configuration of it in between, and back to what was before.
        let bytes = marked(component, &(number / 10).to_string());
        let (status, outcome) = match number % 3 {
            0 => host.post("/v1/services/swapped/rollback", json!({})).await,
            _ => host.deploy("swapped", bytes, json!({ "config": { "version": number.to_string() } })).await,
        };
        assert_eq!(status, 200, "swap {number}: {outcome}");
        assert_eq!(outcome["outcome"], "activated", "swap {number}");
        assert_eq!(outcome["calls_cut"], 0, "swap {number}");
        eventually("calls are answered by the new revision", async || (load.answered() > before).then_some(())).await;
    }
    let answered = load.answered();
    let lost = load.stop().await.lost;
    assert!(lost.is_empty(), "{} of {answered} requests were lost, the first: {}", lost.len(), lost[0]);
    assert!(answered >= 1_000, "only {answered} requests were answered: that is no load");

    let service = host.admin_get("/v1/services/swapped").await;
    let n_retained = service["revisions"].as_array().unwrap().len();
    assert!(n_retained <= 4, "{service}");
    eventually("instances and code of the old revisions are gone", async || {
        let usage = host.admin_get("/v1/host").await["usage"].clone();
        let (instances, components) = (usage["instances"].as_u64().unwrap(), usage["components"].as_u64().unwrap());
        // No call is on: what is left are idle instances of the active revision.
        let of_active = if policy == "fresh" { 0 } else { 8 };
        (components <= n_retained as u64 && instances <= of_active && n_code_mappings(&host) <= n_retained)
            .then_some(())
    })
    .await;

    let (status, _) = host.post("/v1/services/swapped/rollback", json!({})).await;
    assert_eq!(status, 200);
    assert_eq!(host.ask("/version").await.0, 200);
    let reply = host.admin(reqwest::Method::DELETE, "/v1/services/swapped").send().await.unwrap();
    assert_eq!(reply.status(), 200);
    eventually("a removed service leaves nothing in memory", async || {
        let usage = host.admin_get("/v1/host").await["usage"].clone();
        (usage["components"] == 0 && usage["instances"] == 0 && n_code_mappings(&host) == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_swaps_with_fresh_instances_lose_nothing() {
    a_hundred_swaps("probe", "fresh").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_swaps_with_reused_instances_lose_nothing() {
    a_hundred_swaps("probe", "reuse").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_swaps_with_concurrent_instances_lose_nothing() {
    a_hundred_swaps("probe3", "concurrent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_on_keeps_its_revision() {
    let host = Host::start(&service("probe", "probe", "routes = [\"/*\"]")).await;
    let mut dripping = host.get("/drip?chunks=20&interval=100").await;
    assert!(dripping.chunk().await.unwrap().is_some());
    let deploy = host.deploy("probe", std::fs::read(guest("probe")).unwrap(), json!({ "config": { "version": "2" } }));
    let newer = eventually("new calls get the new revision", async || {
        let (_, version) = host.ask("/version").await;
        (version == "2").then_some(version)
    });
    let ((status, outcome), newer) = tokio::join!(deploy, newer);
    assert_eq!((status, newer.as_str()), (200, "2"), "{outcome}");
    let mut n_chunks = 1;
    while dripping.chunk().await.unwrap().is_some() {
        n_chunks += 1;
    }
    assert!(n_chunks >= 2, "the old call went on to its end");
}

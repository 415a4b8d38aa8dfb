//! The hot swap: a hundred of them under load, not one request lost, and nothing of the old revisions left behind.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use reqwest::Client;
use serde_json::json;

use crate::support::{Host, PATIENCE, eventually, guest, marked, service};

/// Clients that call without pause and count what comes back.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    clients: Vec<tokio::task::JoinHandle<Vec<String>>>,
}

impl Load {
    /// Two kinds of clients: HTTP/1.1 with kept-alive connections, and HTTP/2 with many requests on one.
    fn start(url: &str) -> Self {
        let (stop, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let h1 = Client::builder().timeout(PATIENCE).http1_only().build().unwrap();
        let h2 = Client::builder().timeout(PATIENCE).http2_prior_knowledge().build().unwrap();
        let clients = (0..8).map(|number| {
            let client = if number % 2 == 0 { h1.clone() } else { h2.clone() };
            let (stop, answered, url) = (Arc::clone(&stop), Arc::clone(&answered), url.to_owned());
            tokio::spawn(async move {
                let mut lost = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    match call(&client, &url).await {
                        Ok(_) => answered.fetch_add(1, Ordering::Relaxed),
                        Err(error) => {
                            lost.push(error);
                            0
                        }
                    };
                }
                lost
            })
        });
        Self { clients: clients.collect(), stop, answered }
    }

    fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Stops the clients; what they lost.
    async fn stop(self) -> Vec<String> {
        self.stop.store(true, Ordering::Relaxed);
        let mut lost = Vec::new();
        for client in self.clients {
            lost.extend(client.await.unwrap());
        }
        lost
    }
}

async fn call(client: &Client, url: &str) -> Result<String, String> {
    let reply = client.get(url).send().await.map_err(|error| format!("{error:?}"))?;
    let status = reply.status();
    let body = reply.text().await.map_err(|error| format!("{error:?}"))?;
    if status == 200 { Ok(body) } else { Err(format!("{status}: {body}")) }
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
    let host =
        Host::start(&service("swapped", component, &format!("routes = [\"/*\"]\ninstances = \"{policy}\""))).await;
    let load = Load::start(&host.url("/version"));
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
    let lost = load.stop().await;
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

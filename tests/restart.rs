//! Restarts: what is served afterwards, how a host stops, and what two hosts do with one state directory.

use reqwest::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{Host, guest, marked, patchbay, service};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_host_comes_back_with_what_was_deployed() {
    let mut host = Host::start(&service("probe", "probe", "routes = [\"/*\"]")).await;
    for number in 2..=3 {
        let settings = json!({ "config": { "version": number.to_string() } });
        assert_eq!(host.deploy("probe", marked("probe", &number.to_string()), settings).await.0, 200);
    }
    assert_eq!(host.post("/v1/services/probe/rollback", json!({})).await.0, 200);
    let (status, _) = host.deploy_routed("extra", marked("probe", "x"), json!({}), json!(["x.example/*"])).await;
    assert_eq!(status, 200);
    host.signal(Signal::KILL);
    assert!(!host.exited().await.success());
    host.run().await;
    assert_eq!(host.ask("/version").await.1, "2");
    let extra = host.client().get(host.url("/version")).header("host", "x.example").send().await.unwrap();
    assert_eq!(extra.status(), 200);
    // The retained revisions are there too.
    assert_eq!(host.post("/v1/services/probe/activate", json!({ "revision": 3 })).await.0, 200);
    assert_eq!(host.ask("/version").await.1, "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_wins_when_it_was_changed_last() {
    let declared = |version: &str| {
        service("probe", "probe", &format!("routes = [\"/*\"]\n[services.probe.config]\nversion = \"{version}\""))
    };
    let mut host = Host::start(&declared("file 1")).await;
    let settings = json!({ "config": { "version": "api" } });
    assert_eq!(host.deploy("probe", std::fs::read(guest("probe")).unwrap(), settings).await.0, 200);
    for (file, serves, drifts) in [("file 1", "api", true), ("file 2", "file 2", false)] {
        host.signal(Signal::TERM);
        assert!(host.exited().await.success());
        host.configure(&declared(file));
        host.run().await;
        assert_eq!(host.ask("/version").await.1, serves);
        let drift = host.admin_get("/v1/services/probe").await["drift"].clone();
        assert_eq!(drift.is_string(), drifts, "{drift}");
    }
    host.signal(Signal::TERM);
    host.exited().await;
    host.configure("");
    host.run().await;
    assert_eq!(host.ask("/version").await.0, 404, "a service that the file no longer declares is gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_drains_and_exits_with_zero() {
    let mut host = Host::start(&service("probe", "probe", "routes = [\"/*\"]")).await;
    let mut dripping = host.get("/drip?chunks=10&interval=100").await;
    assert!(dripping.chunk().await.unwrap().is_some());
    host.signal(Signal::TERM);
    let mut n_chunks = 1;
    while dripping.chunk().await.expect("the call ends by itself").is_some() {
        n_chunks += 1;
    }
    assert!(n_chunks >= 2);
    let status = host.exited().await;
    assert_eq!(status.code(), Some(0), "{}", host.log());
    assert!(host.client().get(host.url("/version")).send().await.is_err(), "it listens no more");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_outlive_the_drain_deadline_are_ended() {
    let mut host = Host::stopped("");
    host.configure(&format!("[host]\ndrain = \"1s\"\n{}", service("probe", "probe", "routes = [\"/*\"]")));
    host.run().await;
    let mut dripping = host.get("/drip?chunks=100&interval=100").await;
    assert!(dripping.chunk().await.unwrap().is_some());
    host.signal(Signal::TERM);
    let begun = tokio::time::Instant::now();
    while let Ok(Some(_)) = dripping.chunk().await {}
    assert_eq!(host.exited().await.code(), Some(0), "{}", host.log());
    assert!(begun.elapsed() < std::time::Duration::from_secs(8), "it took {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_do_not_share_a_state_directory() {
    let mut host = Host::start("").await;
    let link = host.folder.path().join("other-name");
    std::os::unix::fs::symlink(host.state(""), &link).unwrap();
    for directory in ["state", "other-name", "./state/../other-name"] {
        let second = Command::new(patchbay())
            .args(["up", "--json", "--state", directory])
            .current_dir(host.folder.path())
            .output()
            .await
            .unwrap();
        assert_eq!(second.status.code(), Some(1), "{directory}");
        let text = String::from_utf8_lossy(&second.stderr).into_owned();
        let says = format!("in use by another host (process {})", host.pid());
        assert!(text.contains(directory) && text.contains(&says), "{text}");
    }
    assert_eq!(host.admin(Method::GET, "/v1/services").send().await.unwrap().status(), 200);

    // A host that was killed holds nothing any more, whatever it left.
    host.signal(Signal::KILL);
    host.exited().await;
    std::fs::remove_file(host.folder.path().join("state/admin.address")).unwrap();
    host.run().await;
    assert_eq!(host.admin(Method::GET, "/v1/services").send().await.unwrap().status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_cache_is_noticed_and_compiled_again() {
    let mut host = Host::start(&service("probe", "probe", "routes = [\"/*\"]")).await;
    host.signal(Signal::TERM);
    host.exited().await;
    let cache = host.folder.path().join("state/cache");
    let mut n_damaged = 0;
    for entry in std::fs::read_dir(&cache).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        if bytes.len() > 4096 {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0xff;
            std::fs::write(&path, bytes).unwrap();
            n_damaged += 1;
        }
    }
    assert!(n_damaged >= 1);
    host.run().await;
    assert_eq!(host.ask("/version").await.0, 200);
    let events: Value = host.admin_get("/v1/events").await;
    assert!(events.to_string().contains("cache-damaged"), "{events}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_component_is_named_and_harms_no_other() {
    let services =
        [service("first", "probe", "routes = [\"/*\"]"), service("second", "pricing", "routes = [\"/api/*\"]")];
    let mut host = Host::start(&services.concat()).await;
    let (status, _) = host.deploy_routed("third", marked("probe", "3"), json!({}), json!(["third.example/*"])).await;
    assert_eq!(status, 200);
    let digest = host.admin_get("/v1/services/third/revisions/1").await["component"].as_str().unwrap().to_owned();
    host.signal(Signal::TERM);
    host.exited().await;
    let file = host.folder.path().join(format!("state/components/{}.wasm", digest.strip_prefix("sha256:").unwrap()));
    std::fs::write(&file, b"damaged").unwrap();
    host.run().await;
    assert_eq!(host.ask("/version").await.0, 200);
    assert_eq!(host.ask("/api/pricing/quote?sku=tea&quantity=1").await.0, 200);
    let third = host.client().get(host.url("/version")).header("host", "third.example").send().await.unwrap();
    assert_eq!(third.status(), 503);
    let ready = host.client().get(host.admin_url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    let text = ready.text().await.unwrap();
    assert!(text.contains("third") && text.contains("damaged"), "{text}");
}

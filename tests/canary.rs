//! Canaries with real guests: a bad revision under load ends itself within its budget, a good one is promoted, and a host that
//! starts anew goes on where the last one was.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Host, Load, eventually, guest, service};

/// Memory that a call takes, and that the bad candidates have not.
const HUNGRY: &str = "/alloc?mib=24";

fn path(name: &str) -> String {
    guest(name).to_str().unwrap().to_owned()
}

async fn serving() -> Host {
    let probe = service("probe", "probe", "routes = [\"/*\"]\nconfig = { version = \"1\" }");
    Host::start(&probe).await
}

/// Runs a command that has to succeed.
async fn done(host: &Host, arguments: &[&str]) -> String {
    let (code, stdout, stderr) = host.cli(arguments).await;
    assert_eq!(code, 0, "{arguments:?}: {stdout}{stderr}");
    stdout
}

async fn status(host: &Host) -> Value {
    host.admin_get("/v1/services/probe/canary").await
}

/// The version that a caller with this header meets.
async fn version(host: &Host, header: Option<&str>) -> String {
    let mut request = host.client().get(host.url("/version"));
    if let Some(value) = header {
        request = request.header("x-canary", value);
    }
    request.send().await.unwrap().text().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_revision_under_load_ends_itself_within_its_budget() {
    const BUDGET: usize = 12;
    let host = serving().await;
    assert_eq!(host.ask(HUNGRY).await.0, 200);
    let url = host.url(HUNGRY);
    let load = Load::start(8, move |client| {
        let url = url.clone();
        async move {
            let reply = client.get(&url).send().await.map_err(|error| format!("{error:?}"))?;
            if reply.status() == 200 { Ok(()) } else { Err(reply.status().to_string()) }
        }
    });
    let budget = BUDGET.to_string();
    let component = path("probe");
    // Its breaker is kept out of it: the budget has to be enough.
    let start = [
        "canary",
        "start",
        "probe",
        &component,
        "--set",
        "memory=8MiB",
        "--set",
        "breaker.failures=0",
        "--steps",
        "25%,50%",
        "--bake",
        "2s",
        "--max-error-increase",
        "none",
        "--min-calls",
        "100000",
        "--max-errors",
        &budget,
    ];
    let told = done(&host, &start).await;
    assert!(told.contains("probe@2 is tried beside probe@1, with 25% of the calls"), "{told}");
    let (code, stdout, stderr) = host.cli(&["canary", "status", "probe", "--watch"]).await;
    assert!(code == 1 && stdout.contains("The last one was ended"), "{code} {stdout}{stderr}");
    let before = load.answered();
    eventually("the stable revision serves alone", async || (load.answered() > before + 50).then_some(())).await;
    let lost = load.stop().await.lost;
    assert_eq!(lost.len(), BUDGET, "{lost:?}");

    let last = status(&host).await["last"].clone();
    assert!(last["message"].as_str().unwrap().contains(&format!("it has cost {BUDGET} errors")), "{last}");
    let service = host.admin_get("/v1/services/probe").await;
    assert_eq!((&service["active"], service["revisions"].as_array().unwrap().len()), (&json!(1), 1), "{service}");
    let (_, events, _) = host.cli(&["events"]).await;
    assert!(events.contains("canary-started") && events.contains("canary-aborted"), "{events}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_revision_is_promoted_and_a_restart_loses_nothing_of_it() {
    let mut host = serving().await;
    let component = path("probe");
    let start = [
        "canary",
        "start",
        "probe",
        &component,
        "--config",
        "version=2",
        "--steps",
        "5%,50%",
        "--bake",
        "4s",
        "--prolong",
        "1h",
        "--min-calls",
        "20",
        "--pin",
        "header:x-canary=always",
        "--sticky",
        "cookie",
    ];
    done(&host, &start).await;
    assert_eq!(version(&host, Some("always")).await, "2");
    assert!(done(&host, &["ps"]).await.contains("1, 2 5%"));
    // Nobody calls, so nothing goes on; and then the host comes up anew.
    host.signal(Signal::TERM);
    host.exited().await;
    host.run().await;
    let seen = status(&host).await["canary"].clone();
    assert_eq!(
        (&seen["revision"], &seen["step"], &seen["candidate"]["calls"]),
        (&json!("probe@2"), &json!(1), &json!(0))
    );
    let promoted = async {
        loop {
            assert_eq!(version(&host, Some("always")).await, "2");
            assert!(["1", "2"].contains(&version(&host, None).await.as_str()));
            if status(&host).await["last"]["promoted"] == json!(true) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), promoted).await.unwrap();
    assert_eq!(version(&host, None).await, "2");
    let (_, events, _) = host.cli(&["events"]).await;
    for kind in ["canary-resumed", "canary-advanced", "canary-promoted"] {
        assert!(events.contains(kind), "{kind} in {events}");
    }
    done(&host, &["rollback", "probe"]).await;
    assert_eq!(version(&host, None).await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_mirrored_is_compared_and_nobody_notices() {
    let host = serving().await;
    let component = path("probe");
    let start = ["canary", "start", "probe", &component, "--config", "version=2", "--mirror", "100%", "--bake", "1h"];
    let told = done(&host, &start).await;
    assert!(told.contains("100% of the requests, mirrored"), "{told}");
    for _ in 0..10 {
        assert_eq!(version(&host, None).await, "1");
        assert_eq!(
            host.client().post(host.url("/echo")).body("again").send().await.unwrap().text().await.unwrap(),
            "again"
        );
    }
    let mirror = eventually("all of them are compared", async || {
        let mirror = status(&host).await["canary"]["mirror"].clone();
        let n = |key: &str| mirror[key].as_u64().unwrap();
        (n("same") + n("body_differs") + n("left_out") == 20).then_some(mirror)
    })
    .await;
    assert!(mirror["same"].as_u64() > Some(0) && mirror["body_differs"].as_u64() > Some(0), "{mirror}");
    assert_eq!(mirror["status_differs"], 0, "{mirror}");
    let shown = done(&host, &["canary", "status", "probe"]).await;
    assert!(shown.contains("GET /version") && shown.contains("sha256:"), "{shown}");
    done(&host, &["canary", "abort", "probe"]).await;

    // A deployment that is only tried waits to be promoted.
    let deploy = ["deploy", "probe", &component, "--config", "version=3", "--canary", "10%"];
    let told = done(&host, &deploy).await;
    assert!(told.contains("probe@3 is tried beside probe@1, with 10% of the calls"), "{told}");
    let (code, _, stderr) = host.cli(&["deploy", "probe", &component, "--config", "version=4"]).await;
    assert!(code == 4 && stderr.contains("patchbay canary abort probe"), "{code} {stderr}");
    done(&host, &["canary", "promote", "probe"]).await;
    assert_eq!(version(&host, None).await, "3");
}

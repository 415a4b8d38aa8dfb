//! Instance policies: what one call can see of another, and what an instance that broke off does to the next call. And what
//! instances take of memory, as an operator sees it.

use serde_json::{Value, json};

use crate::support::{Host, at_rest, eventually, guest, marked, service};

/// What three calls in turn are told by the counter of their instance.
async fn counts(host: &Host, name: &str) -> Vec<String> {
    let mut counts = Vec::new();
    for _ in 0..3 {
        at_rest(host, name).await;
        let request = host.client().get(host.url("/count")).header("host", format!("{name}.example"));
        counts.push(request.send().await.unwrap().text().await.unwrap());
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn each_policy_keeps_its_word() {
    let cases = [
        ("fresh-two", "probe", "instances = \"fresh\"", ["1", "1", "1"]),
        ("default-two", "probe", "", ["1", "1", "1"]),
        ("reuse-two", "probe", "instances = \"reuse\"", ["1", "2", "3"]),
        ("bounded-two", "probe", "instances = \"reuse\"\ninstance_uses = 2", ["1", "2", "1"]),
        ("fresh-three", "probe3", "instances = \"fresh\"", ["1", "1", "1"]),
        ("reuse-three", "probe3", "instances = \"reuse\"", ["1", "2", "3"]),
        ("default-three", "probe3", "", ["1", "2", "3"]),
    ];
    let services: String = cases
        .iter()
        .map(|(name, component, policy, _)| {
            service(name, component, &format!("routes = [\"{name}.example/*\"]\n{policy}"))
        })
        .collect();
    let host = Host::start(&services).await;
    for (name, _, _, expected) in cases {
        assert_eq!(counts(&host, name).await, expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_broke_off_is_never_used_again() {
    let services = ["probe", "probe3"]
        .map(|guest| service(guest, guest, &format!("routes = [\"{guest}.example/*\"]\ninstances = \"reuse\"")));
    let host = Host::start(&services.concat()).await;
    for guest in ["probe", "probe3"] {
        assert_eq!(counts(&host, guest).await, ["1", "2", "3"]);
        for path in ["/trap", "/panic", "/exit?code=1"] {
            // It has to be the counted instance that breaks off, not one beside it.
            at_rest(&host, guest).await;
            let request = host.client().get(host.url(path)).header("host", format!("{guest}.example"));
            assert_eq!(request.send().await.unwrap().status(), 500, "{guest} {path}");
            assert_eq!(counts(&host, guest).await, ["1", "2", "3"], "{guest} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_of_wasi_0_2_cannot_be_concurrent() {
    let host = Host::start("").await;
    let (status, problem) =
        host.deploy("probe", std::fs::read(guest("probe")).unwrap(), json!({ "instances": "concurrent" })).await;
    assert_eq!(status, 422, "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("concurrent") && detail.contains("reuse"), "{detail}");
}

/// Memory of the instances of `holder`, wherever it is told: of the service twice, of its revisions, of all there is.
#[derive(Debug)]
struct Held {
    service: u64,
    activity: u64,
    revisions: Vec<u64>,
    host: u64,
}

impl Held {
    async fn of(host: &Host) -> Self {
        let bytes = |value: &Value| value.as_u64().unwrap();
        let service = host.admin_get("/v1/services/holder").await;
        let activity = host.admin_get("/v1/activity").await;
        let activity =
            activity["services"].as_array().unwrap().iter().find(|active| active["name"] == "holder").cloned();
        let usage = host.admin_get("/v1/host").await["usage"].clone();
        let revisions = service["revisions"].as_array().unwrap().iter();
        Self {
            service: bytes(&service["memory_bytes"]),
            activity: bytes(&activity.unwrap()["memory_bytes"]),
            revisions: revisions.map(|revision| bytes(&revision["instances"]["memory_bytes"])).collect(),
            host: bytes(&usage["memory_bytes"]),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_that_a_service_holds_is_seen_until_it_lets_go() {
    const HELD: u64 = 64 << 20;
    let settings = "routes = [\"/*\"]\ninstances = \"reuse\"\nmemory = \"128MiB\"";
    let host = Host::start(&service("holder", "probe", settings)).await;
    assert_eq!(host.ask("/alloc?mib=64").await.0, 200);
    at_rest(&host, "holder").await;
    let held = Held::of(&host).await;
    // Memory of WebAssembly never shrinks: the instance that waits has all that it ever took.
    assert!(held.service >= HELD && held.service <= 128 << 20, "{held:?}");
    assert_eq!((held.activity, held.host, &held.revisions[..]), (held.service, held.service, &[held.service][..]));

    let bytes = marked("probe", "2");
    let (status, outcome) = host.deploy("holder", bytes, json!({ "config": { "version": "2" } })).await;
    assert_eq!(status, 200, "{outcome}");
    let held = eventually("the memory of the revision that was replaced is gone", async || {
        let held = Held::of(&host).await;
        (held.revisions[0] == 0).then_some(held)
    })
    .await;
    assert!(held.service < HELD && held.service == held.revisions[1] && held.host < HELD, "{held:?}");

    assert_eq!(host.ask("/alloc?mib=64").await.0, 200);
    eventually("it is taken again", async || (Held::of(&host).await.host >= HELD).then_some(())).await;
    let reply = host.admin(reqwest::Method::DELETE, "/v1/services/holder").send().await.unwrap();
    assert_eq!(reply.status(), 200);
    eventually("nothing is left of a service that was removed", async || {
        (host.admin_get("/v1/host").await["usage"]["memory_bytes"] == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn configuration_and_output_belong_to_their_service() {
    let services = ["probe", "probe3"].map(|guest| {
        let routes = format!("routes = [\"{guest}.example/*\"]\n[services.{guest}.config]\nversion = \"of {guest}\"");
        service(guest, guest, &routes)
    });
    let host = Host::start(&services.concat()).await;
    for guest in ["probe", "probe3"] {
        let ask = async |path: &str| {
            let request = host.client().get(host.url(path)).header("host", format!("{guest}.example"));
            request.send().await.unwrap().text().await.unwrap()
        };
        assert_eq!(ask("/version").await, format!("of {guest}"));
        assert_eq!(ask("/config/nothing").await, "none");
        // An instance of WASI 0.3 may not be done with the call before when its caller has the whole answer, and what it prints
        // while it works on two calls is of neither.
        let records = eventually("both lines are in the log, with their call", async || {
            ask("/log?out=to-stdout&err=to-stderr").await;
            let logs = host.admin_get(&format!("/v1/logs?service={guest}")).await;
            let records = logs.as_array().cloned().or_else(|| logs["records"].as_array().cloned()).unwrap();
            let of_calls = records.into_iter().filter(|record| record["call"].is_string()).collect::<Vec<_>>();
            let has = |line: &str| of_calls.iter().any(|record| record["line"] == line);
            (has("to-stdout") && has("to-stderr")).then_some(of_calls)
        })
        .await;
        for (line, stream) in [("to-stdout", "stdout"), ("to-stderr", "stderr")] {
            let record = records.iter().find(|record| record["line"] == line).unwrap();
            assert_eq!(
                (&record["service"], &record["stream"], &record["revision"]),
                (&json!(guest), &json!(stream), &json!(1))
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn services_that_nobody_calls_keep_no_code_and_answer_all_the_same() {
    let probes =
        ["probe", "probe3"].map(|guest| service(guest, guest, &format!("routes = [\"{guest}.example/*\"]"))).concat();
    let idle = "[engine]\ncode_idle = \"1s\"\n[defaults]\ninstance_idle = \"100ms\"\n";
    let host =
        Host::start(&format!("{idle}{probes}{}", service("inventory", "inventory", "instances = \"reuse\""))).await;
    let all_is_let_go = async || {
        eventually("no code is in memory", async || {
            let usage = host.admin_get("/v1/host").await["usage"].clone();
            (usage["components"] == 0 && usage["code_bytes"] == 0).then_some(())
        })
        .await;
    };
    let version = async |guest: &str| {
        let request = host.client().get(host.url("/version")).header("host", format!("{guest}.example"));
        let reply = request.send().await.unwrap();
        (reply.status().as_u16(), reply.text().await.unwrap())
    };
    all_is_let_go().await;
    for guest in ["probe", "probe3"] {
        assert_eq!(version(guest).await.0, 200, "{guest}");
    }
    let (code, level, errors) = host.cli(&["call", "inventory", "level-of(\"tea\")"]).await;
    assert_eq!(code, 0, "{errors}");
    assert!(!level.trim().is_empty());
    // So do those that were replaced, and may be gone back to.
    let settings = json!({ "config": { "version": "2" } });
    let (status, outcome) = host.deploy("probe", marked("probe", "2"), settings).await;
    assert_eq!(status, 200, "{outcome}");
    all_is_let_go().await;
    assert_eq!(version("probe").await, (200, "2".to_owned()));
    let (code, _, errors) = host.cli(&["rollback", "probe"]).await;
    assert_eq!(code, 0, "{errors}");
    all_is_let_go().await;
    let (status, version) = version("probe").await;
    assert!(status == 200 && version != "2", "{version}");
}

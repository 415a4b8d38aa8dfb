//! Instance policies: what one call can see of another, and what an instance that broke off does to the next call.

use serde_json::json;

use crate::support::{Host, at_rest, eventually, guest, service};

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
        ask("/log?out=to-stdout&err=to-stderr").await;
        let records = eventually("both lines are in the log", async || {
            let logs = host.admin_get(&format!("/v1/logs?service={guest}")).await;
            let records = logs.as_array().cloned().or_else(|| logs["records"].as_array().cloned()).unwrap();
            (records.len() >= 2).then_some(records)
        })
        .await;
        for (line, stream) in [("to-stdout", "stdout"), ("to-stderr", "stderr")] {
            let record = records.iter().find(|record| record["line"] == line).unwrap();
            assert_eq!(
                (&record["service"], &record["stream"], &record["revision"]),
                (&json!(guest), &json!(stream), &json!(1))
            );
            assert!(record["call"].is_string(), "{record}");
        }
    }
}

//! What the host tells services of their calls and of each other, and calls that they name at run time: `patchbay:host`.

use serde_json::json;

use crate::support::{Host, marked, service};

/// Two services that know nothing of each other, one of which may call the other.
async fn pair(settings: &str) -> Host {
    let one = service("one", "insider", "routes = [\"/*\"]\ncallers = []");
    let other = service("other", "insider", &format!("callers = [\"one\"]\n{settings}"));
    Host::start(&(one + &other)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_knows_who_calls_it_and_nobody_can_forge_it() {
    let host = pair("").await;
    let forged = host.client().get(host.url("/who")).header("patchbay-caller", "other").header("patchbay-attempt", "7");
    let answer = forged.send().await.unwrap().text().await.unwrap();
    assert_eq!(answer, "one@1 by outside, attempt 1, hops 0, 14 s left, key -");
    let (_, stdout, stderr) = host.cli(&["call", "other", "who()", "--deadline", "5s"]).await;
    assert_eq!(stdout.trim(), "\"other@1 by operator, attempt 1, hops 0, 4 s left, key -\"", "{stderr}");
    for (arguments, answer) in [
        ("other;who;[]", "other@1 by service one, attempt 1, hops 1, 14 s left, key -"),
        ("other;who;[];order-7", "other@1 by service one, attempt 1, hops 1, 14 s left, key order-7"),
        ("other;who;[];;3500", "other@1 by service one, attempt 1, hops 1, 3 s left, key -"),
        ("other;test:inside/calls@0.1.0.who;{}", "other@1 by service one, attempt 1, hops 1, 14 s left, key -"),
    ] {
        assert_eq!(host.ask(&format!("/invoke?{arguments}")).await, (200, format!("\"{answer}\"")), "{arguments}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_of_calls_by_name_are_part_of_the_result() {
    let host = pair("timeout = \"1s\"").await;
    for (arguments, kind, says) in [
        ("nobody;who;[]", "NotFound", "no service has this name"),
        ("other;what;[]", "NotFound", "`test:inside/calls@0.1.0.who`"),
        ("other;who;[1]", "Invalid", ""),
        ("other;who;[", "Invalid", "JSON"),
        ("other;flaky;[2]", "Trapped", "broke off"),
        ("other;slow-first;[60000]", "Deadline", ""),
        ("one;who;[]", "Denied", "does not let this caller"),
    ] {
        let (status, answer) = host.ask(&format!("/invoke?{arguments}")).await;
        assert_eq!(status, 200, "{arguments}");
        assert!(answer.contains(kind) && answer.contains(says), "{arguments}: {answer}");
    }
    // With a key the call may run twice, and does.
    assert_eq!(host.ask("/invoke?other;flaky;[2];once").await, (200, "2".to_owned()));
    let (_, page, _) = host.cli(&["inspect", "other"]).await;
    assert!(page.contains("retries 1"), "{page}");
    host.logged("tried again").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn services_find_each_other_and_see_changes() {
    let host = pair("").await;
    let both =
        "one@1 Health::Serving http test:inside/calls@0.1.0, other@1 Health::Serving http test:inside/calls@0.1.0";
    assert_eq!(host.ask("/providers?test:inside/calls").await.1, both);
    assert_eq!(host.ask("/providers?test:inside/calls@0.1.7").await.1, both);
    for nothing in ["test:inside/calls@0.2.0", "test:inside/other", "noise"] {
        assert_eq!(host.ask(&format!("/providers?{nothing}")).await.1, "", "{nothing}");
    }
    assert_eq!(host.ask("/resolve?nobody").await.1, "none");
    let before: u64 = host.ask("/version").await.1.parse().unwrap();
    assert_eq!(host.ask("/version").await.1, before.to_string());
    let (status, outcome) = host.deploy("other", marked("insider", "2"), json!({})).await;
    assert_eq!(status, 200, "{outcome}");
    assert!(host.ask("/version").await.1.parse::<u64>().unwrap() > before);
    assert_eq!(host.ask("/resolve?other").await.1, "other@2 Health::Serving http test:inside/calls@0.1.0");
    // The admin API knows the same.
    let found = host.admin_get("/v1/discovery?exporting=test:inside/calls").await;
    assert_eq!(found["version"].to_string(), host.ask("/version").await.1);
    let other = json!({
        "name": "other", "revision": 2, "health": "serving", "http": true, "interfaces": ["test:inside/calls@0.1.0"],
    });
    assert_eq!(found["services"][1], other, "{found}");
    assert_eq!(host.admin_get("/v1/discovery?exporting=a:b/c").await["services"], json!([]));
    let wrong = host.admin(reqwest::Method::GET, "/v1/discovery?exporting=noise").send().await.unwrap();
    assert_eq!(wrong.status(), 400);
    assert_eq!(host.cli(&["remove", "other", "--yes"]).await.0, 0);
    assert_eq!(host.ask("/resolve?other").await.1, "none");
}

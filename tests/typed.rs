//! Typed calls: functions that a service exports, called by operators and by other services, which know each other by
//! their contracts alone.

use std::time::Duration;

use serde_json::json;

use crate::support::{Host, marked, service};

/// The row that callers have made longer.
pub(crate) const WIDER: &str = "Row { a: 255, b: -2, c: 3, d: 18446744073709551615, e: 1.5, f: -2.5, g: true, h: 'é', name: \
                                \"wide!\", tags: [\"x\", \"\"], note: Some(\"kept\"), pair: (7, 8), last: 42 }";

/// A callee that lets the caller call it, and the caller.
fn both(callee: &str) -> String {
    let callee = service("callee", "callee", &format!("callers = [\"caller\"]\n{callee}"));
    callee + &service("caller", "caller", "routes = [\"/*\"]")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_calls_another_that_it_knows_by_contract_alone() {
    for instances in ["fresh", "reuse"] {
        let host = Host::start(&both(&format!("instances = \"{instances}\""))).await;
        for (path, answer) in [
            ("/add?2,3", "5"),
            ("/add?4294967295,1", "0"),
            ("/reserve?tea,2,green,soon", "Ok(7)"),
            ("/reserve?tea,11", "Err(Refusal::TooMany(10))"),
            ("/reserve?,1", "Err(Refusal::Closed)"),
            ("/reserve?coffee,1", "Err(Refusal::Unknown(\"coffee\"))"),
            ("/echo?0", "0 true"),
            ("/echo?65536", "65536 true"),
            ("/echo?4000000", "4000000 true"),
            // More parameters than go flat, in both directions.
            ("/widen", WIDER),
        ] {
            assert_eq!(host.ask(path).await, (200, answer.to_owned()), "{instances} {path}");
        }
        let counts = [host.ask("/count").await.1, host.ask("/count").await.1];
        assert_eq!(counts[0] == "1" && counts[1] == "1", instances == "fresh", "{counts:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_of_the_callee_ends_the_call_of_its_caller_and_nothing_else() {
    let host = Host::start(&both("timeout = \"1s\"\ninstances = \"reuse\"")).await;
    let (status, problem) = host.ask("/break-off").await;
    assert_eq!(status, 502, "{problem}");
    assert!(!problem.contains("callee"), "the outside does not learn of the inside: {problem}");
    let (status, problem) = host.ask("/spin").await;
    assert_eq!(status, 504, "{problem}");
    assert_eq!(host.ask("/add?1,1").await, (200, "2".to_owned()));
    host.logged("test:typed/calc@0.1.0.break-off").await;

    // Where the function's own error can carry the fault, it does.
    for (path, answer) in [
        ("/try-break-off", "Err(Failure::Trapped)"),
        ("/try-spin", "Err(Failure::Fault(\"deadline: The deadline of the call passed before it was answered.\"))"),
        ("/read-break-off", "Err(\"trapped: The service broke off.\")"),
    ] {
        assert_eq!(host.ask(path).await, (200, answer.to_owned()));
    }

    // Deny is the default, and it is told at deployment.
    let (status, outcome) = host.deploy("callee", marked("callee", "b"), json!({ "callers": [] })).await;
    assert_eq!(status, 200, "{outcome}");
    let (status, problem) = host.ask("/add?1,1").await;
    assert_eq!(status, 502, "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_call_functions_too() {
    let host = Host::start(&both("")).await;
    for (arguments, result) in [
        (&["add(2, 3)"][..], "5"),
        (&["test:typed/calc.add(2, 3)"], "5"),
        (&["test:typed/calc@0.1.0.add(2, 3)"], "5"),
        (&["reserve({sku: \"tea\", qty: 2, tags: [\"a\", \"b\"]})"], "ok(4)"),
        (&["reserve({sku: \"tea\", qty: 20, tags: []})"], "err(too-many(10))"),
        (&["add", "--arguments", "[2, 3]"], "5"),
        (&["add", "--arguments", "{\"a\": 2, \"b\": 3}"], "5"),
        (&["say(\"hello\")"], ""),
        (&["echo", "--arguments", "[\"AQID\"]"], "[1, 2, 3]"),
        (&["echo([1, 2])", "--json"], "\"AQI=\""),
    ] {
        let (code, stdout, stderr) = host.cli(&[&["call", "callee"], arguments].concat()).await;
        assert_eq!((code, stdout.trim()), (0, result), "{arguments:?}: {stderr}");
    }
    for (arguments, code, says) in [
        (&["add(2, -3)"][..], 4, "u32"),
        (&["add(2)"], 4, "b"),
        (&["subtract(2)"], 1, "`test:typed/calc@0.1.0.add`"),
        (&["add", "--arguments", "{\"c\": 2}"], 4, "`c`"),
        (&["add", "--arguments", "{"], 2, "--arguments"),
        (&["add(1, 2)", "--deadline", "soon"], 4, "soon"),
        (&["spin()", "--deadline", "100ms"], 1, "deadline"),
        (&["break-off()"], 1, "trapped"),
    ] {
        let (found, stdout, stderr) = host.cli(&[&["call", "callee"], arguments].concat()).await;
        assert_eq!(found, code, "{arguments:?}: {stdout}{stderr}");
        assert!(stderr.contains(says), "{says} in {stderr}");
    }
    let (code, _, stderr) = host.cli(&["call", "nobody", "add(1, 2)"]).await;
    assert!(code == 1 && stderr.contains("nobody"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_are_checked_before_anything_runs() {
    // The caller stands first in the file, and comes up after what it needs.
    let host = Host::start(&both("")).await;
    let caller = host.admin_get("/v1/services/caller").await;
    assert_eq!(caller["active"], 1, "{caller}");

    // Two that could serve it: which one has to be said, and before it becomes unclear.
    let (status, problem) = host.deploy("second", marked("callee", "2"), json!({ "callers": ["caller"] })).await;
    assert_eq!((status, &problem["step"]), (422, &json!("inspect")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("`callee` serves it"), "{problem}");
    let links = json!({ "links": { "test:typed/calc": "callee" } });
    assert_eq!(host.deploy("caller", marked("caller", "a"), links).await.0, 200);
    let (status, outcome) = host.deploy("second", marked("callee", "2"), json!({ "callers": ["caller"] })).await;
    assert_eq!(status, 200, "{outcome}");
    let (status, problem) = host.deploy("other", marked("caller", "b"), json!({})).await;
    assert_eq!((status, &problem["step"]), (422, &json!("inspect")), "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("`callee`") && detail.contains("`second`") && detail.contains("links"), "{detail}");
    let links = json!({ "links": { "test:typed/calc": "second" } });
    assert_eq!(host.deploy("caller", marked("caller", "b"), links).await.0, 200);
    assert_eq!(host.ask("/add?1,2").await, (200, "3".to_owned()));
    for (callee, count) in [("callee", "1"), ("second", "2")] {
        let (_, stdout, stderr) = host.cli(&["call", callee, "count()"]).await;
        assert_eq!(stdout.trim(), count, "{callee}: {stderr}");
    }

    // What serves others cannot go on without what they call, unless that is said.
    let (status, problem) = host.deploy("second", marked("probe", "x"), json!({})).await;
    assert_eq!((status, &problem["step"]), (422, &json!("inspect")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("`caller` imports"), "{problem}");
    assert_eq!(host.ask("/add?1,2").await, (200, "3".to_owned()));

    // Nobody serves what is asked for.
    let (status, problem) = host.deploy("lonely", marked("stranger", "x"), json!({})).await;
    assert_eq!((status, &problem["step"]), (422, &json!("inspect")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("no service exports it"), "{problem}");

    // A service without a handler has nothing to route to.
    let (status, problem) = host.deploy_routed("callee", marked("callee", "c"), json!({}), json!(["/callee/*"])).await;
    assert!(status == 422 && problem["detail"].as_str().unwrap().contains("no routes"), "{problem}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_callee_is_swapped_while_it_is_called_and_no_call_is_lost() {
    let host = Host::start(&both("instances = \"reuse\"")).await;
    let host = std::sync::Arc::new(host);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (host, stopped) = (host.clone(), stopped.clone());
            tokio::spawn(async move {
                let mut n_calls = 0u32;
                while !*stopped.borrow() {
                    assert_eq!(host.ask("/add?20,22").await, (200, "42".to_owned()));
                    n_calls += 1;
                }
                n_calls
            })
        })
        .collect();
    for swap in 0..10 {
        let (status, outcome) = host.deploy("callee", marked("callee", &format!("swap {swap}")), json!({})).await;
        assert_eq!(status, 200, "{outcome}");
    }
    stop.send(true).unwrap();
    let mut n_calls = 0;
    for caller in callers {
        n_calls += tokio::time::timeout(Duration::from_secs(30), caller).await.unwrap().unwrap();
    }
    assert!(n_calls > 8, "{n_calls}");
    // To meet a revision that was just replaced is no failed attempt, and costs nothing of the budget.
    let counts = host.admin_get("/v1/services/callee").await["counts"].clone();
    assert_eq!((&counts["retries"], &counts["retries_refused"]), (&json!(0), &json!(0)), "{counts}");
}

/// A caller of WASI 0.3, whose instance works on several calls at a time.
#[tokio::test(flavor = "multi_thread")]
async fn callers_of_wasi_0_3_call_too() {
    for instances in ["fresh", "reuse", "concurrent"] {
        let callee = service("callee", "callee", "callers = [\"caller\"]\ntimeout = \"1s\"");
        let caller = service("caller", "caller3", &format!("routes = [\"/*\"]\ninstances = \"{instances}\""));
        let host = std::sync::Arc::new(Host::start(&(callee + &caller)).await);
        let calls: Vec<_> = (0..20)
            .map(|number| {
                let host = host.clone();
                tokio::spawn(async move { (number, host.ask(&format!("/add?{number},1")).await) })
            })
            .collect();
        for call in calls {
            let (number, answer) = call.await.unwrap();
            assert_eq!(answer, (200, (number + 1).to_string()), "{instances}");
        }
        for (path, status, answer) in [
            ("/echo?100000", 200, "100000 true"),
            ("/try-break-off", 200, "Err(Failure::Trapped)"),
            (
                "/try-spin",
                200,
                "Err(Failure::Fault(\"deadline: The deadline of the call passed before it was answered.\"))",
            ),
        ] {
            assert_eq!(host.ask(path).await, (status, answer.to_owned()), "{instances} {path}");
        }
        assert_eq!(host.ask("/break-off").await.0, 502, "{instances}");
        assert_eq!(host.ask("/add?1,1").await, (200, "2".to_owned()), "{instances}");
    }
}

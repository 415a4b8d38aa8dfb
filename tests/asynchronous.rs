//! Functions that are `async`, on either side of a typed call or on both, and instances that go on with other calls while
//! they wait for one.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::time::sleep;

use crate::support::{Host, Server, at_rest, eventually, marked, service};
use crate::typed::WIDER;

const CALLED_BY_ALL: &str = "callers = [\"first\", \"second\", \"third\", \"this\", \"that\"]\n";

/// A caller of this guest and a callee of that, which may call the server.
fn both(caller: (&str, &str), callee: (&str, &str), server: Option<&Server>) -> String {
    let outbound = server.map(|server| format!("outbound = [\"{}\"]\n", server.address)).unwrap_or_default();
    let mut services = service("callee", callee.0, &format!("callers = [\"caller\"]\n{outbound}{}", callee.1));
    // It exports what it imports, so it has to say whose functions it means; and it imports more.
    let links = if caller.0 == "relay3" { "links = { \"test:typed/calc\" = \"callee\" }\n" } else { "" };
    if caller.0 == "relay3" && callee.0 != "callee3" {
        services += &service("errand", "callee3", "callers = [\"caller\"]");
    }
    services + &service("caller", caller.0, &format!("routes = [\"/*\"]\n{links}{}", caller.1))
}

/// The instances of the only revision of a service that live.
async fn live(host: &Host, name: &str) -> u64 {
    host.admin_get(&format!("/v1/services/{name}")).await["revisions"][0]["instances"]["live"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn either_side_may_be_async() {
    let every = &["fresh", "reuse", "concurrent"][..];
    for (caller, callee, policies) in [
        ("caller", "callee3", every),
        ("caller3", "callee3", &["concurrent"]),
        ("relay3", "callee", every),
        ("relay3", "callee3", &["concurrent"]),
    ] {
        for instances in policies {
            let instances = format!("instances = \"{instances}\"");
            let of_caller = if caller == "relay3" { instances.as_str() } else { "" };
            let of_callee = if callee == "callee3" { instances.as_str() } else { "" };
            let of_callee = format!("timeout = \"2s\"\n{of_callee}");
            let host = Host::start(&both((caller, of_caller), (callee, &of_callee), None)).await;
            for (path, answer) in [
                ("/add?2,3", "5"),
                ("/echo?100000", "100000 true"),
                ("/reserve?tea,2,green,soon", "Ok(7)"),
                ("/reserve?coffee,1", "Err(Refusal::Unknown(\"coffee\"))"),
                ("/widen", WIDER),
                ("/try-break-off", "Err(Failure::Trapped)"),
            ] {
                if caller == "caller3" && (path.starts_with("/reserve") || path == "/widen") {
                    continue;
                }
                assert_eq!(host.ask(path).await, (200, answer.to_owned()), "{caller} {callee} {instances} {path}");
            }
            let (status, answer) = host.ask("/try-spin").await;
            assert!(status == 200 && answer.starts_with("Err(Failure::Fault(\"deadline: "), "{status} {answer}");
            let (status, problem) = host.ask("/break-off").await;
            assert_eq!(status, 502, "{caller} {callee} {instances}: {problem}");
            assert_eq!(host.ask("/add?1,1").await, (200, "2".to_owned()), "{caller} {callee} {instances}");
            let log = host.logged("test:typed/calc@0.1.0.break-off").await;
            let told = log.lines().filter(|line| line.contains("test:typed/calc@0.1.0.break-off")).count();
            assert_eq!(told, 1, "one fault of the caller: {log}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_of_async_functions_keeps_its_policy() {
    let server = Server::start().await;
    let host = Host::start(&both(("relay3", ""), ("callee3", ""), Some(&server))).await;
    let revision = host.admin_get("/v1/services/callee/revisions/1").await;
    assert_eq!(revision["policy"], "concurrent", "{revision}");
    for (instances, counts) in [("fresh", ["1", "1"]), ("reuse", ["1", "2"]), ("concurrent", ["1", "2"])] {
        let settings = json!({ "instances": instances, "callers": ["caller"] });
        let (status, outcome) = host.deploy("callee", marked("callee3", instances), settings).await;
        assert_eq!(status, 200, "{outcome}");
        for count in counts {
            at_rest(&host, "callee").await;
            assert_eq!(host.ask("/count").await, (200, count.to_owned()), "{instances}");
        }
    }
}

/// The server answers only when all have come, so none of these would end if one waited for another.
#[tokio::test(flavor = "multi_thread")]
async fn one_instance_waits_for_many_calls_at_a_time() {
    let server = Server::start().await;
    let of_callers = "instances = \"concurrent\"";
    for of_callee in ["instances = \"fresh\"", "instances = \"concurrent\""] {
        let host = Arc::new(Host::start(&both(("relay3", of_callers), ("callee3", of_callee), Some(&server))).await);
        let url = format!("http://{}/meet/8", server.address);

        // In one call.
        let hellos = ["hello"; 8].join(" ");
        assert_eq!(host.ask(&format!("/gather?8,{url}")).await, (200, hellos), "{of_callee}");

        // In many.
        let before = server.arrived();
        let mut calls = Vec::new();
        for number in 1..=8 {
            let (asked, path) = (host.clone(), format!("/fetch?{url}"));
            calls.push(tokio::spawn(async move { asked.ask(&path).await }));
            if number < 8 {
                eventually("the call waits", async || (server.arrived() == before + number).then_some(())).await;
                assert_eq!(live(&host, "caller").await, 1, "{of_callee}");
            }
        }
        for (number, call) in calls.into_iter().enumerate() {
            assert_eq!(call.await.unwrap(), (200, format!("{}: hello", number + 1)), "{of_callee}");
        }
    }
}

/// The same of the other side: one instance that is called works on many calls.
#[tokio::test(flavor = "multi_thread")]
async fn one_instance_works_on_many_typed_calls_at_a_time() {
    let server = Server::start().await;
    let host = Arc::new(Host::start(&both(("relay3", ""), ("callee3", ""), Some(&server))).await);
    let call = format!("fetch(\"http://{}/meet/4\")", server.address);
    let mut calls = Vec::new();
    for number in 1..=4 {
        let (asked, call) = (host.clone(), call.clone());
        calls.push(tokio::spawn(async move { asked.cli(&["call", "callee", &call]).await }));
        if number < 4 {
            eventually("the call waits", async || (server.arrived() == number).then_some(())).await;
            assert_eq!(live(&host, "callee").await, 1);
        }
    }
    for call in calls {
        let (code, stdout, stderr) = call.await.unwrap();
        assert_eq!((code, stdout.trim()), (0, "\"hello\""), "{stderr}");
    }
}

/// A chain, and a circle in which an instance is called before the call that it made is answered.
#[tokio::test(flavor = "multi_thread")]
async fn calls_that_follow_from_each_other_arrive_and_those_that_go_round_are_cut() {
    let relay = |name: &str, callee: &str| {
        // In a circle, somebody has to be there before whom it calls.
        let link = format!("{{ service = \"{callee}\", required = false }}");
        let links = format!("links = {{ \"test:typed/calc\" = {link} }}\n{CALLED_BY_ALL}");
        service(name, "relay3", &format!("routes = [\"/{name}/*\"]\ninstances = \"concurrent\"\n{links}"))
    };
    let mut services = service("callee", "callee3", CALLED_BY_ALL);
    for (name, callee) in
        [("first", "second"), ("second", "third"), ("third", "callee"), ("this", "that"), ("that", "this")]
    {
        services += &relay(name, callee);
    }
    let host = Host::start(&services).await;
    for round in 0..20 {
        assert_eq!(host.ask(&format!("/first/add?{round},3")).await, (200, (round + 3).to_string()));
    }
    let (status, problem) = host.ask("/this/add?2,3").await;
    assert_eq!(status, 508, "{problem}");
    let (status, answer) = host.ask("/this/widen").await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(host.ask("/first/add?2,3").await, (200, "5".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_ends_what_was_called_for_it_and_nothing_else() {
    let server = Server::start().await;
    let of_caller = "instances = \"concurrent\"";
    for of_callee in ["instances = \"fresh\"", "instances = \"reuse\"", "instances = \"concurrent\""] {
        let host = Arc::new(Host::start(&both(("relay3", of_caller), ("callee3", of_callee), Some(&server))).await);
        let before = (server.connections(), server.arrived());
        let asked = host.clone();
        let path = format!("/fetch?http://{}/hang", server.address);
        let leaving = tokio::spawn(async move { asked.ask(&path).await });
        eventually("it was called", async || (server.connections() == before.0 + 1).then_some(())).await;
        // Another call of the same instance. With an instance of its own where it waits: one that was left is not used again.
        let asked = host.clone();
        let path = format!("/fetch?http://{}/meet/2", server.address);
        let staying = tokio::spawn(async move { asked.ask(&path).await });
        eventually("so was the other", async || (server.arrived() == before.1 + 1).then_some(())).await;
        assert_eq!((live(&host, "caller").await, server.open()), (1, 2), "{of_callee}");

        leaving.abort();
        let left = if of_callee.contains("concurrent") { 2 } else { 1 };
        if left == 1 {
            eventually("its work ends", async || (server.open() == 1).then_some(())).await;
        }
        let (status, answer) = host.ask(&format!("/fetch?http://{}/meet/2", server.address)).await;
        assert!(status == 200 && answer.ends_with(": hello"), "{of_callee}: {answer}");
        assert_eq!(staying.await.unwrap(), (200, "2: hello".to_owned()), "{of_callee}");
        eventually("its work ends", async || (live(&host, "caller").await <= 1).then_some(())).await;
        assert_eq!(host.ask("/add?1,1").await, (200, "2".to_owned()), "{of_callee}");
        drop(host);
        eventually("nothing is left", async || (server.open() == 0).then_some(())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_one_call_of_an_instance_and_not_the_others() {
    let server = Server::start().await;
    let of_caller = "instances = \"concurrent\"\ntimeout = \"6s\"";
    let host = Arc::new(Host::start(&both(("relay3", of_caller), ("callee3", ""), Some(&server))).await);
    let asked = host.clone();
    let path = format!("/fetch?http://{}/hang", server.address);
    let first = tokio::spawn(async move { asked.ask(&path).await });
    eventually("it was called", async || (server.connections() == 1).then_some(())).await;
    // So that the other one has time left when the first has none.
    sleep(Duration::from_secs(3)).await;
    let asked = host.clone();
    let path = format!("/fetch?http://{}/meet/2", server.address);
    let second = tokio::spawn(async move { asked.ask(&path).await });
    let (status, problem) = first.await.unwrap();
    assert!(status == 504 && problem.contains("deadline"), "{status} {problem}");
    let (status, answer) = host.ask(&format!("/fetch?http://{}/meet/2", server.address)).await;
    assert!(status == 200 && answer.ends_with(": hello"), "{answer}");
    assert_eq!(second.await.unwrap(), (200, "2: hello".to_owned()), "it shared the instance, and lives");
}

/// A service that handles requests with WASI 0.3 and exports functions: its instances do both.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_of_wasi_0_3_is_called_too() {
    let far = service("far", "callee", "callers = [\"near\"]");
    let links = "callers = [\"caller\"]\nlinks = { \"test:typed/calc\" = \"far\" }\ntimeout = \"2s\"";
    let near = service("near", "relay3", &format!("routes = [\"near.example/*\"]\n{links}"));
    let caller = "routes = [\"/*\"]\nlinks = { \"test:typed/calc\" = \"near\" }";
    // What `near` imports beside.
    let errand = service("errand", "callee3", "callers = [\"near\"]");
    let host = Host::start(&(far + &errand + &near + &service("caller", "caller", caller))).await;
    for (path, answer) in [
        ("/add?2,3", "5"),
        ("/echo?100000", "100000 true"),
        ("/reserve?tea,11", "Err(Refusal::TooMany(10))"),
        ("/widen", WIDER),
        ("/count", "1"),
        ("/count", "2"),
        ("/try-break-off", "Err(Failure::Trapped)"),
    ] {
        // Until then another call would get another instance, which counts for itself.
        at_rest(&host, "near").await;
        assert_eq!(host.ask(path).await, (200, answer.to_owned()), "{path}");
    }
    let (status, answer) = host.ask("/try-spin").await;
    assert!(status == 200 && answer.starts_with("Err(Failure::Fault(\"deadline: "), "{status} {answer}");
    assert_eq!(host.ask_of("near.example", "/add?20,22").await, (200, "42".to_owned()));
    let (code, stdout, stderr) = host.cli(&["call", "near", "add(1, 2)"]).await;
    assert_eq!((code, stdout.trim()), (0, "3"), "{stderr}");
    for (function, fault) in [("break-off()", "trapped"), ("spin()", "deadline"), ("add(1)", "b")] {
        let (code, _, stderr) = host.cli(&["call", "near", function]).await;
        assert!(code != 0 && stderr.contains(fault), "{function}: {stderr}");
    }
    assert_eq!(host.ask("/add?1,1").await, (200, "2".to_owned()));
}

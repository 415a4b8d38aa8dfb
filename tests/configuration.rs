//! `runtime.toml` as a user meets it: every mistake at once, with its place and the fix, and the same from `check`.

use crate::support::{Host, guest, service};

/// A file full of mistakes, and what has to be said about each, in order.
fn broken() -> (String, Vec<(&'static str, &'static str)>) {
    let component = guest("probe");
    let text = format!(
        r#"[deploy]
retained = "many"
[defaults]
memory = "12 apples"
timeot = "1s"
[services.a]
component = {component:?}
routes = ["/x"]
instances = "sometimes"
[services.b]
component = {component:?}
routes = ["/x", "nowhere"]
[services.UPPER]
component = "nothing.wasm"
[services.c]
component = "missing.wasm"
concurrency = 0
[surprise]
"#
    );
    let said = vec![
        ("deploy.retained", "number"),
        ("defaults.memory", "12 apples"),
        ("defaults.timeot", "timeout"),
        ("services.a.instances", "fresh"),
        ("services.b.routes", "nowhere"),
        ("UPPER", "lower-case"),
        ("services.c.component", "missing.wasm"),
        ("services.c.concurrency", "1"),
        ("surprise", "unknown"),
    ];
    (text, said)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mistake_is_told_at_once_with_its_place_and_the_fix() {
    let (text, said) = broken();
    for command in ["check", "up"] {
        let host = Host::stopped("");
        std::fs::write(host.folder.path().join("runtime.toml"), &text).unwrap();
        let (code, _, stderr) = host.cli(&[command]).await;
        assert_ne!(code, 0, "{command}: {stderr}");
        for (key, fix) in &said {
            let line = stderr.lines().find(|line| line.contains(key)).unwrap_or_else(|| panic!("{key} in {stderr}"));
            assert!(line.contains(fix) || stderr.contains(fix), "{fix} for {key} in {stderr}");
            assert!(line.contains("runtime.toml:"), "a place in {line}");
        }
        assert!(!host.folder.path().join("state/registry.json").exists(), "{command} has begun in spite of it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_looks_into_the_components() {
    let deaf = "[services.probe.subscriptions.\"a.>\"]\n";
    let lost = "[services.listener.subscriptions.\"a.>\"]\ndead_letter = \"lost\"\n";
    for (component, rest, says) in [
        ("stranger", "", &["services.stranger.component", "acme:weather/forecast@1.0.0"][..]),
        ("command", "", &["services.command.component", "wasi:http/incoming-handler"]),
        ("probe", deaf, &["services.probe.component", "handles no messages"]),
        ("listener", lost, &["services.listener.component", "which is volatile"]),
    ] {
        let host = Host::stopped(&service(component, component, rest));
        let (code, stdout, stderr) = host.cli(&["check"]).await;
        assert_ne!(code, 0);
        for part in says {
            assert!(format!("{stdout}{stderr}").contains(part), "{part} in {stdout}{stderr}");
        }
    }
    let host = Host::stopped(&service("probe", "probe", "routes = [\"/*\"]"));
    let (code, stdout, stderr) = host.cli(&["check"]).await;
    assert_eq!(code, 0, "{stdout}{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn toml_that_is_none_is_told_with_its_line() {
    let host = Host::stopped("");
    std::fs::write(host.folder.path().join("runtime.toml"), "[http]\nlisten = \n").unwrap();
    let (code, _, stderr) = host.cli(&["check"]).await;
    assert_ne!(code, 0);
    assert!(stderr.contains("runtime.toml:2"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_told() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let host = Host::stopped("");
    std::fs::write(host.folder.path().join("runtime.toml"), format!("[http]\nlisten = \"{address}\"\n")).unwrap();
    let (code, _, stderr) = host.cli(&["up"]).await;
    assert_ne!(code, 0);
    assert!(stderr.contains(&address), "{stderr}");
}

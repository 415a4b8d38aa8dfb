//! Logs: one record in a line, whoever writes it; what is kept of them; the access log; and what must not be in any of it.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Host, eventually, root, service};

/// Two services, of which each has a host name of its own.
fn two() -> String {
    ["one", "two"].map(|name| service(name, "probe", &format!("routes = [\"{name}.test/*\"]"))).concat()
}

/// A host that writes its log as JSON in this format.
async fn started(format: &'static str, configuration: &str) -> Host {
    let mut host = Host::stopped(configuration);
    host.log_as(format);
    host.run().await;
    host
}

/// The records that the host has written; each line is one.
fn written(host: &Host) -> Vec<Value> {
    let log = host.log();
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    log.lines().map(parse).collect()
}

/// The first record that was written and is this.
async fn find(host: &Host, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    eventually(what, async || written(host).into_iter().find(|record| is(record))).await
}

/// Asks, and says which call that was.
async fn call_of(host: &Host, name: &str, path: &str) -> String {
    let reply = host.client().get(host.url(path)).header("host", name).send().await.unwrap();
    let call = reply.headers()["patchbay-call"].to_str().unwrap().to_owned();
    reply.bytes().await.unwrap();
    call
}

/// What `patchbay logs` prints for programs, less what has no end.
async fn logs(host: &Host, arguments: &[&str]) -> Vec<Value> {
    let (code, stdout, stderr) = host.cli(&[&["--json", "logs"], arguments].concat()).await;
    assert_eq!(code, 0, "{stdout}{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

fn lines(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["line"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pipe_every_record_is_a_json_object_in_a_line() {
    let host = started("auto", &two()).await;
    let call = call_of(&host, "one.test", "/log?out=hello&err=oh%0Bno").await;
    let found = find(&host, "the line is written", |record| record["message"] == "hello").await;
    for (key, value) in [
        ("level", json!("info")),
        ("target", json!("guest")),
        ("service", json!("one")),
        ("revision", json!(1)),
        ("call", json!(call)),
        ("stream", json!("stdout")),
    ] {
        assert_eq!(found[key], value, "{key} of {found}");
    }
    let failed = find(&host, "the other line is written", |record| record["message"] == "oh\u{b}no").await;
    assert_eq!((&failed["level"], &failed["stream"]), (&json!("warn"), &json!("stderr")));
    let trapped = call_of(&host, "two.test", "/trap").await;
    let told = find(&host, "the fault is told", |record| record["call"] == json!(trapped)).await;
    assert_eq!((&told["fault"], &told["service"], &told["level"]), (&json!("trapped"), &json!("two"), &json!("warn")));
    for record in written(&host) {
        assert!(record["timestamp"].is_string() && record["message"].is_string(), "{record}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn elastic_gets_its_own_names() {
    let host = started("ecs", &format!("[logs]\naccess = true\n{}", two())).await;
    let call = call_of(&host, "one.test", "/log?out=hello").await;
    let line = find(&host, "the line is written", |record| record["message"] == "hello").await;
    let request = find(&host, "the request is", |record| record["event.dataset"] == "patchbay.access").await;
    for (record, key, value) in [
        (&line, "service.name", json!("one")),
        (&line, "service.version", json!("1")),
        (&line, "event.dataset", json!("patchbay.guest")),
        (&line, "patchbay.call", json!(call)),
        (&request, "patchbay.call", json!(call)),
        (&request, "http.request.method", json!("GET")),
        (&request, "http.response.status_code", json!(200)),
        (&request, "url.path", json!("/log")),
        (&request, "event.outcome", json!("success")),
        (&request, "source.ip", json!("127.0.0.1")),
    ] {
        assert_eq!(record[key], value, "{key} of {record}");
    }
    for record in written(&host) {
        for key in ["@timestamp", "log.level", "message", "ecs.version"] {
            assert!(record[key].is_string(), "{key} of {record}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_shows_what_is_asked_for_in_order() {
    let host = started("json", &two()).await;
    let first = call_of(&host, "one.test", "/log?out=1&err=2").await;
    let second = call_of(&host, "two.test", "/log?out=3").await;
    let third = call_of(&host, "one.test", "/trap").await;
    let trapped = eventually("the fault is kept", async || {
        let found = logs(&host, &["--call", &third, "--level", "warn"]).await;
        found.into_iter().find(|record| record["stream"] == "host")
    })
    .await;
    assert_eq!((&trapped["service"], &trapped["fault"]), (&json!("one"), &json!("trapped")));
    for (arguments, wanted) in [
        (&["--call", &first][..], &["1", "2"][..]),
        (&["--call", &first, "--level", "warn"], &["2"]),
        (&["--call", &second, "--service", "two"], &["3"]),
        (&["--call", &second, "--service", "one"], &[]),
        (&["--call", &first, "--since", "1h", "-n", "1"], &["2"]),
        (&["--call", &first, "--since", "2099-01-01T00:00:00Z"], &[]),
        (&["--trace", "4bf92f3577b34da6a3ce929d0e0e4736"], &[]),
    ] {
        assert_eq!(lines(&logs(&host, arguments).await), wanted, "{arguments:?}");
    }
    // What the services print stands between what the host says of them.
    let all = logs(&host, &[]).await;
    let numbers: Vec<_> = all.iter().map(|record| record["number"].as_u64().unwrap()).collect();
    assert!(numbers.is_sorted() && all.iter().any(|record| record["service"].is_null()), "{all:?}");
    let (code, text, stderr) = host.cli(&["logs", "one", "--level", "warn"]).await;
    assert!(
        code == 0 && text.contains("one@1") && text.contains("fault=trapped") && !text.contains("two"),
        "{text}{stderr}"
    );
    let refused = host.admin(reqwest::Method::GET, "/v1/logs?since=soon").send().await.unwrap();
    assert_eq!(refused.status(), 400);
}

/// Some fields of a record, as JSON.
type Fields = &'static [(&'static str, &'static str)];

/// Requests, and what the access log has of them.
const REQUESTS: [(&str, &str, &str, Option<Fields>); 5] = [
    (
        "one.test",
        "/echo?token=hunter2",
        "abc",
        Some(&[
            ("service", "\"one\""),
            ("revision", "1"),
            ("route", "\"one.test/*\""),
            ("path", "\"/echo\""),
            ("status", "200"),
            ("bytes_in", "3"),
            ("bytes_out", "3"),
            ("caller", "\"outside\""),
            ("method", "\"POST\""),
            ("query", "null"),
            ("fault", "null"),
        ]),
    ),
    ("quiet.test", "/echo", "abc", None),
    ("one.test", "/trap", "", Some(&[("status", "500"), ("fault", "\"trapped\""), ("service", "\"one\"")])),
    ("nobody.test", "/x", "", Some(&[("status", "404"), ("fault", "\"not-found\""), ("service", "null")])),
    ("one.test", "/silent", "", Some(&[("status", "502"), ("fault", "\"failed\""), ("route", "\"one.test/*\"")])),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_request_is_a_record_where_a_route_has_it() {
    let probe = service(
        "one",
        "probe",
        "[services.one.routes.\"one.test/*\"]\n[services.one.routes.\"quiet.test/*\"]\naccess_log = false",
    );
    let host = started("json", &format!("[logs]\naccess = true\n{probe}")).await;
    for (name, path, body, wanted) in REQUESTS {
        let request = host.client().post(host.url(path)).header("host", name).header("user-agent", "test/1").body(body);
        let reply = request.send().await.unwrap();
        let call = reply.headers()["patchbay-call"].to_str().unwrap().to_owned();
        reply.bytes().await.unwrap();
        let Some(wanted) = wanted else { continue };
        let is = |record: &Value| record["target"] == "access" && record["call"] == json!(call);
        let record = find(&host, &format!("{name}{path} is logged"), is).await;
        for (key, value) in wanted {
            assert_eq!(record[*key].to_string(), *value, "{key} of {record}");
        }
        assert_eq!((&record["agent"], &record["address"]), (&json!("test/1"), &json!("127.0.0.1")));
        assert!(record["duration"].as_f64().is_some_and(|seconds| seconds > 0.0 && seconds < 240.0), "{record}");
    }
    let requests = written(&host).iter().filter(|record| record["target"] == "access").count();
    assert_eq!(requests, 4, "one route has none");
    assert!(logs(&host, &[]).await.iter().all(|record| record["target"] != "access"), "they are not kept");
    assert!(!host.log().contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_goes_away_is_logged_too_and_a_route_can_have_it_alone() {
    let probe = service(
        "one",
        "probe",
        "[services.one.routes.\"one.test/*\"]\naccess_log = true\n[services.one.routes.\"/*\"]",
    );
    let host = started("json", &probe).await;
    host.ask("/echo").await;
    let mut client = TcpStream::connect(host.address()).await.unwrap();
    client.write_all(b"GET /block?ms=100000 HTTP/1.1\r\nhost: one.test\r\n\r\n").await.unwrap();
    eventually("it is called", async || (host.admin_get("/v1/services/one").await["calls"] == 1).then_some(())).await;
    drop(client);
    let record = find(&host, "it is logged", |record| record["target"] == "access").await;
    let shown = (&record["path"], &record["status"], &record["fault"]);
    assert_eq!(shown, (&json!("/block"), &Value::Null, &json!("cancelled")));
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_in_no_log() {
    const SECRET: &str = "tea-from-the-first-flush";
    let mut host = Host::stopped("");
    std::fs::write(host.folder.path().join("key"), SECRET).unwrap();
    let probe = service("one", "probe", "routes = [\"/*\"]\n[services.one.secrets]\nkey = { file = \"key\" }");
    host.configure(&format!("[logs]\naccess = true\naccess_query = true\nredact = [\"X-Session\"]\n{probe}"));
    host.log_as("json");
    host.run().await;
    let said =
        ["Authorization:%20Bearer%20hunter2", "x-session:%20hunter2", "my%20key%20is%20tea-from-the-first-flush"];
    call_of(&host, "one.test", &format!("/log?{}", said.map(|line| format!("out={line}")).join("&"))).await;
    call_of(&host, "one.test", "/log?out=last&token=hunter2&x=1").await;
    find(&host, "all is written", |record| record["message"] == "last").await;
    let is = |record: &Value| record["query"].as_str().is_some_and(|query| query.starts_with("out=last"));
    let request = find(&host, "the request is", is).await;
    assert_eq!(request["query"], "out=last&token=[redacted]&x=1");
    let kept = json!(logs(&host, &["one"]).await).to_string();
    for told in [host.log(), kept] {
        assert!(told.contains("my key is [redacted]"), "{told}");
        assert!(!told.contains(SECRET) && !told.contains("hunter2"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_stays_within_the_ring() {
    let bounds = "[logs]\nkeep = 1000\nkeep_size = \"64KiB\"\n";
    let host = started("json", &format!("{bounds}[defaults]\nlog_rate = \"8MiB\"\n{}", two())).await;
    assert_eq!(host.ask_of("one.test", "/flood?mib=4").await.0, 200);
    host.ask_of("one.test", "/log?out=last").await;
    let kept = logs(&host, &["-n", "100000"]).await;
    let bytes: usize = kept.iter().map(|record| record["line"].as_str().unwrap().len()).sum();
    assert_eq!(lines(&kept).last(), Some(&"last"));
    assert!(kept.len() > 50 && bytes < 64 << 10, "{} records, {bytes} bytes", kept.len());
    assert!(kept.last().unwrap()["number"].as_u64().unwrap() > 10_000, "it was a flood");
    // A reload has other bounds hold at once.
    host.configure(&format!("[logs]\nkeep = 3\n[defaults]\nlog_rate = \"8MiB\"\n{}", two()));
    eventually("the ring is smaller", async || (logs(&host, &[]).await.len() <= 3).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_the_log_holds_up_nobody() {
    let host = Host::stopped(&format!("[defaults]\nlog_rate = \"64MiB\"\n{}", two()));
    let mut process = host.command("json").stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut stderr = process.stderr.take().unwrap();
    let mut host = host;
    host.serves(process).await;
    for _ in 0..3 {
        let asked = host.ask_of("one.test", "/flood?mib=4");
        let answered = tokio::time::timeout(Duration::from_secs(60), asked).await;
        assert_eq!(answered.expect("it is answered").0, 200);
    }
    // Whoever begins to read again is told what is gone.
    let mut read = String::new();
    let mut buffer = vec![0; 1 << 16];
    while !read.contains("records were not written") {
        let n = stderr.read(&mut buffer).await.unwrap();
        assert!(n > 0, "it is told");
        read.push_str(&String::from_utf8_lossy(&buffer[..n]));
    }
    let told = read.lines().find(|line| line.contains("records were not written")).unwrap();
    assert!(told.contains("\"lost\":"), "{told}");
}

#[test]
fn what_the_compose_file_mounts_is_there() {
    let folder = root().join("docs/observability");
    let compose = std::fs::read_to_string(folder.join("compose.yaml")).unwrap();
    let mounted = compose.lines().filter_map(|line| line.trim().strip_prefix("- ./")?.split(':').next());
    let mounted: Vec<_> = mounted.collect();
    assert!(mounted.len() > 5, "{mounted:?}");
    for path in mounted {
        // These come from elsewhere in the repository, or are made when they are first needed.
        let made = ["dashboards", "rules"].contains(&path);
        assert!(made || Path::new(&folder.join(path)).exists(), "{path}");
    }
}

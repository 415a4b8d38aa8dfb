//! What arrives at a collector that is not ours: spans, metrics and log records of the real binary, over either protocol.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::support::{Host, eventually, root, service};

/// A receiver that writes down what it gets.
struct Receiver {
    folder: TempDir,
    process: Child,
    grpc: u16,
    http: u16,
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

impl Receiver {
    async fn start() -> Self {
        let program = root().join("target/tools/bin/rotel-agent");
        assert!(program.exists(), "there is no {}: run `cargo xtask test` once", program.display());
        let (folder, grpc, http) = (TempDir::new().unwrap(), free_port(), free_port());
        let log = File::create(folder.path().join("received")).unwrap();
        let process = Command::new(program)
            .args(["start", "--exporter", "blackhole", "--debug-log-verbosity", "detailed"])
            .args(["--debug-log", "traces", "--debug-log", "metrics", "--debug-log", "logs"])
            .args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")])
            .args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")])
            .stdout(Stdio::from(log.try_clone().unwrap()))
            .stderr(Stdio::from(log))
            .spawn()
            .unwrap();
        let receiver = Self { folder, process, grpc, http };
        for port in [grpc, http] {
            eventually("the receiver listens", async || {
                tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok()
            })
            .await;
        }
        receiver
    }

    /// All that it got so far, as text.
    fn received(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("received")).unwrap()
    }

    /// What came of one kind, each with the resource that it is of.
    fn resources(&self, kind: &str) -> Vec<String> {
        let text = self.received();
        let begins = |line: &&str| {
            ["ResourceSpans #", "ResourceMetrics #", "ResourceLog #"].iter().any(|head| line.starts_with(head))
        };
        let mut found: Vec<String> = Vec::new();
        for line in text.lines() {
            if begins(&line) {
                found.push(String::new());
            }
            if let Some(last) = found.last_mut() {
                last.push_str(line);
                last.push('\n');
            }
        }
        found.retain(|resource| resource.starts_with(kind));
        found
    }

    /// Waits for something of this kind that says all of this.
    async fn gets(&self, kind: &str, says: &[&str]) {
        eventually(&format!("{kind} {says:?}"), async || {
            let said = |resource: &String| says.iter().all(|text| resource.contains(text));
            self.resources(kind).iter().any(said).then_some(())
        })
        .await;
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn spans_metrics_and_records_arrive_at_a_collector() {
    let receiver = Receiver::start().await;
    for (protocol, port, trace) in [
        ("grpc", receiver.grpc, "0af7651916cd43dd8448eb211c80319c"),
        ("http/protobuf", receiver.http, "1af7651916cd43dd8448eb211c80319d"),
    ] {
        let name = format!("name-{port}");
        let otlp = format!(
            "[otlp]\nendpoint = \"http://127.0.0.1:{port}\"\nprotocol = \"{protocol}\"\nname = \"{name}\"\n\
             interval = \"10ms\"\nmetrics_interval = \"1h\"\n[otlp.attributes]\n\"deployment.environment.name\" = \"test\"\n"
        );
        let services = service("callee", "callee", "") + &service("caller", "caller", "routes = [\"/*\"]");
        let probe = service("probe", "probe", "routes = [\"/log\"]");
        let traced = service("traced", "traced", "routes = [\"/fail\"]");
        let mut host = Host::start(&format!("{otlp}{services}{probe}{traced}")).await;
        let ask = async |path: &str| {
            let parent = format!("00-{trace}-b7ad6b7169203331-01");
            let reply = host.client().get(host.url(path)).header("traceparent", parent).send().await.unwrap();
            assert_eq!(reply.status(), 200, "{path}");
        };
        ask("/add?1,2").await;
        ask("/log?out=hello").await;
        ask("/fail").await;
        let (trace, of_host) = (format!("Trace ID       : {trace}"), format!("service.namespace: Str({name})"));
        let environment = "deployment.environment.name: Str(test)";
        let caller = ["service.name: Str(caller)", &of_host, environment, &trace, "Parent ID      : b7ad6b7169203331"];
        receiver.gets("ResourceSpans", &caller).await;
        let callee = [
            "service.name: Str(callee)",
            &of_host,
            &trace,
            "test:typed/calc@0.1.0.add",
            "patchbay.caller: Str(caller)",
        ];
        receiver.gets("ResourceSpans", &callee).await;
        let own = [
            "service.name: Str(traced)",
            &of_host,
            &trace,
            "traced 0.1.0",
            "ID             : 00000000000000d1",
            "Name           : attempt",
            "Status message : in vain",
            "error.type: Str(timeout)",
        ];
        receiver.gets("ResourceSpans", &own).await;
        receiver.gets("ResourceLog", &["service.name: Str(probe)", &of_host, "Body: Str(hello)", &trace]).await;
        // What was counted up to the end is sent at the end.
        assert!(!receiver.resources("ResourceMetrics").iter().any(|resource| resource.contains(&name)));
        host.signal(Signal::TERM);
        assert_eq!(host.exited().await.code(), Some(0));
        let metrics = [format!("service.name: Str({name})"), "Name: http.server.request.duration".to_owned()];
        receiver.gets("ResourceMetrics", &[&metrics[0], &metrics[1], "Name: patchbay_call_duration_seconds"]).await;
    }
}

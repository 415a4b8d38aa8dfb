//! Disks that are full, read-only, broken or slow cost a deployment, and nothing that serves.

use reqwest::Method;
use rustix::io::Errno;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::{Duration, Instant};

use crate::support::{Host, guest, marked, service};

fn settings(version: &str) -> Value {
    json!({ "config": { "version": version } })
}

async fn upload(host: &Host, bytes: Vec<u8>) -> (u16, Value) {
    let reply = host.admin(Method::POST, "/v1/components").body(bytes).send().await.unwrap();
    (reply.status().as_u16(), reply.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_takes_nothing_fails_deployments_and_nothing_else() {
    let mut host =
        Host::start(&service("probe", "probe", "routes = [\"/*\"]\n[services.probe.config]\nversion = \"1\"")).await;
    let hazards = host.hazards();
    for (errno, says) in [
        (Errno::NOSPC, "No space left on device (os error 28); make room"),
        (Errno::ROFS, "Read-only file system (os error 30); make the file system writable"),
        (Errno::DQUOT, "quota exceeded (os error 122); make room"),
        (Errno::IO, "error (os error 5)"),
    ] {
        let digest = host.upload(marked("probe", says)).await;
        hazards.plan(&format!("fail {}", errno.raw_os_error()));
        let (status, problem) = upload(&host, marked("probe", "another")).await;
        assert_eq!(status, 500, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{says} in {problem}");

        // What is uploaded already cannot be published either; it can be compiled.
        let request = json!({ "component": digest, "settings": settings("2") });
        let (status, problem) = host.post("/v1/services/probe/revisions", request.clone()).await;
        assert_eq!((status, &problem["step"]), (500, &json!("publish")), "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{says} in {problem}");
        assert_eq!(host.ask("/version").await, (200, "1".to_owned()));

        // A host that starts now serves what it served.
        host.signal(Signal::KILL);
        host.exited().await;
        host.run().await;
        assert_eq!(host.ask("/version").await, (200, "1".to_owned()));
        host.logged("commands will not find this host by themselves").await;

        hazards.calm();
        let digest = host.upload(marked("probe", says)).await;
        let request = json!({ "component": digest, "settings": settings("2") });
        assert_eq!(host.post("/v1/services/probe/revisions", request).await.0, 200);
        assert_eq!(host.ask("/version").await.1, "2");
        assert_eq!(host.deploy("probe", std::fs::read(guest("probe")).unwrap(), settings("1")).await.0, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_breaks_at_any_act_leaves_what_serves_and_what_is_stored_in_step() {
    let mut host = Host::start("").await;
    let hazards = host.hazards();
    let first = host.deploy_routed("probe", marked("probe", "0"), settings("0"), json!(["/*"])).await;
    assert_eq!(first.0, 200);
    hazards.plan("trace");
    assert_eq!(host.deploy("probe", marked("probe", "traced"), settings("traced")).await.0, 200);
    let is_of_disk = |act: &&String| !act.contains(" call ") && !act.contains(" return ");
    let acts: Vec<_> = hazards.acts().iter().filter(is_of_disk).cloned().collect();
    let mut serves = "traced".to_owned();
    let (mut n_failed, mut n_done) = (0, 0);
    for (number, act) in (1..).zip(&acts) {
        hazards.plan(&format!("fail {} {act}", Errno::IO.raw_os_error()));
        let version = number.to_string();
        let (mut status, mut answer) = upload(&host, marked("probe", &version)).await;
        if status == 201 {
            let request = json!({ "component": answer["digest"], "settings": settings(&version) });
            (status, answer) = host.post("/v1/services/probe/revisions", request).await;
        }
        assert!([200, 500].contains(&status), "`{act}` fails: {status} {answer}");
        if status == 200 {
            serves = version;
            n_done += 1;
        } else {
            assert!(answer["detail"].as_str().unwrap().contains("os error 5"), "{answer}");
            n_failed += 1;
        }
        assert_eq!(host.ask("/version").await, (200, serves.clone()), "`{act}` fails with {answer}");
        hazards.calm();
        host.signal(Signal::KILL);
        host.exited().await;
        host.run().await;
        assert_eq!(host.ask("/version").await, (200, serves.clone()), "after a restart; `{act}` failed with {answer}");
    }
    assert!(n_failed >= 10 && n_done >= 5, "{n_failed} deployments failed, {n_done} were done: {acts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_disk_makes_a_deployment_wait_and_no_call() {
    let host = Host::start(&service("probe", "probe", "routes = [\"/*\"]")).await;
    let component = host.upload(std::fs::read(guest("probe")).unwrap()).await;
    host.hazards().plan("slow 400");
    let request = json!({ "component": component, "settings": settings("2") });
    let deployment = host.admin(Method::POST, "/v1/services/probe/revisions").header("accept", "text/event-stream");
    let begun = Instant::now();
    let mut deployment = deployment.json(&request).send().await.unwrap();
    let (mut told, mut first_news, mut n_calls, mut slowest) = (String::new(), None, 0, Duration::ZERO);
    loop {
        tokio::select! {
            piece = deployment.chunk() => match piece.unwrap() {
                Some(piece) => {
                    first_news.get_or_insert(begun.elapsed());
                    told.push_str(&String::from_utf8_lossy(&piece));
                }
                None => break,
            },
            took = async {
                let begun = Instant::now();
                assert_eq!(host.ask("/version").await.0, 200);
                begun.elapsed()
            } => {
                n_calls += 1;
                slowest = slowest.max(took);
            }
        }
    }
    assert!(told.contains("activated"), "{told}");
    assert!(
        first_news.unwrap() < Duration::from_secs(2),
        "what is waited for is told at once, not after {first_news:?}"
    );
    assert!(begun.elapsed() > Duration::from_secs(3), "the disk was not slow");
    assert!(n_calls >= 20, "only {n_calls} calls were answered meanwhile");
    assert!(slowest < Duration::from_secs(2), "a call took {slowest:?}");
    assert_eq!(host.ask("/version").await.1, "2");
}

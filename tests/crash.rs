//! The host is killed at every act of a change: before each write, rename and sync, and between the steps. Whatever the
//! act, it comes back with the old revision or with the new one.
//!
//! Which acts there are is not written down here: a first run without a crash tells them.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use reqwest::{Method, StatusCode};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::{Host, eventually, guest, marked, service};

/// A change that is cut short.
#[derive(Clone, Copy)]
enum Change {
    Deploy,
    RollBack,
    Remove,
}

impl Change {
    /// Brings the service to where the change can begin; what it answers, and what it answers after the change.
    async fn prepare(self, host: &Host, number: usize) -> (Answer, Answer) {
        let (before, last) = (format!("{number} before"), format!("{number} last"));
        reconfigure(host, &before).await;
        match self {
            Self::Deploy => (Answer::version(&before), Answer::version(&last)),
            Self::RollBack => {
                reconfigure(host, &last).await;
                (Answer::version(&last), Answer::version(&before))
            }
            Self::Remove => (Answer::version(&before), Answer(404, None)),
        }
    }

    /// Asks for the change; `None` if no answer came.
    async fn run(self, host: &Host, number: usize) -> Option<StatusCode> {
        let reply = match self {
            Self::Deploy => {
                let upload = host.admin(Method::POST, "/v1/components").body(marked("probe", &number.to_string()));
                let stored: Value = upload.send().await.ok()?.json().await.ok()?;
                let settings = json!({ "config": { "version": format!("{number} last") } });
                let request = json!({ "component": stored["digest"], "settings": settings });
                host.admin(Method::POST, "/v1/services/probe/revisions").json(&request).send().await.ok()?
            }
            Self::RollBack => {
                host.admin(Method::POST, "/v1/services/probe/rollback").json(&json!({})).send().await.ok()?
            }
            Self::Remove => host.admin(Method::DELETE, "/v1/services/probe").send().await.ok()?,
        };
        let status = reply.status();
        reply.bytes().await.ok()?;
        Some(status)
    }
}

/// What the service answers: status, and version if it is there.
#[derive(Debug, PartialEq, Eq)]
struct Answer(u16, Option<String>);

impl Answer {
    fn version(version: &str) -> Self {
        Self(200, Some(version.to_owned()))
    }

    async fn of(host: &Host) -> Self {
        let (status, text) = host.ask("/version").await;
        Self(status, (status == 200).then_some(text))
    }
}

/// Deploys the guest with another configuration, which needs no compiler.
async fn reconfigure(host: &Host, version: &str) {
    let settings = json!({ "config": { "version": version } });
    let component = std::fs::read(guest("probe")).unwrap();
    let (status, outcome) = host.deploy_routed("probe", component, settings, json!(["/*"])).await;
    assert_eq!((status, &outcome["outcome"]), (200, &json!("activated")), "{outcome}");
    assert_eq!(Answer::of(host).await, Answer::version(version));
}

/// Waits until the host has brought up the retained revisions too, which it does while it serves.
async fn settled(host: &Host) {
    eventually("the retained revisions are compiled", async || {
        let services = host.admin_get("/v1/services").await;
        let mut revisions = services.as_array()?.iter().flat_map(|service| service["revisions"].as_array()).flatten();
        revisions.all(|revision| revision["compiled"] == true).then_some(())
    })
    .await;
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// Nothing unfinished lies about, and no component that no revision needs.
async fn assert_tidy(host: &Host, act: &str) {
    let services = host.admin_get("/v1/services").await.to_string();
    for path in files(&host.state("")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with(".incoming") {
            // The bus may be at it right now.
            let what = format!("{act}: {} is gone", path.display());
            eventually(&what, async || (!path.exists()).then_some(())).await;
        }
        if let Some(digest) = name.strip_suffix(".wasm") {
            assert!(services.contains(digest), "{act}: {digest} is left and nobody needs it");
        }
    }
}

/// Kills the host at every act of the change, each time from a state in which it serves.
async fn killed_at_every_act(change: Change, must_have: &[&str]) {
    let mut host = Host::start("").await;
    change.prepare(&host, 0).await;
    settled(&host).await;
    host.hazards().plan("trace");
    assert_eq!(change.run(&host, 0).await, Some(StatusCode::OK));
    let acts = host.hazards().acts();
    for act in must_have {
        assert!(acts.iter().any(|found| found == act), "{act} is missing in {acts:?}");
    }
    let (mut n_old, mut n_new) = (0, 0);
    for (number, act) in (1..).zip(&acts) {
        host.hazards().calm();
        let (old, new) = change.prepare(&host, number).await;
        settled(&host).await;
        host.hazards().plan(&format!("kill {act}"));
        let answered = change.run(&host, number).await;
        assert_eq!(answered, None, "the host did not come to `{act}`");
        assert_eq!(host.exited().await.signal(), Some(9), "{act}");
        host.hazards().calm();
        host.run().await;
        let answer = Answer::of(&host).await;
        assert!(answer == old || answer == new, "killed at `{act}`: {answer:?} is neither {old:?} nor {new:?}");
        if answer == old {
            n_old += 1;
        } else {
            n_new += 1;
        }
        assert_tidy(&host, act).await;
    }
    // The next deployment works, also after the last of them.
    change.prepare(&host, acts.len() + 1).await;
    assert!(n_old >= 5 && n_new >= 1, "{n_old} times the old revision, {n_new} times the new one: {acts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_deploys_the_host_serves_the_old_or_the_new() {
    let must_have = [
        "1 sync components/.incoming",
        "1 rename cache/*-*.cwasm",
        "1 return executor.prepare",
        "1 call prepared.warm",
        "1 rename registry.json.previous",
        "1 rename registry.json",
        "2 sync-folder .",
        "1 call prepared.cool",
    ];
    killed_at_every_act(Change::Deploy, &must_have).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_rolls_back_the_host_serves_the_old_or_the_new() {
    let must_have = ["1 call prepared.warm", "1 rename registry.json", "2 sync-folder .", "1 call prepared.cool"];
    killed_at_every_act(Change::RollBack, &must_have).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_removes_the_host_serves_or_has_nothing_of_it() {
    let must_have = ["1 rename registry.json", "2 sync-folder .", "1 remove components/*.wasm"];
    killed_at_every_act(Change::Remove, &must_have).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_it_starts_the_host_comes_up_at_the_next_start() {
    let declared = |version: &str| {
        service("probe", "probe", &format!("routes = [\"/*\"]\n[services.probe.config]\nversion = \"{version}\""))
    };
    let mut host = Host::start(&declared("first")).await;
    let mut acts = Vec::new();
    for (number, plan) in [(0, "trace".to_owned())].into_iter().chain((1..).map(|number| (number, String::new()))) {
        let plan = match number {
            0 => plan,
            number if number <= acts.len() => format!("kill {}", acts[number - 1]),
            _ => break,
        };
        host.signal(Signal::TERM);
        assert!(host.exited().await.success());
        host.configure(&declared(&number.to_string()));
        // What an earlier crash can leave, so that it has to be removed.
        std::fs::write(host.state("components/.incoming-x"), "half").unwrap();
        host.hazards().plan(&plan);
        if number > 0 {
            assert_eq!(host.run_in_vain().await.signal(), Some(9), "{plan}");
            host.hazards().calm();
        }
        host.run().await;
        settled(&host).await;
        if number == 0 {
            acts = host.hazards().acts();
            for act in ["1 remove components/.incoming", "1 rename admin.address", "1 rename registry.json"] {
                assert!(acts.iter().any(|found| found == act), "{act} is missing in {acts:?}");
            }
        }
        assert_eq!(Answer::of(&host).await, Answer::version(&number.to_string()), "{plan}");
        assert_tidy(&host, &plan).await;
    }
}

//! What a host holds: memory, files, threads, instances and series of metrics, and how they come to rest.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::scene::Scene;

/// What the host held at one moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    /// Seconds since the beginning of the load.
    pub(crate) at: u64,
    /// Memory that is in RAM, in KiB.
    pub(crate) resident: u64,
    /// The part of it that no file stands behind, in KiB: not code, not mapped components.
    pub(crate) anonymous: u64,
    /// Open file descriptors, connections among them.
    pub(crate) files: u64,
    pub(crate) threads: u64,
    pub(crate) instances: u64,
    /// Components whose code is loaded.
    pub(crate) components: u64,
    /// Series of metrics that it tells.
    pub(crate) series: u64,
    /// Calls that are on, or wait.
    pub(crate) calls: u64,
    /// Acts so far that ended as they should.
    pub(crate) done: u64,
    /// Acts so far that did not.
    pub(crate) failed: u64,
}

impl Sample {
    /// Looks at the host now.
    pub(crate) async fn take(scene: &Scene, at: u64) -> Self {
        let process = format!("/proc/{}", scene.host.pid());
        let status = std::fs::read_to_string(format!("{process}/status")).expect("the host lives");
        let field = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a status has this line");
            line.trim_start_matches(':').split_whitespace().next().and_then(|value| value.parse().ok()).unwrap_or(0)
        };
        let host = scene.host.admin_get("/v1/host").await;
        let usage = |name: &str| host["usage"][name].as_u64().unwrap_or_else(|| panic!("no {name} in {host}"));
        let services = scene.host.admin_get("/v1/services").await;
        let in_services = |name: &str| -> u64 {
            services.as_array().into_iter().flatten().map(|service| service[name].as_u64().unwrap_or(0)).sum()
        };
        let metrics = scene.host.admin(Method::GET, "/metrics").send().await.expect("the host lives");
        let metrics = metrics.text().await.expect("the host lives");
        let total = scene.tally().total();
        Self {
            at,
            resident: field("VmRSS"),
            anonymous: field("RssAnon"),
            files: std::fs::read_dir(format!("{process}/fd")).map_or(0, |files| files.count() as u64),
            threads: field("Threads"),
            instances: usage("instances"),
            components: usage("components"),
            series: series(&metrics),
            calls: in_services("calls") + in_services("waiting"),
            done: total.done,
            failed: total.failed,
        }
    }

    /// For machines.
    pub(crate) fn json(&self) -> Value {
        json!({
            "at": self.at, "resident_kib": self.resident, "anonymous_kib": self.anonymous, "files": self.files,
            "threads": self.threads, "instances": self.instances, "components": self.components,
            "series": self.series, "calls": self.calls, "done": self.done, "failed": self.failed,
        })
    }
}

/// The series in an exposition: each has a line of its own, and what is said about them begins with `#`.
fn series(exposition: &str) -> u64 {
    exposition.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count() as u64
}

/// How many series a host at rest may have that had so many before: what has not happened yet, such as a rare fault, has
/// none. What comes and goes takes its series along, however often it does.
pub(crate) fn allowed_series(before: u64) -> u64 {
    before + (before / 20).max(16)
}

/// How long a host is left alone before it is at rest: longer than idle connections, instances and threads are kept.
const QUIET: Duration = Duration::from_secs(15);

/// How much longer it may take until it is as it was.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much memory a host at rest may have that had as much as `before`, in KiB: allocators keep some of what they had, and a thread
/// that stays has an allocator of its own.
pub(crate) fn allowed(before: &Sample, after: &Sample) -> u64 {
    let more_threads = after.threads.saturating_sub(before.threads).min(KEPT_THREADS);
    before.resident + (before.resident / 10).max(16 * 1024) + more_threads * KEPT_BY_A_THREAD
}

/// What a thread may keep that has read components, in KiB.
const KEPT_BY_A_THREAD: u64 = 20 * 1024;

/// Threads for work that blocks that a host at rest may have more than before. They go after ten seconds without work; but what
/// comes now and then goes around among them, so that some of those stay that were needed at a time.
const KEPT_THREADS: u64 = 10;

/// Descriptors that a host at rest may have more than before: whoever looks again and again may have another connection, which the
/// first look did not need.
const KEPT_FILES: u64 = 2;

/// Lets the host come to rest. With what it held before, waits until it holds no more than that.
pub(crate) async fn rest(scene: &Scene, at: u64, before: Option<&Sample>) -> Sample {
    sleep(QUIET).await;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let sample = Sample::take(scene, at).await;
        let settled = before.is_none_or(|before| differences(before, &sample).is_empty());
        if settled && sample.instances == 0 && sample.calls == 0 || Instant::now() > deadline {
            return sample;
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// What a host at rest holds that it did not hold before.
pub(crate) fn differences(before: &Sample, after: &Sample) -> Vec<String> {
    let mut wrong = Vec::new();
    let most = allowed(before, after);
    if after.resident > most {
        let (before, after) = (before.resident, after.resident);
        wrong.push(format!("memory: {before} KiB have become {after} KiB; {most} KiB were allowed"));
    }
    let most = allowed_series(before.series);
    if after.series > most {
        let (before, after) = (before.series, after.series);
        wrong.push(format!("series of metrics: {before} have become {after}; {most} were allowed"));
    }
    for (what, before, after) in [
        ("file descriptors", before.files + KEPT_FILES, after.files),
        ("threads", before.threads + KEPT_THREADS, after.threads),
        ("instances", before.instances, after.instances),
        ("components with loaded code", before.components, after.components),
        ("calls", before.calls, after.calls),
    ] {
        if after > before {
            wrong.push(format!("{what}: {before} have become {after}"));
        }
    }
    wrong
}

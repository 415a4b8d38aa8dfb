//! One service under one instance policy.

use std::fs;
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;

use crate::place::Place;
use crate::progress::{Stopwatch, say};

use super::super::client::Admin;
use super::super::host::Host;
use super::super::load::{self, Load};
use super::super::machine;
use super::super::memory::Resident;
use super::super::variant::variant;
use super::SwapOptions;
use super::timeline::{Latencies, Request, Window, latencies, read, split};

/// Components that take turns; more than the host retains, so that each swap loads code and lets go of some.
const VARIANTS: u32 = 8;

/// Seconds without swaps, to compare with.
const STEADY: f64 = 5.0;

/// Swaps before the memory is measured for the first time: what is made once is made by then, and what the host keeps of its
/// log, of its events and of traces, which swaps and requests add to, is as much as it ever will be.
const WARM_UP: u32 = 1000;

/// The share of the time in which a swap is under way, at most, so that there is time between them.
const BUSY: f64 = 0.5;

/// How much longer requests take among swaps than without, at most, and how much time there is beyond what all should take: there are
/// to be no less requests than were asked for.
const SLOWER: f64 = 1.4;
const SPARE: f64 = 1.1;

/// How long a host may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(60);

/// Instances go soon after the last call, so that there is no wait for memory to be let go of. Of the log and of traces as much is kept
/// as there is before the memory is measured for the first time: otherwise it would be their growth that is measured.
const CONFIG: &str = "[defaults]\ninstance_idle = \"1s\"\n[logs]\nkeep = 256\n[traces]\nkeep = 256\n";

/// What came of it.
pub(super) struct Swapped {
    pub(super) requests: f64,
    pub(super) failed: f64,
    pub(super) swaps: f64,
    /// How long a swap took, from the first byte of its upload until the old revision was retired, in milliseconds: the
    /// median and the longest.
    pub(super) took: (f64, f64),
    /// Requests before there were swaps.
    pub(super) steady: Latencies,
    /// Requests during which no swap was under way.
    pub(super) between: Latencies,
    /// The others.
    pub(super) around: Latencies,
    /// Memory before and after.
    pub(super) memory: (Resident, Resident),
    /// Time that was taken from this machine meanwhile, in milliseconds.
    pub(super) stolen: f64,
}

/// The service.
struct Service<'a> {
    place: &'a Place,
    policy: &'static str,
    host: Host,
    admin: Admin,
    variants: Vec<Vec<u8>>,
    /// Revisions deployed so far.
    deployed: usize,
}

/// Measures one policy.
pub(super) fn run(place: &Place, policy: &'static str, guest: &str, options: &SwapOptions) -> Result<Swapped> {
    let folder = place.folder(&format!("target/bench/swap-{policy}"));
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    let host = Host::start(place, &folder, CONFIG)?;
    let path = place.guests().join(guest).with_extension("wasm");
    let component = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let variants = (0..VARIANTS).map(|number| variant(&component, number)).collect();
    let mut service = Service { place, policy, admin: host.admin()?, host, variants, deployed: 0 };
    for _ in 0..VARIANTS {
        service.swap()?;
    }
    let url = format!("{}/swapped", service.host.http);
    let timeline = folder.join("timeline");
    let load = Load {
        url: &url,
        connections: options.callers,
        seconds: STEADY,
        echo: None,
        fields: &[],
        timeline: Some(&timeline),
    };

    say("Measuring", &format!("{policy}: without swaps"));
    let measured = load.run(place, &service.host.server)?;
    let steady = latencies(&read(&timeline)?);
    let took = service.swaps(&load, WARM_UP, 0.0)?.took();
    let before = service.at_rest()?;

    let swap = took.iter().sum::<f64>() / 1000.0 / f64::from(WARM_UP);
    let requests = f64::from(options.requests) / measured.per_second * SLOWER;
    let seconds = requests.max(f64::from(options.swaps) * swap / BUSY) * SPARE;
    say("Measuring", &format!("{policy}: {} swaps in {seconds:.0} s", options.swaps));
    let load = Load { seconds, ..load };
    let stolen = machine::stolen();
    let run = service.swaps(&load, options.swaps, seconds / SPARE / f64::from(options.swaps))?;
    let stolen = machine::stolen() - stolen;
    let (around, between) = split(&run.requests, &run.windows);
    let mut took = run.took();
    took.sort_by(f64::total_cmp);
    let median = took.get(took.len() / 2).copied().unwrap_or(f64::NAN);
    Ok(Swapped {
        requests: run.requests.len() as f64 + run.failed,
        failed: run.failed,
        swaps: run.windows.len() as f64,
        took: (median, took.last().copied().unwrap_or(f64::NAN)),
        steady,
        between,
        around,
        memory: (before, service.at_rest()?),
        stolen,
    })
}

/// Requests, and the swaps among them.
struct Run {
    requests: Vec<Request>,
    failed: f64,
    windows: Vec<Window>,
}

impl Run {
    /// How long each swap took, in milliseconds.
    fn took(&self) -> Vec<f64> {
        self.windows.iter().map(|window| (window.end - window.begin) as f64 / 1000.0).collect()
    }
}

impl Service<'_> {
    /// Deploys the next variant.
    fn swap(&mut self) -> Result<()> {
        let component = self.variants.get(self.deployed % self.variants.len()).context("there are variants")?;
        let digest = self.admin.upload(component)?;
        let deployment = json!({
            "component": digest, "settings": { "instances": self.policy }, "routes": ["/swapped"],
        });
        self.admin.deploy("swapped", &deployment)?;
        self.deployed += 1;
        Ok(())
    }

    /// Swaps so many times, every so many seconds or as fast as it goes, while the load is on.
    fn swaps(&mut self, under: &Load<'_>, n_swaps: u32, every: f64) -> Result<Run> {
        let loading = under.start(self.place, &self.host.server)?;
        let begun = Stopwatch::start();
        let mut windows = Vec::new();
        for number in 0..n_swaps {
            let due = Duration::from_secs_f64(load::WARM_UP + every * f64::from(number));
            thread::sleep(due.saturating_sub(begun.elapsed()));
            let begin = now_us();
            self.swap()?;
            windows.push(Window { begin, end: now_us() });
        }
        let measured = loading.finish()?;
        if measured.failed > 0.0 {
            say("Failed", &format!("{} requests: {}", measured.failed, measured.failures));
        }
        let path = under.timeline.context("swaps are looked for in a timeline")?;
        // From the time of day to the time since the measurement began.
        for window in &mut windows {
            window.begin = window.begin.saturating_sub(measured.begin_us);
            window.end = window.end.saturating_sub(measured.begin_us);
        }
        windows.retain(|window| window.end > 0);
        Ok(Run { requests: read(path)?, failed: measured.failed, windows })
    }

    /// The memory of the host when no instance is left.
    fn at_rest(&self) -> Result<Resident> {
        let begun = Stopwatch::start();
        while self.admin.instances()? > 0 {
            if begun.elapsed() > PATIENCE {
                bail!("instances were still there after {} s without calls", PATIENCE.as_secs());
            }
            thread::sleep(Duration::from_millis(100));
        }
        let resident = Resident::settled(self.host.server.id())?;
        ensure!(resident.anonymous > 0.0, "a host has memory");
        Ok(resident)
    }
}

/// The time of day, which is the clock that this process and the load generator share.
#[allow(clippy::disallowed_methods, reason = "this is a tool, and it measures in real time")]
fn now_us() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

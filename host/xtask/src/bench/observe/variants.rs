//! The hosts that are compared: programs and settings that differ in what is seen.

use anyhow::{Context, Result};

use crate::place::Place;

use super::super::calls;
use super::super::host::Host;
use super::super::pairs::Subject;
use super::GUEST;
use super::programs::Program;

/// A host, by what can be seen of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    /// Nothing.
    Off,
    /// Metrics.
    Metrics,
    /// Metrics, and traces of which none is recorded.
    Unsampled,
    /// The same, and one trace of ten is recorded.
    Sampled,
    /// The same, and every trace is recorded.
    EachSampled,
    /// No trace is recorded, and somebody has the dashboard open.
    Watched,
    /// Metrics, one trace of ten, a line in the log for every request, and somebody has the dashboard open.
    All,
}

/// Two of them, and what may lie between.
pub(super) struct Pair {
    pub(super) what: Subject,
    pub(super) without: Variant,
    pub(super) with: Variant,
    /// Whether typed calls are measured, too. Not where only some are recorded: all the calls of one measurement are in one
    /// trace.
    pub(super) typed: bool,
    /// What it may add to a typed call, in microseconds, if that is a goal.
    pub(super) most_call_us: Option<f64>,
}

const fn pair(what: Subject, without: Variant, with: Variant, typed: bool) -> Pair {
    Pair { what, without, with, typed, most_call_us: None }
}

const fn least(name: &'static str, requests: f64) -> Subject {
    Subject { least_requests: Some(requests), ..Subject::new(name) }
}

/// All that is compared.
pub(super) const PAIRS: [Pair; 6] = [
    pair(least("metrics", 0.97), Variant::Off, Variant::Metrics, true),
    Pair {
        most_call_us: Some(1.0),
        ..pair(
            Subject { most_cpu_us: Some(1.0), ..Subject::new("traces, none recorded") },
            Variant::Metrics,
            Variant::Unsampled,
            true,
        )
    },
    pair(least("traces, 10 % recorded", 0.95), Variant::Metrics, Variant::Sampled, false),
    pair(Subject::new("traces, all recorded"), Variant::Metrics, Variant::EachSampled, true),
    pair(least("dashboard open", 0.99), Variant::Unsampled, Variant::Watched, false),
    pair(Subject::new("everything"), Variant::Off, Variant::All, false),
];

impl Variant {
    const fn program(self) -> Program {
        match self {
            Self::Off => Program::Bare,
            Self::Metrics => Program::Untraced,
            Self::Unsampled | Self::Sampled | Self::EachSampled | Self::Watched | Self::All => Program::Whole,
        }
    }

    /// Which of the hosts it is: the one that somebody looks at is no other one.
    const fn host(self) -> Self {
        match self {
            Self::Watched => Self::Unsampled,
            other => other,
        }
    }

    /// Whether somebody has the dashboard open.
    pub(super) const fn watched(self) -> bool {
        matches!(self, Self::Watched | Self::All)
    }

    /// The share of traces that is recorded.
    const fn sample(self) -> &'static str {
        match self {
            Self::Sampled | Self::All => "10%",
            Self::EachSampled => "100%",
            Self::Off | Self::Metrics | Self::Unsampled | Self::Watched => "0%",
        }
    }

    const fn folder(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Metrics => "metrics",
            Self::Unsampled | Self::Watched => "unsampled",
            Self::Sampled => "sampled",
            Self::EachSampled => "each-sampled",
            Self::All => "all",
        }
    }
}

/// A host that runs.
pub(super) struct Running {
    variant: Variant,
    pub(super) host: Host,
}

/// All that run.
pub(super) struct Hosts(Vec<Running>);

impl Hosts {
    /// That of a variant.
    pub(super) fn of(&self, variant: Variant) -> Result<&Running> {
        self.0.iter().find(|running| running.variant == variant.host()).context("a host was not started")
    }
}

/// Starts those that the pairs need.
pub(super) fn start(place: &Place, pairs: &[&Pair]) -> Result<Hosts> {
    let mut hosts = Vec::<Running>::new();
    for variant in pairs.iter().flat_map(|pair| [pair.without.host(), pair.with.host()]) {
        if hosts.iter().any(|running| running.variant == variant) {
            continue;
        }
        let host = start_one(place, variant).context("without --no-build all programs are built that are compared")?;
        hosts.push(host);
    }
    Ok(Hosts(hosts))
}

/// Starts one.
pub(super) fn start_one(place: &Place, variant: Variant) -> Result<Running> {
    let folder = place.folder("target/bench/observe").join(variant.folder());
    let host = Host::of_program(place, &variant.program().path(place), "warn", &folder, &sections(place, variant))?;
    Ok(Running { variant, host })
}

/// The sections of `runtime.toml`: one service that answers requests, and one that calls another.
fn sections(place: &Place, variant: Variant) -> String {
    let path = |guest: &str| place.guests().join(guest).with_extension("wasm");
    let [caller, callee] = calls::GUESTS.map(path);
    let access_log = variant == Variant::All;
    format!(
        "[traces]\nsample = \"{sample}\"\nat_least = \"none\"\nfaults = \"none\"\n\
         [services.http]\ncomponent = {http:?}\ninstances = \"reuse\"\n\
         [services.http.routes.\"/http\"]\naccess_log = {access_log}\n\
         [services.caller]\ncomponent = {caller:?}\nroutes = [\"/reuse/*\"]\n\
         [services.callee]\ncomponent = {callee:?}\ninstances = \"reuse\"\ncallers = [\"caller\"]\n",
        sample = variant.sample(),
        http = path(GUEST),
    )
}

//! Typed calls between services of one host, as the caller times them: beside the same two components composed into one,
//! where a call passes no host, and a request over HTTP between two processes.

pub(super) mod caller;
mod composed;
mod direct;
pub(super) mod kinds;
mod loopback;
mod results;

use anyhow::Result;
use clap::Args;

use crate::guests;
use crate::place::Place;
use crate::progress::say;

use super::host::Host;
use super::report::Report;
use kinds::{KINDS, Kind};
use results::{Results, Way};

/// How to measure calls.
#[derive(Args)]
pub(crate) struct CallsOptions {
    /// Measure the two components composed into one, too; installs wac into target/tools with cargo if it is not there
    #[arg(long)]
    composed: bool,
    /// Milliseconds per measurement
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(10..=2000))]
    pub(super) millis: u32,
}

/// The guest that calls, and the one that is called.
pub(super) const GUESTS: [&str; 2] = ["bench-caller", "bench-callee"];

/// The same, where the functions are `async`.
const ASYNC_GUESTS: [&str; 2] = ["bench-caller3", "bench-callee3"];

/// A rate that no caller comes up to, so that it is asked and never refuses.
const ANY_RATE: &str = "100000000/s";

/// All calls of a loop belong to one trace, which by chance would be recorded as a whole, or not at all.
const NO_TRACES: &str = "[traces]\nsample = \"0%\"\nat_least = \"none\"\n";

/// How many callers there are at a time, where more than one is measured.
const CALLERS: [u32; 3] = [1, 2, 64];

/// Has services call each other in each way that leads through the host, for so many milliseconds each.
pub(super) fn train(place: &Place, millis: u32) -> Result<()> {
    const WAYS: [Way; 4] = [Way::Reuse, Way::Policies, Way::Fresh, Way::Async];
    let host = Host::start(place, &place.folder("target/bench/calls"), &services(place, &WAYS))?;
    for way in WAYS {
        for kind in &KINDS {
            caller::measure(&host.http, way.name(), kind, 1, millis)?;
        }
    }
    Ok(())
}

/// Runs the benchmark.
pub(super) fn run(place: &Place, all: &super::Options) -> Result<Report> {
    let (rounds, options) = (all.rounds, &all.calls);
    guests::build(place, &[GUESTS, ASYNC_GUESTS].concat().into_iter().map(str::to_owned).collect::<Vec<_>>())?;
    if options.composed {
        composed::make(place, &composed::install(place)?)?;
    }
    let ways: Vec<_> = Way::ALL.into_iter().filter(|way| options.composed || *way != Way::Composed).collect();
    direct::build(place)?;
    let host = Host::start(place, &place.folder("target/bench/calls"), &services(place, &ways))?;
    let native = loopback::start(place)?;
    let mut results = Results::default();
    for round in 1..=rounds {
        for kind in KINDS.iter().filter(|kind| all.wants(kind.name)) {
            say("Measuring", &format!("{}, round {round} of {rounds}", kind.name));
            for way in &ways {
                measure(place, &host, &native, *way, kind, options.millis, &mut results)?;
            }
        }
    }
    Ok(Report {
        bench: "calls",
        how: format!("median of {rounds} rounds of {} ms", options.millis),
        values: results.values(),
        tables: results.tables(&ways),
        goals: results.goals(),
    })
}

fn measure(
    place: &Place,
    host: &Host,
    native: &super::server::Server,
    way: Way,
    kind: &'static Kind,
    millis: u32,
    results: &mut Results,
) -> Result<()> {
    match way {
        Way::Loopback => {
            if let Some(rate) = loopback::measure(place, native, kind, millis)? {
                results.add(kind, way, 1, rate);
            }
        }
        Way::Native | Way::Val | Way::Engine => results.add(kind, way, 1, direct::measure(place, way, kind, millis)?),
        Way::Reuse | Way::Async => {
            for callers in CALLERS {
                results.add(kind, way, callers, caller::measure(&host.http, way.name(), kind, callers, millis)?);
            }
        }
        Way::Policies | Way::Fresh | Way::Composed => {
            results.add(kind, way, 1, caller::measure(&host.http, way.name(), kind, 1, millis)?);
        }
    }
    Ok(())
}

/// The services as `runtime.toml` has them: for each way a pair that is linked, or one that needs no other.
fn services(place: &Place, ways: &[Way]) -> String {
    let components = |guests: [&str; 2]| guests.map(|guest| place.guests().join(guest).with_extension("wasm"));
    let [caller, callee] = components(GUESTS);
    let service = |way: &Way| {
        let name = way.name();
        match way {
            Way::Native | Way::Val | Way::Engine | Way::Loopback => String::new(),
            Way::Async => {
                let [caller, callee] = components(ASYNC_GUESTS);
                format!(
                    "[services.caller-{name}]\ncomponent = {caller:?}\nroutes = [\"/{name}/*\"]\n\
                     [services.callee-{name}]\ncomponent = {callee:?}\ncallers = [\"caller-{name}\"]\n"
                )
            }
            Way::Composed => {
                let component = composed::path(place);
                format!("[services.{name}]\ncomponent = {component:?}\nroutes = [\"/{name}/*\"]\n")
            }
            Way::Reuse | Way::Fresh => format!(
                "[services.caller-{name}]\ncomponent = {caller:?}\nroutes = [\"/{name}/*\"]\n\
                 links = {{ \"bench:calls/values\" = \"callee-{name}\" }}\n\
                 [services.callee-{name}]\ncomponent = {callee:?}\ninstances = \"{name}\"\n\
                 callers = [\"caller-{name}\"]\n"
            ),
            Way::Policies => format!(
                "[services.caller-{name}]\ncomponent = {caller:?}\nroutes = [\"/{name}/*\"]\n\
                 [services.caller-{name}.links.\"bench:calls/values\"]\nservice = \"callee-{name}\"\n\
                 timeout = \"10s\"\nconcurrency = 128\nrate = \"{ANY_RATE}\"\n\
                 fallback = {{ results = {{ \"bench:calls/values.number\" = 0 }} }}\n\
                 [services.callee-{name}]\ncomponent = {callee:?}\ninstances = \"reuse\"\nrate = \"{ANY_RATE}\"\n\
                 callers = [\"nobody\", \"caller-{name} bench:calls/values\"]\nbreaker = {{ success_rate = \"80%\" }}\n"
            ),
        }
    };
    format!("{NO_TRACES}{}", ways.iter().map(service).collect::<String>())
}

//! Hosts with many services: how long they take to come up when all code is in the cache, and what a service costs that
//! nobody calls. Half of the services are of WASI 0.2, the others of 0.3.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::place::Place;
use crate::progress::{Stopwatch, say};

use super::super::host::Host;
use super::super::memory::Resident;
use super::super::report::Value;
use super::super::variant::variant;
use super::{GUESTS, value};

/// Components that differ; with more services than that, several run the same one.
const DISTINCT: u32 = 100;

/// How long instances that wait for calls may take to go.
const PATIENCE: Duration = Duration::from_secs(120);

/// Milliseconds until all services are up, and the memory that each of them adds.
pub(super) fn run(place: &Place, rounds: u32, numbers: &[u32]) -> Result<Vec<Value>> {
    let mut values = Vec::new();
    let (up, empty) = measure(place, rounds, 0)?;
    values.push(value("start/host/0/up".to_owned(), "ms", up));
    for number in numbers {
        let (up, full) = measure(place, rounds, *number)?;
        let name = |what| format!("start/host/{number}/{what}");
        let each = |full: f64, empty: f64| (full - empty) / 1000.0 / f64::from(*number);
        values.push(value(name("up"), "ms", up));
        values.push(value(name("memory-per-service"), "kB", [each(full.anonymous, empty.anonymous)]));
        values.push(value(name("mapped-code-per-service"), "kB", [each(full.files, empty.files)]));
    }
    Ok(values)
}

/// Starts a host once so that it compiles, and then as often as there are rounds.
fn measure(place: &Place, rounds: u32, n_services: u32) -> Result<(Vec<f64>, Resident)> {
    let folder = place.folder(&format!("target/bench/start-{n_services}"));
    let sections = sections(place, &folder, n_services)?;
    say("Compiling", &format!("the components of {n_services} services, where they are not in the cache"));
    drop(Host::start(place, &folder, &sections)?);
    let mut up = Vec::new();
    loop {
        say("Measuring", &format!("the start with {n_services} services, round {} of {rounds}", up.len() + 1));
        let begun = Stopwatch::start();
        let host = Host::start(place, &folder, &sections)?;
        up.push(begun.elapsed().as_secs_f64() * 1000.0);
        if up.len() == rounds as usize {
            return Ok((up, at_rest(&host)?));
        }
    }
}

/// The memory of a host when no instance is left.
fn at_rest(host: &Host) -> Result<Resident> {
    say("Waiting", "for instances that nobody calls to go");
    let (admin, begun) = (host.admin()?, Stopwatch::start());
    while admin.instances()? > 0 {
        if begun.elapsed() > PATIENCE {
            bail!("instances were still there after {} s without calls", PATIENCE.as_secs());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Resident::of(host.server.id())
}

/// The services as `runtime.toml` has them. Writes their components.
fn sections(place: &Place, folder: &Path, n_services: u32) -> Result<String> {
    let components = folder.join("components");
    fs::create_dir_all(&components).with_context(|| format!("cannot make {}", components.display()))?;
    for number in 0..n_services.min(DISTINCT) {
        let [even, odd, ..] = GUESTS;
        let guest = place.guests().join(if number % 2 == 0 { even } else { odd }).with_extension("wasm");
        let bytes = fs::read(&guest).with_context(|| format!("cannot read {}", guest.display()))?;
        let path = components.join(format!("{number}.wasm"));
        fs::write(&path, variant(&bytes, number)).with_context(|| format!("cannot write {}", path.display()))?;
    }
    let section = |number: u32| {
        let component = number % DISTINCT;
        format!("[services.s{number}]\ncomponent = \"components/{component}.wasm\"\nroutes = [\"/s{number}/*\"]\n")
    };
    Ok((0..n_services).map(section).collect())
}

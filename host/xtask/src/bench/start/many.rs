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

/// How long instances that wait for calls, and code that nobody uses, may take to go.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long code stays that nobody uses: long enough to measure before it goes, and not as long as by default.
const ENGINE: &str = "[engine]\ncode_idle = \"20s\"\n";

/// Milliseconds until all services are up, and the memory that each of them adds.
pub(super) fn run(place: &Place, rounds: u32, numbers: &[u32]) -> Result<Vec<Value>> {
    let mut values = Vec::new();
    let (up, empty) = measure(place, rounds, 0)?;
    values.push(value("start/host/0/up".to_owned(), "ms", up));
    for number in numbers {
        let (up, full) = measure(place, rounds, *number)?;
        let name = |what| format!("start/host/{number}/{what}");
        let each = |full: f64, empty: f64| (full - empty) / 1000.0 / f64::from(*number);
        let anonymous = |full: &Resident, empty: &Resident| each(full.anonymous, empty.anonymous);
        values.push(value(name("up"), "ms", up));
        values.push(value(name("memory-per-service"), "kB", [anonymous(&full.resting, &empty.resting)]));
        values.push(value(name("mapped-code-per-service"), "kB", [each(full.resting.files, empty.resting.files)]));
        values.push(value(name("memory-per-idle-service"), "kB", [anonymous(&full.idle, &empty.idle)]));
    }
    Ok(values)
}

/// Starts a host once so that it compiles, and then as often as there are rounds.
fn measure(place: &Place, rounds: u32, n_services: u32) -> Result<(Vec<f64>, AtRest)> {
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
            return Ok((up, AtRest::of(&host)?));
        }
    }
}

/// The memory of a host that nobody calls.
struct AtRest {
    /// When no instance is left.
    resting: Resident,
    /// When no code is left either.
    idle: Resident,
}

impl AtRest {
    fn of(host: &Host) -> Result<Self> {
        let admin = host.admin()?;
        say("Waiting", "for instances that nobody calls to go, and then for their code");
        until_none("instances", || admin.instances())?;
        let resting = Resident::settled(host.server.id())?;
        until_none("code", || admin.components())?;
        Ok(Self { resting, idle: Resident::settled(host.server.id())? })
    }
}

/// Waits until there are none.
fn until_none(what: &str, count: impl Fn() -> Result<u64>) -> Result<()> {
    let begun = Stopwatch::start();
    while count()? > 0 {
        if begun.elapsed() > PATIENCE {
            bail!("{what} was still there after {} s without calls", PATIENCE.as_secs());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
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
    Ok(std::iter::once(ENGINE.to_owned()).chain((0..n_services).map(section)).collect())
}

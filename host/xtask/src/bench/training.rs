//! What a host works on while it is trained: for a moment each, all that the benchmarks ask of it, and the shop of the examples, whose
//! orders pass through five languages and whose events pass over the bus. What does not occur here is taken for something that
//! hardly ever occurs.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::guests;
use crate::place::Place;
use crate::progress::say;

use super::host::Host;
use super::{calls, client, gateway, http, observe, start, swap};

/// Orders that are placed.
const N_ORDERS: u32 = 300;

/// Components that are compiled. They are few, because a compiler counts more in a second than a million requests, and what counts
/// little beside everything else is taken for unimportant.
const N_COMPILED: u32 = 2;

/// How long each thing is done: seconds of requests, and milliseconds of typed calls.
#[derive(Clone, Copy)]
struct Time {
    seconds: f64,
    millis: u32,
}

/// Builds what the host works on, and has it compiled.
pub(crate) fn prepare(place: &Place) -> Result<()> {
    guests::build(place, &[])?;
    say("Training", "the host compiles what it is trained with");
    work(place, Time { seconds: 0.1, millis: 10 })
}

/// Has the host work.
pub(crate) fn run(place: &Place) -> Result<()> {
    say("Training", "requests, calls and messages");
    work(place, Time { seconds: 2.0, millis: 1000 })?;
    say("Training", "deployments");
    start::train(place, N_COMPILED)?;
    swap::train(place)
}

fn work(place: &Place, Time { seconds, millis }: Time) -> Result<()> {
    http::train(place, seconds)?;
    calls::train(place, millis)?;
    gateway::train(place, seconds)?;
    observe::train(place, seconds, millis)?;
    shop(place)
}

/// Has orders placed in the shop, as `runtime.toml` of this repository has it.
fn shop(place: &Place) -> Result<()> {
    let path = place.folder("runtime.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", place.shown(&path)))?;
    let folder = place.folder("target/bench/shop");
    let host = Host::configured(place, &place.optimised("patchbay"), "warn", &folder, &of_its_own(place, &text))?;
    for number in 0..N_ORDERS {
        let order = json!({ "items": [{ "sku": "tea", "quantity": 1 + number % 3 }] });
        let answer = client::post(&host.http, "/api/orders", &order)?;
        let says = String::from_utf8_lossy(&answer.body);
        // The shop runs out of tea.
        ensure!(matches!(answer.status, 201 | 409), "an order was answered with {}: {says}", answer.status);
    }
    Ok(())
}

/// The same configuration for a host on ports that are free, whose components are where they are.
fn of_its_own(place: &Place, text: &str) -> String {
    let listens = |line: &str| line.starts_with("listen = ");
    let lines = text.lines().map(|line| if listens(line) { "listen = \"127.0.0.1:0\"" } else { line });
    let guests = format!("\"{}/", place.guests().display());
    lines.collect::<Vec<_>>().join("\n").replace("\"target/guests/", &guests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shop_takes_no_port_that_others_have_and_finds_its_components() {
        let place = Place::find().unwrap();
        let text = "[http]\nlisten = \"127.0.0.1:8080\"\n[services.a]\ncomponent = \"target/guests/a.wasm\"";
        let guests = place.guests();
        let wanted =
            format!("[http]\nlisten = \"127.0.0.1:0\"\n[services.a]\ncomponent = \"{}/a.wasm\"", guests.display());
        assert_eq!(of_its_own(&place, text), wanted);
    }
}

//! A deployment over the admin API, from the first byte of its upload to the first answer of the service.

use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::place::Place;
use crate::progress::{Stopwatch, say};

use super::super::client;
use super::super::host::Host;
use super::super::report::Value;
use super::super::variant::variant;
use super::value;

/// Milliseconds of each part.
#[derive(Default)]
struct Timed {
    upload: Vec<f64>,
    change: Vec<f64>,
    first_answer: Vec<f64>,
    all: Vec<f64>,
}

/// Deploys a service that was not there before, and removes it: first a component that has to be compiled, then the same
/// again, whose code is read from the cache.
pub(super) fn run(place: &Place, n_deployments: u32) -> Result<Vec<Value>> {
    say("Measuring", &format!("{n_deployments} deployments"));
    let folder = place.folder("target/bench/deploy");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    let host = Host::start(place, &folder, "")?;
    let guest = place.guests().join("bench2.wasm");
    let component = fs::read(&guest).with_context(|| format!("cannot read {}", guest.display()))?;
    let (mut compiled, mut cached) = (Timed::default(), Timed::default());
    for number in 0..n_deployments {
        let component = variant(&component, number);
        for timed in [&mut compiled, &mut cached] {
            deploy(&host, &component, timed)?;
        }
    }
    Ok([("compiled", compiled), ("cached", cached)].into_iter().flat_map(|(name, timed)| timed.values(name)).collect())
}

fn deploy(host: &Host, component: &[u8], timed: &mut Timed) -> Result<()> {
    let admin = host.admin()?;
    let begun = Stopwatch::start();
    let millis = || begun.elapsed().as_secs_f64() * 1000.0;
    let digest = admin.upload(component)?;
    let uploaded = millis();
    admin.deploy("deployed", &json!({ "component": digest, "routes": ["/deployed"] }))?;
    let changed = millis();
    let answer = client::get(&host.http, "/deployed")?;
    let answered = millis();
    ensure!(answer.status == 200, "the service answered {}", answer.status);
    admin.remove("deployed")?;
    timed.upload.push(uploaded);
    timed.change.push(changed - uploaded);
    timed.first_answer.push(answered - changed);
    timed.all.push(answered);
    Ok(())
}

impl Timed {
    fn values(self, name: &str) -> [Value; 4] {
        let parts =
            [("upload", self.upload), ("change", self.change), ("first-answer", self.first_answer), ("all", self.all)];
        parts.map(|(part, samples)| value(format!("start/deploy/{name}/{part}"), "ms", samples))
    }
}

//! What it costs to see: the host with metrics and traces beside one that was built without them, for HTTP and for typed calls;
//! and what those cost who look on.

mod programs;
mod typed;
mod variants;

use anyhow::{Result, ensure};

use crate::guests;
use crate::place::Place;
use crate::progress::say;

use super::calls;
use super::calls::caller;
use super::calls::kinds::{KINDS, Kind};
use super::client::Following;
use super::load::{Load, Measured};
use super::pairs::{self, Results};
use super::report::Report;
use typed::Typed;
use variants::{PAIRS, Running, Variant};

/// Connections, each with one request at a time.
const CONNECTIONS: u32 = 50;

/// The guest that does the least: the host's part of a request is largest with it.
const GUEST: &str = "bench2";

/// What typed calls hand over: the least there is.
const NUMBER: &Kind = &KINDS[0];

/// What the dashboard follows while its first page is open.
const FOLLOWED: [&str; 2] = ["/v1/activity?follow=true", "/v1/events?follow=true"];

/// Has the host record traces of requests and calls and write an access log, with somebody looking on, for so many seconds.
pub(super) fn train(place: &Place, seconds: f64, millis: u32) -> Result<()> {
    for variant in [Variant::All, Variant::EachSampled] {
        let running = variants::start_one(place, variant)?;
        requests(place, &running, variant, seconds)?;
        calls_of(&running, millis)?;
    }
    Ok(())
}

/// Runs the benchmark.
pub(super) fn run(place: &Place, all: &super::Options) -> Result<Report> {
    let rounds = all.rounds;
    guests::build(place, &[GUEST, calls::GUESTS[0], calls::GUESTS[1]].map(str::to_owned))?;
    if !all.no_build {
        programs::build(place)?;
    }
    let pairs: Vec<_> = PAIRS.iter().filter(|pair| all.wants(pair.what.name)).collect();
    let hosts = variants::start(place, &pairs)?;
    let (mut http, mut typed) = (Results::new("observe"), Typed::default());
    for round in 1..=rounds {
        for pair in &pairs {
            say("Measuring", &format!("{}, round {round} of {rounds}", pair.what.name));
            let load = |variant| requests(place, hosts.of(variant)?, variant, all.http.seconds);
            let (without, with) = pairs::in_turn(round, || load(pair.without), || load(pair.with))?;
            http.add(pair.what, without, with);
            if pair.typed {
                let call = |variant| calls_of(hosts.of(variant)?, all.calls.millis);
                let (without, with) = pairs::in_turn(round, || call(pair.without), || call(pair.with))?;
                typed.add(pair, without, with);
            }
        }
    }
    Ok(Report {
        bench: "observe",
        how: format!(
            "`cargo xtask bench observe`; median of {rounds} rounds of {} s each, {CONNECTIONS} connections; calls of a \
             `u32`, {} ms each, one caller",
            all.http.seconds, all.calls.millis
        ),
        values: http.values().into_iter().chain(typed.values()).collect(),
        tables: http.tables().into_iter().chain([typed.table()]).collect(),
        goals: http.goals().into_iter().chain(typed.goals()).collect(),
    })
}

/// How long one typed call of many takes, in microseconds, as its caller sees it.
fn calls_of(running: &Running, millis: u32) -> Result<f64> {
    Ok(caller::measure(&running.host.http, "reuse", NUMBER, 1, millis)?.us)
}

/// Loads one of the hosts with requests, with somebody looking on where that is what it is about.
fn requests(place: &Place, running: &Running, variant: Variant, seconds: f64) -> Result<Measured> {
    let watchers = if variant.watched() {
        let admin = running.host.admin()?;
        FOLLOWED.iter().map(|path| admin.follow(path)).collect::<Result<Vec<_>>>()?
    } else {
        Vec::new()
    };
    let url = format!("{}/http", running.host.http);
    let load = Load { url: &url, connections: CONNECTIONS, seconds, echo: None, fields: &[], timeline: None };
    let measured = load.run(place, &running.host.server)?;
    let told: usize = watchers.into_iter().map(Following::stop).sum();
    ensure!(!variant.watched() || told > 1000, "those who look on were told {told} bytes");
    Ok(measured)
}

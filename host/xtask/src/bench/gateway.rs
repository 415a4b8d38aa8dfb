//! What a route costs that asks who calls, what they may do and how often: beside the same route without it, and measured
//! right after or before it. And whether a host with a thousand routes finds one as fast as a host with ten.

mod routes;
mod tokens;

use anyhow::Result;

use crate::guests;
use crate::place::Place;
use crate::progress::say;

use super::host::Host;
use super::load::{Load, Measured};
use super::pairs::{self, Results};
use super::report::Report;
use routes::{FEW, MANY, Route, SUBJECTS, Subject};
use tokens::Tokens;

/// Connections, each with one request at a time.
const CONNECTIONS: u32 = 50;

/// The guest that does the least: the host's part of a request is largest with it.
const GUEST: &str = "bench2";

/// The hosts that answer.
struct Hosts {
    few: Host,
    many: Host,
    tokens: Tokens,
}

/// Has the host let callers in by routes of each kind, for so many seconds each.
pub(super) fn train(place: &Place, seconds: f64) -> Result<()> {
    let folder = place.folder("target/bench/gateway").join("few");
    let tokens = Tokens::make(std::slice::from_ref(&folder))?;
    let host = Host::start(place, &folder, &routes::sections(place, FEW))?;
    for route in SUBJECTS.iter().map(|subject| &subject.with).filter(|route| !route.of_many) {
        measure(place, &host, &tokens, route, seconds)?;
    }
    Ok(())
}

/// Runs the benchmark.
pub(super) fn run(place: &Place, all: &super::Options) -> Result<Report> {
    let (rounds, seconds) = (all.rounds, all.http.seconds);
    guests::build(place, &[GUEST.to_owned()])?;
    let folder = place.folder("target/bench/gateway");
    let tokens = Tokens::make(&["few", "many"].map(|host| folder.join(host)))?;
    let start = |name: &str, n_routes| Host::start(place, &folder.join(name), &routes::sections(place, n_routes));
    let hosts = Hosts { few: start("few", FEW)?, many: start("many", MANY)?, tokens };
    let mut results = Results::new("gateway");
    for round in 1..=rounds {
        for subject in SUBJECTS.iter().filter(|subject| all.wants(subject.what.name)) {
            say("Measuring", &format!("{}, round {round} of {rounds}", subject.what.name));
            let (without, with) = hosts.pair(place, subject, seconds, round)?;
            results.add(subject.what, without, with);
        }
    }
    Ok(Report {
        bench: "gateway",
        how: format!(
            "`cargo xtask bench gateway`; median of {rounds} rounds of {seconds} s each, {CONNECTIONS} connections"
        ),
        values: results.values(),
        tables: results.tables(),
        goals: results.goals(),
    })
}

impl Hosts {
    /// Measures a subject without and with what it is about.
    fn pair(&self, place: &Place, subject: &Subject, seconds: f64, round: u32) -> Result<(Measured, Measured)> {
        let measure = |route| self.measure(place, route, seconds);
        pairs::in_turn(round, || measure(&subject.without), || measure(&subject.with))
    }

    fn measure(&self, place: &Place, route: &Route, seconds: f64) -> Result<Measured> {
        measure(place, if route.of_many { &self.many } else { &self.few }, &self.tokens, route, seconds)
    }
}

fn measure(place: &Place, host: &Host, tokens: &Tokens, route: &Route, seconds: f64) -> Result<Measured> {
    let url = format!("{}{}", host.http, route.path);
    let fields = if route.token { tokens.fields() } else { &[] };
    let load = Load { url: &url, connections: CONNECTIONS, seconds, echo: None, fields, timeline: None };
    load.run(place, &host.server)
}

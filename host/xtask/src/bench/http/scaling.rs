//! What a second core adds. The load generator needs a core itself, so throughput alone does not tell on two cores.
//! Each server is measured twice: on one core, with the load generator on another, where the server is what limits; and
//! on two cores that it shares with the load generator, where what the generator used is left out. Time in which a core
//! did nothing counts against the server.

use anyhow::Result;

use crate::place::Place;
use crate::progress::say;

use super::super::cores::{self, Cores};
use super::super::load::{Load, Measured};
use super::results::{Results, Scaled};
use super::rival::Rival;
use super::servers::Servers;
use super::subjects::{Subject, Workload};

/// Measures every subject in every round.
pub(super) fn run(
    place: &Place,
    rounds: u32,
    seconds: f64,
    workload: &'static Workload,
    subjects: &[&'static Subject],
    rival: Option<&Rival>,
    results: &mut Results,
) -> Result<()> {
    for subject in subjects {
        let measure = |round, (server, load): (Cores, Cores)| -> Result<Measured> {
            let n_cores = if server == Cores::Both { "two cores" } else { "one core" };
            say("Measuring", &format!("{}, {n_cores}, round {round} of {rounds}", subject.name));
            let servers = cores::on(server, || Servers::start(place, workload, &[*subject], rival))?;
            let (server, url) = servers.get(subject)?;
            let [connections, ..] = workload.connections else { anyhow::bail!("a workload without connections") };
            let run = Load { url, connections: *connections, seconds, echo: None, fields: &[], timeline: None };
            cores::on(load, || run.run(place, server))
        };
        let mut scaled = Scaled { subject: subject.name, one: Vec::new(), two: Vec::new() };
        for round in 1..=rounds {
            scaled.one.push(measure(round, (Cores::First, Cores::Second))?);
            scaled.two.push(measure(round, (Cores::Both, Cores::Both))?);
        }
        results.scaled.push(scaled);
    }
    Ok(())
}

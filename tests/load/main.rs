//! A closed-loop load generator for HTTP/1.1: so many connections, each sending its next request when the last is
//! answered. It does little per request, so that what is measured is the server. Prints one JSON object.
#![allow(clippy::print_stdout, reason = "it prints its result")]

mod connection;

use std::io::{Error, Result};
use std::time::Duration;

use clap::Parser;
use hdrhistogram::Histogram;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use connection::Connection;

/// Loads one address and prints what came of it.
#[derive(Parser)]
struct Arguments {
    /// The address: http://HOST:PORT/PATH
    url: String,
    /// Connections, each with one request at a time
    #[arg(long, default_value_t = 50)]
    connections: u32,
    /// Seconds to measure
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Seconds to run before
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let (host, path) = target(&arguments.url)?;
    let begin = Instant::now() + Duration::from_secs_f64(arguments.warm_up);
    let end = begin + Duration::from_secs_f64(arguments.seconds);
    let mut clients = JoinSet::new();
    for _ in 0..arguments.connections {
        clients.spawn(client(host.clone(), path.clone(), begin, end));
    }
    let mut latencies = histogram()?;
    while let Some(measured) = clients.join_next().await {
        latencies.add(measured.map_err(Error::other)??).map_err(Error::other)?;
    }
    let result = json!({
        "requests": latencies.len(),
        "per_second": latencies.len() as f64 / arguments.seconds,
        "p50_us": latencies.value_at_quantile(0.5),
        "p99_us": latencies.value_at_quantile(0.99),
    });
    println!("{result}");
    Ok(())
}

/// Host with port, and path.
fn target(url: &str) -> Result<(String, String)> {
    let rest = url.strip_prefix("http://").ok_or_else(|| Error::other("the address has to begin with http://"))?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Ok((host.to_owned(), if path.is_empty() { "/".to_owned() } else { path.to_owned() }))
}

/// Microseconds up to a minute, to three digits.
fn histogram() -> Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, 60_000_000, 3).map_err(Error::other)
}

/// One connection's requests between `begin` and `end`. Anything but a success ends the run with an error: a
/// benchmark of failures is none.
async fn client(host: String, path: String, begin: Instant, end: Instant) -> Result<Histogram<u64>> {
    let mut connection = Connection::open(&host, &path).await?;
    let mut latencies = histogram()?;
    loop {
        let sent = Instant::now();
        connection.request().await?;
        let answered = Instant::now();
        if answered >= end {
            return Ok(latencies);
        }
        if sent >= begin {
            let micros = u64::try_from((answered - sent).as_micros()).unwrap_or(u64::MAX);
            latencies.saturating_record(micros.max(1));
        }
    }
}

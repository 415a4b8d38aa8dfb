//! A closed-loop load generator for HTTP/1.1: so many connections, each sending its next request when the last is
//! answered. It does little per request, and tells what it used itself, so that what is measured is the server. What
//! fails is counted, not measured. Prints one JSON object.
#![allow(clippy::print_stdout, reason = "it prints its result")]

mod answer;
mod connection;
mod cpu;
mod plan;
mod tally;

use std::io::{Error, ErrorKind, Result};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Parser;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use connection::{Connection, Request};
use plan::Plan;
use tally::Tally;

/// How long a connection whose request failed waits before the next: a server that refuses is not to be hammered.
const PAUSE: Duration = Duration::from_millis(10);

/// How long the last requests may take to be answered.
const PATIENCE: Duration = Duration::from_secs(30);

/// Loads one address and prints what came of it.
#[derive(Parser)]
struct Arguments {
    /// The address: http://HOST:PORT/PATH
    url: String,
    /// Connections, each with one request at a time
    #[arg(long, default_value_t = 50)]
    connections: u32,
    /// Seconds to measure, at most
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Seconds to run before
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// Requests after which to stop, if the seconds are not over before
    #[arg(long, default_value_t = u64::MAX)]
    requests: u64,
    /// Send POST with a body of this many bytes, and expect as many back
    #[arg(long)]
    echo: Option<usize>,
    /// A field of the request's header, `NAME: VALUE`; of several, each connection sends one, in turn
    #[arg(long = "field")]
    fields: Vec<String>,
    /// The process of the server, whose CPU time is measured
    #[arg(long)]
    server: Option<u32>,
    /// A file for when each answered request was sent, after the warm-up, and how long it took: two little-endian 32-bit
    /// numbers each, in microseconds
    #[arg(long)]
    timeline: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let requests = requests(&arguments)?;
    let plan = Plan::new(arguments.warm_up, arguments.seconds, arguments.requests);
    let mut clients = JoinSet::new();
    for request in requests.iter().cycle().take(arguments.connections as usize) {
        clients.spawn(client(request.clone(), plan.clone(), Tally::new(arguments.timeline.is_some())?));
    }
    let begin = since_1970() + plan.begin.saturating_duration_since(Instant::now());
    sleep_until(plan.begin).await;
    let (own, server) = (cpu::own()?, arguments.server.map(cpu::of).transpose()?);
    let mut tally = Tally::new(arguments.timeline.is_some())?;
    let in_time = timeout_at(plan.end, collect(&mut clients, &mut tally)).await;
    let seconds = plan.begin.elapsed().as_secs_f64();
    let own = cpu::own()? - own;
    let server =
        server.map(|before| Ok::<_, Error>(cpu::of(arguments.server.unwrap_or_default())? - before)).transpose()?;
    match in_time {
        Ok(done) => done?,
        Err(_) => timeout(PATIENCE, collect(&mut clients, &mut tally))
            .await
            .map_err(|_| Error::new(ErrorKind::TimedOut, format!("requests were not answered for {PATIENCE:?}")))??,
    }
    if let Some(path) = arguments.timeline {
        std::fs::write(path, tally.timeline())?;
    }
    let answered = tally.answered().max(1) as f64;
    let result = json!({
        "requests": tally.answered(),
        "failed": tally.failed(),
        "failures": tally.failures(),
        "per_second": tally.answered() as f64 / seconds,
        "p50_us": tally.quantile(0.5),
        "p99_us": tally.quantile(0.99),
        "max_us": tally.quantile(1.0),
        "begin_us": u64::try_from(begin.as_micros()).unwrap_or(u64::MAX),
        "seconds": seconds,
        "load_cpu_us": own / answered,
        "server_cpu_us": server.map(|used| used / answered),
    });
    println!("{result}");
    Ok(())
}

/// What the connections send, in turn.
fn requests(arguments: &Arguments) -> Result<Vec<Request>> {
    if arguments.fields.is_empty() {
        return Ok(vec![Request::new(&arguments.url, arguments.echo, None)?]);
    }
    arguments.fields.iter().map(|field| Request::new(&arguments.url, arguments.echo, Some(field))).collect()
}

/// The time of day, which is the clock that processes share.
#[allow(clippy::disallowed_methods, reason = "this is a tool, and it measures in real time")]
fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Adds up what all connections measured.
async fn collect(clients: &mut JoinSet<Result<Tally>>, tally: &mut Tally) -> Result<()> {
    while let Some(measured) = clients.join_next().await {
        tally.add(&measured.map_err(Error::other)??)?;
    }
    Ok(())
}

/// One connection's requests, until the plan is done.
async fn client(request: Request, plan: Plan, mut tally: Tally) -> Result<Tally> {
    let mut connection = None;
    let mut sent = Instant::now();
    while plan.goes_on(sent) {
        let result = exchange(&mut connection, &request).await;
        let answered = Instant::now();
        match result {
            Ok(()) if plan.measures(answered) => {
                tally.answer(sent.saturating_duration_since(plan.begin), answered - sent);
            }
            Ok(()) => {}
            Err(error) => {
                tally.failure(&error);
                sleep(PAUSE).await;
            }
        }
        sent = answered;
    }
    Ok(tally)
}

/// One request and its answer, on the connection that is there or on a new one. A connection that failed, or that the
/// server ends, is not used again.
async fn exchange(connection: &mut Option<Connection>, request: &Request) -> Result<()> {
    let mut open = match connection.take() {
        Some(open) => open,
        None => Connection::open(request).await?,
    };
    if open.exchange(request).await? {
        *connection = Some(open);
    }
    Ok(())
}

//! Running the load generator, and what it tells.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::place::Place;

use super::server::Server;

/// What to send, and how long.
pub(super) struct Load<'a> {
    pub(super) url: &'a str,
    pub(super) connections: u32,
    pub(super) seconds: f64,
    /// The size of the body that is sent and expected back, if any.
    pub(super) echo: Option<usize>,
    /// Fields of the request's header, `NAME: VALUE`; the connections take turns with them, one each.
    pub(super) fields: &'a [String],
    /// Where to write when each answered request was sent and how long it took.
    pub(super) timeline: Option<&'a Path>,
}

/// Seconds before the measured ones: instances are made, and memory is warm.
pub(super) const WARM_UP: f64 = 0.5;

/// What came of it.
pub(super) struct Measured {
    pub(super) requests: f64,
    pub(super) failed: f64,
    /// Why requests failed, and how often.
    pub(super) failures: String,
    pub(super) per_second: f64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    pub(super) max_us: f64,
    /// CPU time of the server per request.
    pub(super) cpu_us: f64,
    /// CPU time of the load generator itself per request.
    pub(super) load_cpu_us: f64,
    /// When measuring began, in microseconds since 1970.
    pub(super) begin_us: u64,
}

impl Measured {
    /// How much of a core the load generator used.
    pub(super) fn load_cores(&self) -> f64 {
        self.load_cpu_us * self.per_second / 1_000_000.0
    }
}

/// A load generator at work.
pub(super) struct Loading {
    process: Child,
    url: String,
}

impl Load<'_> {
    /// Loads a server. A request that fails, fails the benchmark.
    pub(super) fn run(&self, place: &Place, server: &Server) -> Result<Measured> {
        let measured = self.start(place, server)?.finish()?;
        if measured.failed > 0.0 {
            let all = measured.failed + measured.requests;
            bail!("{}: {} of {all} requests failed: {}", self.url, measured.failed, measured.failures);
        }
        Ok(measured)
    }

    /// Begins to load a server.
    pub(super) fn start(&self, place: &Place, server: &Server) -> Result<Loading> {
        let mut command = Command::new(place.binary("release", "load"));
        command.arg(self.url).args(["--connections", &self.connections.to_string()]);
        command.args(["--seconds", &self.seconds.to_string(), "--warm-up", &WARM_UP.to_string()]);
        command.args(["--server", &server.id().to_string()]);
        if let Some(size) = self.echo {
            command.args(["--echo", &size.to_string()]);
        }
        for field in self.fields {
            command.args(["--field", field]);
        }
        if let Some(path) = self.timeline {
            command.arg("--timeline").arg(path);
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let process = command.spawn().context("cannot start the load generator")?;
        Ok(Loading { process, url: self.url.to_owned() })
    }
}

impl Loading {
    /// Waits for its end.
    pub(super) fn finish(self) -> Result<Measured> {
        let output = self.process.wait_with_output().context("lost the load generator")?;
        if !output.status.success() {
            bail!("{}: {}", self.url, String::from_utf8_lossy(&output.stderr));
        }
        let result: Value = serde_json::from_slice(&output.stdout).context("the load generator prints no JSON")?;
        let number = |key: &str| {
            result.get(key).and_then(Value::as_f64).with_context(|| format!("the load generator tells no {key}"))
        };
        Ok(Measured {
            requests: number("requests")?,
            failed: number("failed")?,
            failures: result.get("failures").map(Value::to_string).unwrap_or_default(),
            per_second: number("per_second")?,
            p50_us: number("p50_us")?,
            p99_us: number("p99_us")?,
            max_us: number("max_us")?,
            cpu_us: number("server_cpu_us")?,
            load_cpu_us: number("load_cpu_us")?,
            begin_us: result.get("begin_us").and_then(Value::as_u64).context("no begin")?,
        })
    }
}

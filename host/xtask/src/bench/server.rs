//! A server under load: a process that tells its address on its first line, and what CPU time it has used.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// A running server; killed when dropped.
pub(super) struct Server {
    process: Child,
    first_line: String,
}

impl Server {
    /// Starts it, and waits for its first line.
    pub(super) fn start(command: &mut Command) -> Result<Self> {
        let name = command.get_program().display().to_string();
        let mut process = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {name}"))?;
        let stdout = process.stdout.take().context("the server has no output")?;
        let mut first_line = String::new();
        BufReader::new(stdout).read_line(&mut first_line).with_context(|| format!("{name} says nothing"))?;
        let server = Self { process, first_line };
        anyhow::ensure!(!server.first_line.is_empty(), "{name} ended before it was ready");
        Ok(server)
    }

    /// The first line it printed.
    pub(super) fn first_line(&self) -> &str {
        self.first_line.trim()
    }

    /// CPU time used so far, in microseconds: user and system, all threads.
    pub(super) fn cpu_us(&self) -> Result<f64> {
        let path = format!("/proc/{}/stat", self.process.id());
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        ticks(&text).map(|ticks| ticks as f64 * US_PER_TICK).with_context(|| format!("{path} has another form"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; there is nothing else to do about either.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Linux counts CPU time for `/proc` in hundredths of a second on every architecture.
const US_PER_TICK: f64 = 10_000.0;

/// `utime` and `stime` of a `/proc/PID/stat`, the 14th and 15th field (proc(5)). The second may contain spaces.
fn ticks(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11).map(str::parse::<u64>);
    Some(fields.next()?.ok()? + fields.next()?.ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_any_name() {
        let stat = "1 (a) name) S 0 1 1 0 -1 4194560 1 2 3 4 70 30 5 6 20 0 1 0";
        assert_eq!(ticks(stat), Some(100));
        assert_eq!(ticks("1 (x) S 0"), None);
    }
}

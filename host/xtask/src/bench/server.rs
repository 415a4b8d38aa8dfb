//! A server under load: a process that tells its address when it is ready.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// How long a server may take to start: the first time, it may have to compile.
const DEADLINE: Duration = Duration::from_secs(300);

/// How long it may take to end once it is told to.
const END: Duration = Duration::from_secs(30);

/// Where a server tells its address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    OnStdout,
    OnStderr,
}

/// A running server; told to end when dropped, so that it can write down what it counted, and killed if it does not.
pub(super) struct Server {
    process: Child,
    first_line: String,
    /// Closed when the server has closed its output, at its end.
    output: mpsc::Receiver<String>,
}

impl Server {
    /// Starts it, and waits for its first line. What it says after that goes to a log.
    pub(super) fn start(command: &mut Command, says: Says, log: &Path) -> Result<Self> {
        let name = command.get_program().display().to_string();
        let mut process = match says {
            Says::OnStdout => command.stdout(Stdio::piped()),
            Says::OnStderr => command.stdout(Stdio::null()).stderr(Stdio::piped()),
        }
        .spawn()
        .with_context(|| format!("cannot start {name}"))?;
        let output: Box<dyn Read + Send> = match (says, process.stdout.take(), process.stderr.take()) {
            (Says::OnStdout, Some(stdout), _) => Box::new(stdout),
            (Says::OnStderr, _, Some(stderr)) => Box::new(stderr),
            _ => bail!("{name} has no output"),
        };
        let lines = follow(output, log)?;
        let mut server = Self { process, first_line: String::new(), output: lines };
        let Ok(line) = server.output.recv_timeout(DEADLINE) else {
            bail!("{name} says nothing for {} s", DEADLINE.as_secs());
        };
        anyhow::ensure!(!line.is_empty(), "{name} ended before it was ready; its output is in {}", log.display());
        server.first_line = line;
        Ok(server)
    }

    /// The first line it printed.
    pub(super) fn first_line(&self) -> &str {
        self.first_line.trim()
    }

    /// Its process.
    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }
}

/// Passes on the first line, and writes all of them to a log, on a thread of its own: a server must not stall on a pipe
/// that nobody reads.
fn follow(output: Box<dyn Read + Send>, log: &Path) -> Result<mpsc::Receiver<String>> {
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let mut file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut line = String::new();
        // An error is an end, too.
        let _ = output.read_line(&mut line);
        let _ = file.write_all(line.as_bytes());
        let _ = sender.send(line);
        let _ = std::io::copy(&mut output, &mut file);
    });
    Ok(receiver)
}

impl Drop for Server {
    fn drop(&mut self) {
        terminate(&self.process);
        if self.output.recv_timeout(END) != Err(RecvTimeoutError::Disconnected) {
            // It may have ended just now; there is nothing else to do about either.
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// Tells a process to end. One that has ended is not told anything: it is a child that nobody has waited for.
#[cfg(target_os = "linux")]
fn terminate(process: &Child) {
    use rustix::process::{Pid, Signal, kill_process};

    let _ = kill_process(Pid::from_child(process), Signal::TERM);
}

/// Elsewhere there is only one way to end it.
#[cfg(not(target_os = "linux"))]
fn terminate(_: &Child) {}

//! A NATS server for tests: started with what a test wants of it, killed, started again, stopped and continued.

#![allow(clippy::expect_used, clippy::panic, reason = "a server that cannot be had ends the test it is for")]

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Where the server is, if it is not where `cargo xtask nats` puts it.
pub const PROGRAM: &str = "PATCHBAY_NATS_SERVER";

/// The longest that a server takes to be there.
const START: Duration = Duration::from_secs(30);

/// A server of its own, with JetStream and its own folder for messages. It ends when it is dropped.
pub struct NatsServer {
    folder: TempDir,
    port: u16,
    process: Option<Child>,
}

impl NatsServer {
    /// Starts a server. `more` is added to its configuration, in the server's own language.
    ///
    /// # Panics
    /// If the server is not there, or does not start.
    pub fn start(more: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the server");
        let mut server = Self { folder, port: free_port(), process: None };
        server.configure(more);
        server.restart();
        server
    }

    /// Where it can be reached.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Its folder, for files that its configuration names.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes its configuration anew, which counts from the next start or [`NatsServer::reload`] on.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn configure(&self, more: &str) {
        let text = format!(
            "listen: 127.0.0.1:{}\njetstream {{ store_dir: '{}', max_mem: 64MB, max_file: 100GB, sync_interval: always }}\n{more}\n",
            self.port,
            self.folder.path().join("store").display()
        );
        fs::write(self.folder.path().join("server.conf"), text).expect("the configuration can be written");
    }

    /// Has the running server read its configuration again.
    pub fn reload(&self) {
        self.signal(Signal::HUP);
    }

    /// Kills it, as a power failure would: nothing is written any more.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have ended by itself; there is nothing to kill then.
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Starts it again, with what it has on the disk. Returns when it can be used.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&mut self) {
        self.kill();
        let program = program();
        let mut process = Command::new(&program)
            .arg("--config")
            .arg(self.folder.path().join("server.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        let log = process.stderr.take().expect("its log is a pipe");
        self.process = Some(process);
        let (tell, told) = mpsc::sync_channel(256);
        thread::spawn(move || {
            // Read to the end, so that the server never waits for its log.
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                let _ = tell.try_send(line);
            }
        });
        let mut log = String::new();
        loop {
            match told.recv_timeout(START) {
                Ok(line) if line.contains("Server is ready") => return,
                Ok(line) => log = log + &line + "\n",
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("the NATS server does not start:\n{log}")
                }
            }
        }
    }

    /// Stops it where it is. Its connections stay open, and nothing answers.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let process = self.process.as_ref().expect("the server runs");
        let pid = i32::try_from(process.id()).ok().and_then(Pid::from_raw).expect("a process has an id");
        kill_process(pid, signal).expect("the server can be told");
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there are ports");
    listener.local_addr().expect("it listens").port()
}

/// The server's program.
fn program() -> PathBuf {
    if let Some(path) = env::var_os(PROGRAM) {
        return path.into();
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the repository");
    let path = root.join("target/tools/bin/nats-server");
    assert!(
        path.exists(),
        "there is no NATS server at {}; `cargo xtask nats` fetches it, or name one with {PROGRAM}",
        path.display()
    );
    path
}

//! The signals that stop the host.

use std::io;
use std::process;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a shell makes of a process that SIGINT ended: 128 and the number of the signal.
const INTERRUPTED: i32 = 130;

/// SIGTERM and SIGINT (Ctrl-C).
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Begins to listen. From now on the signals end nothing by themselves.
    ///
    /// # Errors
    /// If the operating system does not allow it.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The name of the next signal.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// From now on the next signal ends the process at once.
    pub(crate) fn end_at_the_next(mut self) {
        tokio::spawn(async move {
            let signal = self.next().await;
            tracing::warn!("{signal} again: stopping at once; calls are cut");
            crate::telemetry::flush();
            process::exit(INTERRUPTED);
        });
    }
}

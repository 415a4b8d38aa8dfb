//! Compiling in a process of its own, which may use so much memory and CPU time and no more.
//!
//! A compiler cannot be stopped from within, and a few kilobytes of WebAssembly can keep it busy for hours or make it
//! ask for all the memory there is. So the host has another process do it: one that the operating system limits, whose end
//! ends nothing else, and whose memory is given back whole.
//!
//! The host writes an [`Order`] and the component to the standard input of the process, and reads the machine code from
//! its output. It keeps the input open: when that ends, the host is gone, and the process ends too.

mod order;
mod work;

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use patchbay_model::ports::PrepareError;
use patchbay_model::units;
use rustix::process::Signal;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

pub(crate) use order::Order;
pub use work::work;

/// How much longer than its CPU time a compilation may take, on a machine that is busy with other things.
const PATIENCE: u32 = 10;

/// What is kept of what a compiler says on its standard error, in bytes.
const LAST_WORDS: u64 = 4096;

/// The program that compiles.
#[derive(Debug, Clone)]
pub struct Workshop {
    /// The program: one that calls [`work`] when it gets the arguments.
    pub program: PathBuf,
    /// The arguments.
    pub arguments: Vec<OsString>,
    /// All of its environment.
    pub environment: Vec<(OsString, OsString)>,
}

/// How a compilation ended.
struct Ended {
    status: ExitStatus,
    output: Vec<u8>,
    last_words: String,
}

impl Workshop {
    /// Compiles a component.
    ///
    /// # Errors
    /// [`PrepareError::Malformed`] if it is not valid, [`PrepareError::Incompatible`] if it takes more than the order
    /// allows, [`PrepareError::Host`] if there is no process to be had.
    pub(crate) async fn compile(&self, order: &Order, bytes: Bytes) -> Result<Vec<u8>, PrepareError> {
        let failed = |error: std::io::Error| PrepareError::Host(format!("the compiler cannot be run: {error}"));
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .envs(self.environment.iter().map(|(key, value)| (key, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        let deadline = order.cpu_time.saturating_mul(PATIENCE);
        // Given up, it is killed, since it is dropped.
        let ended = timeout(deadline, attend(child, order, &bytes)).await.map_err(|_| too_slow(deadline))?;
        judge(ended.map_err(failed)?, order)
    }
}

/// Gives the process its order, and waits for its end.
async fn attend(mut child: Child, order: &Order, bytes: &[u8]) -> std::io::Result<Ended> {
    let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (_input, output, last_words) =
        tokio::join!(hand_over(input, order, bytes), all(output, order.memory), all(errors, LAST_WORDS));
    let status = child.wait().await?;
    Ok(Ended { status, output: output?, last_words: String::from_utf8_lossy(&last_words?).trim().to_owned() })
}

/// Writes the order. Gives the input back, open.
async fn hand_over(input: Option<ChildStdin>, order: &Order, bytes: &[u8]) -> Option<ChildStdin> {
    let mut input = input?;
    // A process that ended early does not listen, and its end says more than this.
    let _ = input.write_all(&order.header(bytes.len())).await;
    let _ = input.write_all(bytes).await;
    Some(input)
}

/// Reads to the end, and keeps so much of it.
async fn all(from: Option<impl AsyncRead + Unpin>, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut read = Vec::new();
    if let Some(mut from) = from {
        (&mut from).take(limit).read_to_end(&mut read).await?;
        tokio::io::copy(&mut from, &mut tokio::io::sink()).await?;
    }
    Ok(read)
}

fn judge(ended: Ended, order: &Order) -> Result<Vec<u8>, PrepareError> {
    let Ended { status, output, last_words } = ended;
    let is_signal = |signal: Signal| status.signal() == Some(signal.as_raw());
    if status.success() {
        return work::read_answer(output);
    }
    if is_signal(Signal::XCPU) {
        let limit = units::format_duration(order.cpu_time);
        return Err(beyond(&format!("the {limit} of CPU time"), "engine.compile_time"));
    }
    if last_words.contains("memory allocation of") || is_signal(Signal::KILL) {
        let limit = units::format_size(order.memory);
        return Err(beyond(&format!("the {limit} of memory"), "engine.compile_memory"));
    }
    if last_words.contains("overflowed its stack") {
        return Err(PrepareError::Incompatible(
            "the component is nested too deeply to be compiled: build it in another way".to_owned(),
        ));
    }
    Err(PrepareError::Host(format!("the compiler broke down on this component ({status}): {last_words}")))
}

fn beyond(limit: &str, key: &str) -> PrepareError {
    PrepareError::Incompatible(format!(
        "compiling the component takes more than {limit} that `{key}` allows: make it smaller, or its functions simpler, \
         or raise the limit"
    ))
}

fn too_slow(deadline: Duration) -> PrepareError {
    PrepareError::Host(format!(
        "the component was not compiled within {}, because this machine is busy: try again when it is less so",
        units::format_duration(deadline)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(code: i32, last_words: &str) -> Result<Vec<u8>, String> {
        let order = Order::sample();
        let ended =
            Ended { status: ExitStatus::from_raw(code), output: vec![0, 1, 2], last_words: last_words.to_owned() };
        judge(ended, &order).map_err(|error| error.to_string())
    }

    #[test]
    fn every_end_is_told_apart() {
        assert_eq!(end(0, "").unwrap(), [1, 2]);
        for (code, last_words, says) in [
            (Signal::XCPU.as_raw(), "", "the 1m of CPU time that `engine.compile_time` allows"),
            (
                Signal::ABORT.as_raw(),
                "memory allocation of 5 bytes failed",
                "the 1GiB of memory that `engine.compile_memory`",
            ),
            (Signal::KILL.as_raw(), "", "the 1GiB of memory"),
            (Signal::ABORT.as_raw(), "thread 'x' has overflowed its stack", "nested too deeply"),
            (101 << 8, "thread panicked at", "broke down on this component (exit status: 101): thread panicked at"),
        ] {
            let error = end(code, last_words).unwrap_err();
            assert!(error.contains(says), "{says}: {error}");
        }
    }
}

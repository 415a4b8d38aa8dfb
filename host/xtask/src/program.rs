//! Running other programs: quietly, with a log and a deadline, or in the foreground.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, PipeReader, Read, Write};
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::place::Place;
use crate::progress::{Stopwatch, say};

/// How often a program that is still running is mentioned.
const MENTION: Duration = Duration::from_secs(10);

/// The longest that a quiet program may run; the first build on a slow machine has to fit.
const DEADLINE: Duration = Duration::from_secs(20 * 60);

/// How much of a log is shown when a program failed, in lines.
const SHOWN: usize = 40;

/// A command of this repository's cargo, without what `cargo xtask` itself was told by cargo: build scripts that look
/// at such variables would run again, and flags for the host's processor are wrong for WebAssembly.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") || text.starts_with("CARGO_BIN_") {
            command.env_remove(name);
        }
    }
    command
}

/// Builds the host and everything that tests it: always the same selection of packages, so that cargo chooses the same features
/// and compiles wasmtime once.
pub(crate) fn build_for_tests(place: &Place) -> Result<()> {
    let mut command = cargo();
    command.args(["build", "--locked", "--workspace", "--all-targets"]);
    foreground(command.current_dir(place.root()))
}

/// Runs a program in the foreground, to its end.
pub(crate) fn foreground(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", line(command)))?;
    if status.success() {
        return Ok(());
    }
    bail!("{} failed: {status}", line(command))
}

/// What a program prints. `None` when there is no such program, or when it fails.
pub(crate) fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

/// Runs a program whose output goes to `target/logs/LOG.log`, and is shown when it fails. Mentions now and then that it
/// is still running. A program that outlives the deadline is killed.
pub(crate) fn quietly(place: &Place, log: &str, command: &mut Command) -> Result<()> {
    let logs = place.logs();
    fs::create_dir_all(&logs).with_context(|| format!("cannot make {}", logs.display()))?;
    let path = logs.join(format!("{log}.log"));
    let (reader, writer) = io::pipe().context("cannot make a pipe")?;
    command.stdin(std::process::Stdio::null()).stderr(writer.try_clone().context("cannot copy a pipe")?).stdout(writer);
    let mut child = command.spawn().with_context(|| format!("cannot start {}", line(command)))?;
    // The command holds the writing ends; the pipe must end when the child does.
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());

    if !wait(log, &record(reader, &path)?) {
        // It may have ended just now; then there is nothing to kill.
        let _ = child.kill();
    }
    let status = child.wait().with_context(|| format!("lost {}", line(command)))?;
    if status.success() {
        return Ok(());
    }
    let text = fs::read(&path).unwrap_or_default();
    bail!("{} failed: {status}\n{}\nThe whole output is in {}.", line(command), tail(&text), place.shown(&path))
}

/// Copies what is read into a file, on a thread of its own; the channel closes at the end.
fn record(mut reader: PipeReader, path: &Path) -> Result<mpsc::Receiver<()>> {
    let mut file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let _open = sender;
        let mut buffer = [0; 8192];
        while let Ok(length @ 1..) = reader.read(&mut buffer) {
            // A full disk shows elsewhere; the program must not stall on a full pipe.
            let _ = file.write_all(buffer.get(..length).unwrap_or_default());
        }
    });
    Ok(receiver)
}

/// Waits until the channel closes. False when the deadline came first.
fn wait(log: &str, ended: &mpsc::Receiver<()>) -> bool {
    let watch = Stopwatch::start();
    while watch.elapsed() < DEADLINE {
        match ended.recv_timeout(MENTION) {
            Err(RecvTimeoutError::Timeout) => say("...", &format!("{log}, {}", watch.seconds())),
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return true,
        }
    }
    false
}

fn tail(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(SHOWN)..).unwrap_or_default().join("\n")
}

fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words: Vec<OsString> =
        std::iter::once(program).chain(command.get_args()).map(std::ffi::OsStr::to_os_string).collect();
    format!("`{}`", words.join(" ".as_ref()).to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_fails_is_named_with_the_end_of_its_output() {
        let place = Place::find().unwrap();
        let error = quietly(&place, "program-test", Command::new("rustc").arg("--no-such-flag")).unwrap_err();
        let text = format!("{error:#}");
        assert!(text.starts_with("`rustc --no-such-flag` failed"), "{text}");
        assert!(text.contains("no-such-flag'"), "{text}");
        assert!(text.ends_with("target/logs/program-test.log."), "{text}");
    }

    #[test]
    fn the_tail_is_the_last_lines() {
        let text: String = (0..100).map(|line| format!("{line}\n")).collect();
        assert!(tail(text.as_bytes()).starts_with("60\n"));
        assert_eq!(tail(b"one"), "one");
        assert_eq!(tail(b""), "");
    }
}

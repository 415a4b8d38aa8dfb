//! The tests that ran, counted from what cargo prints of them, so that one last line can say how many there were.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Tests that passed and tests that failed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    /// Runs `cargo test` with its output passed on, and counts.
    pub(super) fn run(&mut self, command: &mut Command) -> Result<()> {
        let mut child = command.stdout(Stdio::piped()).spawn().context("cannot start cargo")?;
        let stdout = child.stdout.take().context("cargo has no output")?;
        let mut lines = BufReader::new(stdout).split(b'\n');
        while let Some(line) = lines.next().transpose().context("cannot read what cargo prints")? {
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            self.count(&line);
        }
        let status = child.wait().context("lost cargo")?;
        if status.success() { Ok(()) } else { bail!("`cargo test` failed: {status}") }
    }

    /// Adds a line such as `test result: ok. 3 passed; 1 failed; 0 ignored; …`.
    fn count(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        for (number, what) in result.split([';', '.']).filter_map(|part| part.trim().split_once(' ')) {
            let number = number.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                _ => {}
            }
        }
    }

    /// The last line: `12 passed, 0 failed`.
    pub(super) fn line(self) -> String {
        format!("{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_add_up() {
        let mut tally = Tally::default();
        for line in [
            "running 4 tests",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 7 filtered out; finished in 1.20s",
            "test ok ... ok",
        ] {
            tally.count(line);
        }
        assert_eq!(tally.line(), "13 passed, 2 failed");
    }
}

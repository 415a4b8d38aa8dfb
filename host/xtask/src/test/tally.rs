//! The tests that ran, counted from what cargo and Node.js print of them, so that one last line can say how many there were.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// Tests that passed and tests that failed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
}

impl Tally {
    /// Runs `cargo test` or `node --test` with its output passed on, and counts.
    pub(crate) fn run(&mut self, command: &mut Command) -> Result<()> {
        let program = command.get_program().display().to_string();
        let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("cannot start {program}"))?;
        let stdout = child.stdout.take().context("no output")?;
        let mut lines = BufReader::new(stdout).split(b'\n');
        while let Some(line) = lines.next().transpose().with_context(|| format!("cannot read what {program} prints"))? {
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            self.count(&line);
        }
        let status = child.wait().with_context(|| format!("lost {program}"))?;
        if status.success() { Ok(()) } else { bail!("{program}: tests failed: {status}") }
    }

    /// Adds a line such as `test result: ok. 3 passed; 1 failed; 0 ignored; …` of cargo, or `ℹ pass 3` of Node.js.
    fn count(&mut self, line: &str) {
        if let Some((what, number)) = line.strip_prefix("ℹ ").and_then(|line| line.split_once(' ')) {
            self.add(what, number);
        }
        let Some(result) = line.strip_prefix("test result: ") else { return };
        for (number, what) in result.split([';', '.']).filter_map(|part| part.trim().split_once(' ')) {
            self.add(what, number);
        }
    }

    fn add(&mut self, what: &str, number: &str) {
        let number: u64 = number.trim().parse().unwrap_or(0);
        match what {
            "passed" | "pass" => self.passed += number,
            "failed" | "fail" => self.failed += number,
            _ => {}
        }
    }

    /// The last line: `12 passed, 0 failed`.
    pub(crate) fn line(self) -> String {
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
            "ℹ tests 5",
            "ℹ pass 4",
            "ℹ fail 1",
            "ℹ duration_ms 1423.1",
        ] {
            tally.count(line);
        }
        assert_eq!(tally.line(), "17 passed, 3 failed");
    }
}

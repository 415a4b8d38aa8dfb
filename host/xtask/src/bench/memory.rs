//! The memory of a process.

use std::fs;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

/// What of it is in RAM, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resident {
    /// What the process made: heap, stacks, the memory of instances.
    pub(super) anonymous: f64,
    /// What is mapped from files: the program, and compiled code.
    pub(super) files: f64,
}

impl Resident {
    /// All of it.
    pub(super) const fn all(self) -> f64 {
        self.anonymous + self.files
    }

    /// That of a process, as Linux tells it (proc_pid_status(5)).
    pub(super) fn of(process: u32) -> Result<Self> {
        let path = format!("/proc/{process}/status");
        let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let field = |name: &str| field(&status, name).with_context(|| format!("{path} has no {name}"));
        Ok(Self { anonymous: field("RssAnon:")?, files: field("RssFile:")? })
    }

    /// The same once it gets no less: what a process at rest has freed goes back to the system a second later.
    pub(super) fn settled(process: u32) -> Result<Self> {
        let mut before = Self::of(process)?;
        loop {
            thread::sleep(Duration::from_secs(2));
            let now = Self::of(process)?;
            if now.anonymous >= before.anonymous {
                return Ok(now);
            }
            before = now;
        }
    }
}

/// The value of a line in kibibytes, in bytes.
fn field(status: &str, name: &str) -> Option<f64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().strip_suffix("kB")?.trim().parse::<f64>().ok().map(|kibibytes| kibibytes * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let status = "VmRSS:\t  12 kB\nRssAnon:\t    1024 kB\nRssFile:\t 2 kB\n";
        assert_eq!(field(status, "RssAnon:"), Some(1_048_576.0));
        assert_eq!(field(status, "RssShmem:"), None);
    }
}

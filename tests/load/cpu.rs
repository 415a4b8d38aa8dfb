//! The CPU time of a process, user and system, of all its threads, in microseconds.

use std::fs;
use std::io::{Error, Result};

/// Linux counts CPU time for `/proc` in hundredths of a second on every architecture.
const US_PER_TICK: f64 = 10_000.0;

/// That of this process.
pub(crate) fn own() -> Result<f64> {
    of(std::process::id())
}

/// That of another process.
pub(crate) fn of(process: u32) -> Result<f64> {
    let path = format!("/proc/{process}/stat");
    let text = fs::read_to_string(&path).map_err(|error| Error::new(error.kind(), format!("{path}: {error}")))?;
    ticks(&text).map(|ticks| ticks as f64 * US_PER_TICK).ok_or_else(|| Error::other(format!("{path} has another form")))
}

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

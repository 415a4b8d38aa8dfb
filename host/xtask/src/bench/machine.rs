//! The machine that a benchmark runs on.

use std::{env, fs, thread};

/// Linux counts time for `/proc` in hundredths of a second on every architecture.
const MS_PER_TICK: f64 = 10.0;

/// In one line: processor, number of cores, operating system.
pub(super) fn describe() -> String {
    let cores = thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let model = field("/proc/cpuinfo", "model name").unwrap_or_else(|| env::consts::ARCH.to_owned());
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{model}, {cores} cores, {} {}", env::consts::OS, kernel.trim())
}

/// Time in which processors of this machine had something to do and did not do it, because the machine that they are a part of had
/// other things to do: of all together since it was started, in milliseconds; `steal` of proc_stat(5). `NaN` where nobody counts.
pub(super) fn stolen() -> f64 {
    let told = fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks = told.lines().next().and_then(|line| line.split_ascii_whitespace().nth(8)?.parse::<f64>().ok());
    ticks.unwrap_or(f64::NAN) * MS_PER_TICK
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim().to_owned())
}

//! Keeping processes to certain cores.

use anyhow::Result;

/// Runs `start` so that the processes it starts stay on these cores.
#[cfg(target_os = "linux")]
pub(super) fn on<T>(cores: Cores, start: impl FnOnce() -> Result<T>) -> Result<T> {
    use anyhow::Context;
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    let all = sched_getaffinity(None).context("the cores of this process are unknown")?;
    let mut chosen = CpuSet::new();
    let own = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core)).take(2);
    own.enumerate().filter(|(place, _)| cores.includes(*place)).for_each(|(_, core)| chosen.set(core));
    // A process inherits the cores of the thread that starts it.
    sched_setaffinity(None, &chosen).context("cannot keep a process to a core; are there two?")?;
    let started = start();
    sched_setaffinity(None, &all).context("cannot go back to all cores")?;
    started
}

/// Elsewhere there is no way to do it.
#[cfg(not(target_os = "linux"))]
pub(super) fn on<T>(_: Cores, _: impl FnOnce() -> Result<T>) -> Result<T> {
    anyhow::bail!("processes can be kept to cores on Linux only")
}

/// Which of the first two cores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cores {
    First,
    Second,
    Both,
}

impl Cores {
    #[cfg(target_os = "linux")]
    fn includes(self, place: usize) -> bool {
        match self {
            Self::First => place == 0,
            Self::Second => place == 1,
            Self::Both => true,
        }
    }
}

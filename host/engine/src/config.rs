//! What can be set about the engine as a whole. What belongs to one service is in `patchbay_model::Settings`.

use std::num::NonZeroUsize;
use std::time::Duration;

use patchbay_model::{SettingsError, units};
use serde::{Deserialize, Serialize};

/// The settings of the engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EngineConfig {
    /// Instances that may exist at a time, for each of the two WASI versions. Default 1000. Address space is
    /// reserved for all of them at start; memory is taken only by those that exist.
    pub instances: u32,
    /// Threads that compile components, at low priority. Default 0: half of the cores, at least one.
    pub compile_threads: u32,
    /// Stack that the code of a call may use, in bytes. Default 512 KiB. One size for all services: wasmtime has one
    /// size of stacks per engine.
    #[serde(with = "units::size")]
    pub stack: u64,
    /// How often a running guest is looked at: the precision of CPU limits, and how long a guest holds a thread
    /// before others get their turn. Default 1 ms.
    #[serde(with = "units::duration")]
    pub epoch_tick: Duration,
    /// Size of the cache of compiled components on disk, in bytes. Default 2 GiB. The components that were not
    /// used for longest are removed first.
    #[serde(with = "units::size")]
    pub cache_size: u64,
    /// How long the code of a service stays in memory of which there is no instance, and which nobody calls. Default 5 minutes.
    /// Then it is loaded from the cache when it is needed.
    #[serde(with = "units::duration")]
    pub code_idle: Duration,
    /// CPU time that compiling one component may take, of all threads together; whole seconds. Default 5 minutes.
    #[serde(with = "units::duration")]
    pub compile_time: Duration,
    /// Memory that compiling one component may take, in bytes. Default 2 GiB.
    #[serde(with = "units::size")]
    pub compile_memory: u64,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            instances: 1000,
            compile_threads: 0,
            stack: 512 << 10,
            epoch_tick: Duration::from_millis(1),
            cache_size: 2 << 30,
            code_idle: Duration::from_secs(300),
            compile_time: Duration::from_secs(300),
            compile_memory: 2 << 30,
        }
    }
}

impl EngineConfig {
    /// Everything that is wrong with this configuration; empty if an engine can run with it.
    pub fn problems(&self) -> Vec<SettingsError> {
        let mut problems = Vec::new();
        let mut require = |met: bool, key, problem: &str| {
            if !met {
                problems.push(SettingsError { key, problem: problem.to_owned() });
            }
        };
        // Every instance takes 4 GiB of address space per memory, of which a process has 128 TiB.
        require((1..=10_000).contains(&self.instances), "instances", "must lie between 1 and 10000");
        require(self.compile_threads <= 256, "compile_threads", "must be at most 256 (0 leaves it to the host)");
        require((64 << 10..=64 << 20).contains(&self.stack), "stack", "must lie between 64KiB and 64MiB");
        require(
            (Duration::from_micros(100)..=Duration::from_millis(100)).contains(&self.epoch_tick),
            "epoch_tick",
            "must lie between 100us and 100ms",
        );
        require(self.cache_size >= 1 << 20, "cache_size", "must be at least 1MiB");
        let day = Duration::from_secs(1)..=Duration::from_secs(24 * 60 * 60);
        require(day.contains(&self.code_idle), "code_idle", "must lie between 1s and 1d");
        let whole = self.compile_time.subsec_nanos() == 0;
        let hour = Duration::from_secs(1)..=Duration::from_secs(3600);
        require(
            whole && hour.contains(&self.compile_time),
            "compile_time",
            "must lie between 1s and 1h, in whole seconds",
        );
        // The compiler needs a part of this before it has seen any component.
        require(self.compile_memory >= 128 << 20, "compile_memory", "must be at least 128MiB");
        problems
    }

    /// The number of threads that compile, never zero.
    pub(crate) fn threads(&self) -> usize {
        match self.compile_threads {
            0 => std::thread::available_parallelism().map_or(1, NonZeroUsize::get).div_ceil(2),
            threads => threads as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_run() {
        assert_eq!(EngineConfig::default().problems(), []);
        assert!(EngineConfig::default().threads() >= 1);
        assert_eq!(EngineConfig { compile_threads: 3, ..EngineConfig::default() }.threads(), 3);
    }

    #[test]
    fn every_impossible_value_is_named() {
        let config = EngineConfig {
            instances: 0,
            compile_threads: 1000,
            stack: 0,
            epoch_tick: Duration::ZERO,
            cache_size: 0,
            code_idle: Duration::ZERO,
            compile_time: Duration::from_millis(1500),
            compile_memory: 0,
        };
        let keys: Vec<_> = config.problems().into_iter().map(|problem| problem.key).collect();
        let all = [
            "instances",
            "compile_threads",
            "stack",
            "epoch_tick",
            "cache_size",
            "code_idle",
            "compile_time",
            "compile_memory",
        ];
        assert_eq!(keys, all);
    }
}

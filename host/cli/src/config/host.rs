//! The sections that concern the host as a whole: `[host]`, `[deploy]`, `[engine]`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use patchbay_control::{ControlConfig, ShedConfig};
use patchbay_engine::EngineConfig;

use super::table::Table;
use super::{settings, topics, value};

/// The longest deadline that makes sense for a drain.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What `[host]` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostConfig {
    /// The state directory.
    pub(crate) state: PathBuf,
    /// How long calls may take to end when the host is told to stop.
    pub(crate) drain: Duration,
    /// Whether a service that says nothing of its callers may be called by no service.
    pub(crate) strict: bool,
    /// Whether the file is taken up when it has changed.
    pub(crate) watch: bool,
    /// When calls are refused because the host is saturated.
    pub(crate) shed: ShedConfig,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            state: PathBuf::from("state"),
            drain: Duration::from_secs(30),
            strict: false,
            watch: true,
            shed: ShedConfig::default(),
        }
    }
}

/// Reads `[host]`. The state directory is relative to `directory`.
pub(crate) fn host(table: &mut Table<'_>, directory: &Path) -> HostConfig {
    let mut host = HostConfig::default();
    table.set("state", &mut host.state, value::path);
    table.set("drain", &mut host.drain, drain);
    table.set("strict", &mut host.strict, value::boolean);
    table.set("watch", &mut host.watch, value::boolean);
    host.shed.memory = table.optional("memory_limit", memory_limit);
    table.set("shed_delay", &mut host.shed.delay, shed_delay);
    host.state = directory.join(host.state);
    host
}

/// Reads `[topics]`, `[deploy]` and `[defaults]`, which control works with.
pub(crate) fn control(root: &mut Table<'_>, host: &HostConfig) -> ControlConfig {
    let (strict, shed) = (host.strict, host.shed.clone());
    let mut control = ControlConfig { strict, shed, topics: topics::read(root), ..ControlConfig::default() };
    root.section("deploy", |table| {
        table.set("retained", &mut control.retained, retained);
        table.set("drain", &mut control.drain, drain);
    });
    (control.defaults, control.default_places) = root.section("defaults", |table| {
        let defaults = settings::read(table, &control.defaults);
        settings::judge(table, &defaults);
        (defaults, table.places())
    });
    control
}

/// Reads `[engine]`.
pub(crate) fn engine(table: &mut Table<'_>) -> EngineConfig {
    let mut engine = EngineConfig::default();
    table.set("instances", &mut engine.instances, value::number);
    table.set("compile_threads", &mut engine.compile_threads, value::number);
    table.set("stack", &mut engine.stack, value::size);
    table.set("epoch_tick", &mut engine.epoch_tick, value::duration);
    table.set("cache_size", &mut engine.cache_size, value::size);
    table.set("code_idle", &mut engine.code_idle, value::duration);
    table.set("compile_time", &mut engine.compile_time, value::duration);
    table.set("compile_memory", &mut engine.compile_memory, value::size);
    for problem in engine.problems() {
        table.report_own(problem.key, &problem.problem);
    }
    engine
}

fn retained(value: &toml::de::DeValue<'_>) -> Result<u32, String> {
    let retained = value::number(value)?;
    if (1..=100).contains(&retained) { Ok(retained) } else { Err("must lie between 1 and 100".to_owned()) }
}

fn drain(value: &toml::de::DeValue<'_>) -> Result<Duration, String> {
    let drain = value::duration(value)?;
    if drain <= DAY { Ok(drain) } else { Err("must be at most 24h".to_owned()) }
}

fn memory_limit(value: &toml::de::DeValue<'_>) -> Result<u64, String> {
    let limit = value::size(value)?;
    if limit >= 64 << 20 { Ok(limit) } else { Err("must be at least 64MiB".to_owned()) }
}

fn shed_delay(value: &toml::de::DeValue<'_>) -> Result<Duration, String> {
    let delay = value::duration(value)?;
    let possible = Duration::from_millis(2)..=Duration::from_secs(10);
    if possible.contains(&delay) { Ok(delay) } else { Err("must lie between 2ms and 10s".to_owned()) }
}

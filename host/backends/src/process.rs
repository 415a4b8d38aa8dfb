//! The process as metrics, by the names that Prometheus has for every process, and its runtime.

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use patchbay_model::metrics::{Collected, Counter, Family, Gauge, MetricSource, Unit};
use patchbay_model::ports::BoxFuture;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Handle;

static CPU: Family<Counter, 0> =
    Family::new("process_cpu_seconds", "CPU time that the process has used, in user space and in the kernel.", [])
        .unit(Unit::Seconds);
static RESIDENT: Family<Gauge, 0> =
    Family::new("process_resident_memory_bytes", "Memory of the process that is in RAM.", []).unit(Unit::Bytes);
static VIRTUAL: Family<Gauge, 0> = Family::new(
    "process_virtual_memory_bytes",
    "Address space of the process. Most of it is reserved for instances, and costs nothing.",
    [],
)
.unit(Unit::Bytes);
static OPEN_FDS: Family<Gauge, 0> = Family::new("process_open_fds", "File descriptors that are open.", []);
static MAX_FDS: Family<Gauge, 0> =
    Family::new("process_max_fds", "File descriptors that the process may have open.", []);
static THREADS: Family<Gauge, 0> = Family::new("process_threads", "Threads of the process.", []);
static START: Family<Gauge, 0> =
    Family::new("process_start_time_seconds", "When the process started, since 1970.", []).unit(Unit::Seconds);
static BUILD: Family<Gauge, 1> = Family::new("patchbay_build_info", "1, for the version of the host.", ["version"]);
static WORKERS: Family<Gauge, 0> =
    Family::new("patchbay_runtime_workers", "Threads that work on calls and connections.", []);
static TASKS: Family<Gauge, 0> = Family::new("patchbay_runtime_tasks", "Tasks that are not over.", []);
static QUEUE: Family<Gauge, 0> = Family::new(
    "patchbay_runtime_queued_tasks",
    "Tasks that are ready and that no thread has taken into its own queue.",
    [],
);
static BUSY: Family<Counter, 0> =
    Family::new("patchbay_runtime_busy_seconds", "Time that the threads of the runtime were not at rest.", [])
        .unit(Unit::Seconds);

/// The process that this runs in.
#[derive(Debug, Clone)]
pub struct ProcessMetrics {
    version: String,
    started: SystemTime,
    /// Where the files of the kernel are; on other systems than Linux there are none, and less is told.
    proc: PathBuf,
}

impl ProcessMetrics {
    /// The process of a host of this version that was started then.
    pub fn new(version: impl Into<String>, started: SystemTime) -> Self {
        Self { version: version.into(), started, proc: PathBuf::from("/proc/self") }
    }

    fn process(&self, into: &mut Collected) {
        into.add(&BUILD, [&self.version], true);
        into.add(&START, [], self.started.duration_since(UNIX_EPOCH).unwrap_or_default());
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let (seconds, nanos) = (u64::try_from(cpu.tv_sec), u32::try_from(cpu.tv_nsec));
        into.add(&CPU, [], Duration::new(seconds.unwrap_or_default(), nanos.unwrap_or_default()));
        if let Some(limit) = getrlimit(Resource::Nofile).current {
            into.add(&MAX_FDS, [], limit);
        }
        // Its own handle of the directory is among them.
        if let Ok(entries) = std::fs::read_dir(self.proc.join("fd")) {
            into.add(&OPEN_FDS, [], entries.count().saturating_sub(1) as u64);
        }
        let status = std::fs::read_to_string(self.proc.join("status")).unwrap_or_default();
        for (family, name, factor) in
            [(&RESIDENT, "VmRSS:", 1024), (&VIRTUAL, "VmSize:", 1024), (&THREADS, "Threads:", 1)]
        {
            if let Some(number) = number_of(&status, name) {
                into.add(family, [], number.saturating_mul(factor));
            }
        }
    }
}

/// The number in the line that begins with `name`.
fn number_of(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches("kB").trim_end().parse().ok()
}

fn runtime(into: &mut Collected) {
    let Ok(runtime) = Handle::try_current() else { return };
    let metrics = runtime.metrics();
    let workers = metrics.num_workers();
    into.add(&WORKERS, [], workers as u64);
    into.add(&TASKS, [], metrics.num_alive_tasks() as u64);
    into.add(&QUEUE, [], metrics.global_queue_depth() as u64);
    into.add(&BUSY, [], (0..workers).map(|worker| metrics.worker_total_busy_duration(worker)).sum::<Duration>());
}

impl MetricSource for ProcessMetrics {
    fn collect<'a>(&'a self, into: &'a mut Collected) -> BoxFuture<'a, ()> {
        for gauge in [&RESIDENT, &VIRTUAL, &OPEN_FDS, &MAX_FDS, &THREADS] {
            into.declare(gauge);
        }
        self.process(into);
        runtime(into);
        Box::pin(std::future::ready(()))
    }
}

#[cfg(test)]
mod tests {
    use patchbay_model::metrics::Value;

    use super::*;

    #[tokio::test]
    async fn this_process_has_used_something_of_everything() {
        let source = ProcessMetrics::new("1.2.3", UNIX_EPOCH + Duration::from_secs(77));
        let mut collected = Collected::default();
        source.collect(&mut collected).await;
        let read = |name: &str| {
            let family = collected.families().find(|family| family.description().name == name)?;
            match family.series().next()?.1 {
                Value::Number(number) => Some(number.as_f64()),
                Value::Histogram(_) => None,
            }
        };
        assert_eq!(read("process_start_time_seconds"), Some(77.0));
        for name in ["process_cpu_seconds", "process_max_fds", "patchbay_runtime_workers", "patchbay_build_info"] {
            assert!(read(name).unwrap() > 0.0, "{name}");
        }
        assert!(read("patchbay_runtime_queued_tasks").is_some() && read("patchbay_runtime_busy_seconds").is_some());
        if cfg!(target_os = "linux") {
            let resident = read("process_resident_memory_bytes").unwrap();
            assert!((1e6..1e10).contains(&resident), "{resident}");
            assert!(read("process_threads").unwrap() >= 1.0 && read("process_open_fds").unwrap() >= 3.0);
        }
    }

    #[test]
    fn lines_of_the_kernel_are_read() {
        let status = "Name:\tx\nVmSize:\t  123 kB\nVmRSS:\t    5 kB\nThreads:\t7\n";
        assert_eq!(
            ["VmSize:", "VmRSS:", "Threads:", "VmSwap:", "Name:"].map(|name| number_of(status, name)),
            [Some(123), Some(5), Some(7), None, None]
        );
    }
}

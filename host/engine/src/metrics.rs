//! Tells what the engine has counted, as metrics.

use patchbay_model::metrics::{Collected, Counter, Family, Gauge, MetricSource, Unit};
use patchbay_model::ports::{BoxFuture, Executor};

use crate::engine::Engine;
use crate::tally::Reading;

static STARTED: Family<Counter, 1> =
    Family::new("patchbay_service_started_instances", "Instances of the service that were made.", ["service"]);
static REUSED: Family<Counter, 1> = Family::new(
    "patchbay_service_reused_instances",
    "Calls that went to an instance of the service that was there; for all others one was made.",
    ["service"],
);
static MEMORY: Family<Gauge, 1> = Family::new(
    "patchbay_service_memory_bytes",
    "Linear memory that the instances of the service have, and what the host keeps for them.",
    ["service"],
)
.unit(Unit::Bytes);
static CPU: Family<Counter, 1> = Family::new(
    "patchbay_service_cpu_seconds",
    "CPU time of instances of the service. That of polls shorter than a tick is a sample of one in sixteen, by the clock.",
    ["service"],
)
.unit(Unit::Seconds);
static TRAPS: Family<Counter, 1> = Family::new(
    "patchbay_service_traps",
    "Instances of the service that broke off: a trap, a panic, an exit.",
    ["service"],
);
static LIMITS: Family<Counter, 2> = Family::new(
    "patchbay_service_limit_hits",
    "Instances of the service that wanted more than they may have, by the limit.",
    ["service", "limit"],
);
static UNPRINTED: Family<Counter, 1> = Family::new(
    "patchbay_service_dropped_output_bytes",
    "Output of the service that was dropped because it printed more than it may.",
    ["service"],
)
.unit(Unit::Bytes);
static LOST_SPANS: Family<Counter, 1> = Family::new(
    "patchbay_service_dropped_spans",
    "Spans that the service made itself and that were dropped: of no call or another trace, at another time, or too many.",
    ["service"],
);
static INSTANCES: Family<Gauge, 0> =
    Family::new("patchbay_engine_instances", "Instances of all services that there are.", []);
static COMPONENTS: Family<Gauge, 0> =
    Family::new("patchbay_engine_components", "Components whose machine code is loaded.", []);
static CODE: Family<Gauge, 0> =
    Family::new("patchbay_engine_code_bytes", "Size of the machine code that is loaded.", []).unit(Unit::Bytes);
static STUCK: Family<Gauge, 0> = Family::new(
    "patchbay_engine_stuck_threads",
    "Threads that have worked for an instance for too long without a pause, and that nothing can interrupt.",
    [],
);
static PREPARED: Family<Counter, 1> = Family::new(
    "patchbay_engine_prepared_components",
    "Components that were made ready, by where their machine code came from: shared, cache, compiled, or cache-damaged, \
     which were compiled because the cache was damaged.",
    ["source"],
);

impl MetricSource for Engine {
    fn collect<'a>(&'a self, into: &'a mut Collected) -> BoxFuture<'a, ()> {
        for counter in [&STARTED, &REUSED, &CPU, &TRAPS, &UNPRINTED, &LOST_SPANS] {
            into.declare(counter);
        }
        into.declare(&MEMORY);
        into.declare(&LIMITS);
        for (service, reading) in self.tallies().read() {
            self::service(service.as_str(), &reading, into);
        }
        let usage = self.usage();
        into.add(&INSTANCES, [], usage.instances);
        into.add(&COMPONENTS, [], usage.components);
        into.add(&CODE, [], usage.code_bytes);
        into.add(&STUCK, [], usage.stuck_threads);
        for (source, count) in self.prepared() {
            into.add(&PREPARED, [source], count);
        }
        Box::pin(std::future::ready(()))
    }
}

fn service(service: &str, reading: &Reading, into: &mut Collected) {
    into.add(&STARTED, [service], reading.started);
    into.add(&REUSED, [service], reading.reused);
    into.add(&MEMORY, [service], reading.memory);
    into.add(&CPU, [service], reading.busy);
    into.add(&TRAPS, [service], reading.traps);
    into.add(&UNPRINTED, [service], reading.unprinted);
    into.add(&LOST_SPANS, [service], reading.lost_spans);
    for (limit, count) in reading.limits {
        into.add(&LIMITS, [service, limit.name()], count);
    }
}

//! What changes: events, steps of changes, the switch from one revision to the next, and what a saturated host refuses.

use patchbay_model::metrics::{Collected, Counter, Distribution, Family, Gauge, Unit};
use patchbay_model::policy::Priority;

use crate::change::Step;
use crate::control::Control;
use crate::event::EventKind;
use crate::snapshot::Snapshot;

static EVENTS: Family<Counter, 2> = Family::new(
    "patchbay_service_events",
    "What happened to services, by the kinds of events that `patchbay events` shows.",
    ["service", "event"],
);
static HOST_EVENTS: Family<Counter, 1> = Family::new(
    "patchbay_host_events",
    "What happened to the host, by the kinds of events that `patchbay events` shows.",
    ["event"],
);
static SWAPS: Family<Counter, 1> =
    Family::new("patchbay_service_swaps", "Revisions of the service that were published.", ["service"]);
static PAUSES: Family<Distribution, 0> = Family::new(
    "patchbay_swap_pause_seconds",
    "The time that it took to put what runs after a change in the place of what ran before. A call that comes meanwhile \
     finds one or the other.",
    [],
)
.unit(Unit::Seconds);
static STEPS: Family<Distribution, 1> = Family::new(
    "patchbay_change_step_duration_seconds",
    "The time that steps of changes took, those that failed among them.",
    ["step"],
)
.unit(Unit::Seconds);
static SHED: Family<Counter, 1> = Family::new(
    "patchbay_shed_calls",
    "Calls that were refused because the host is saturated, by their priority.",
    ["priority"],
);
static SHED_SHARE: Family<Gauge, 1> = Family::new(
    "patchbay_shed_share_ratio",
    "The share of calls of a priority that is refused now because the host is saturated.",
    ["priority"],
)
.unit(Unit::Ratio);

pub(super) fn collect(control: &Control, snapshot: &Snapshot, into: &mut Collected) {
    let measured = &control.measured;
    for counter in [&HOST_EVENTS, &SWAPS] {
        into.declare(counter);
    }
    into.declare(&EVENTS);
    let is_there = |name: &str| snapshot.service_called(name).is_some();
    measured.events.tell(is_there, |service, kind, count| match service {
        None => into.add(&HOST_EVENTS, [kind.name()], count),
        Some(service) => {
            if kind == EventKind::Published {
                into.add(&SWAPS, [service], count);
            }
            into.add(&EVENTS, [service, kind.name()], count);
        }
    });
    into.add(&PAUSES, [], measured.switches.read());
    for step in Step::ALL {
        if let Some(durations) = measured.step(step) {
            into.add(&STEPS, [step.name()], durations.read());
        }
    }
    let load = control.load();
    for (priority, refused) in Priority::ALL.into_iter().zip(load.refused) {
        into.add(&SHED, [priority.name()], refused);
        into.add(&SHED_SHARE, [priority.name()], f64::from(load.level.share(priority)) / 1000.0);
    }
}

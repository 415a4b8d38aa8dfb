//! Calls, by who makes them and of whom.

use patchbay_model::metrics::{Collected, Counter, Distribution, Family, Unit};

use crate::snapshot::Snapshot;

static DURATIONS: Family<Distribution, 2> = Family::new(
    "patchbay_call_duration_seconds",
    "Calls of a service, and the time until there was an answer or a fault. The caller is a service, outside, operator, or \
     host, which hands over messages.",
    ["caller", "service"],
)
.unit(Unit::Seconds);

static FAULTS: Family<Counter, 3> = Family::new(
    "patchbay_call_faults",
    "Calls that ended in a fault, by its kind; cancelled are those that their caller gave up.",
    ["caller", "service", "kind"],
);

static ERROR_REPLIES: Family<Counter, 2> = Family::new(
    "patchbay_call_error_replies",
    "Calls that the service answered with an HTTP status of 500 or more.",
    ["caller", "service"],
);

pub(super) fn collect(snapshot: &Snapshot, into: &mut Collected) {
    into.declare(&DURATIONS);
    into.declare(&FAULTS);
    into.declare(&ERROR_REPLIES);
    for entry in snapshot.services() {
        let service = entry.name.as_str();
        for (caller, measures) in entry.standing.measured().callers() {
            let (caller, reading) = (caller.as_str(), measures.read());
            // Nobody needs to know of links that were never used.
            if reading.durations.count() == 0 {
                continue;
            }
            for (kind, count) in reading.faults {
                into.add(&FAULTS, [caller, service, kind.name()], count);
            }
            into.add(&ERROR_REPLIES, [caller, service], reading.error_replies);
            into.add(&DURATIONS, [caller, service], reading.durations);
        }
    }
}

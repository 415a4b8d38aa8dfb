//! Services: whether they serve, how full they are, and what the policies have done.

use patchbay_model::metrics::{Collected, Counter, Distribution, Family, Gauge, Unit};

use crate::revision::LiveRevision;
use crate::snapshot::{ServiceEntry, Snapshot};

static UP: Family<Gauge, 1> =
    Family::new("patchbay_service_up", "Whether the service has a revision that serves: 1 or 0.", ["service"]);
static ACTIVE: Family<Gauge, 1> = Family::new("patchbay_service_active_calls", "Calls that have a place.", ["service"]);
static WAITING: Family<Gauge, 1> =
    Family::new("patchbay_service_waiting_calls", "Calls that wait for a place.", ["service"]);
static PLACES: Family<Gauge, 1> =
    Family::new("patchbay_service_concurrency_limit", "Calls that may have a place at a time.", ["service"]);
static WAITS: Family<Distribution, 1> = Family::new(
    "patchbay_service_queue_wait_seconds",
    "Calls that found no place at once, and the time until they had one or gave up.",
    ["service"],
)
.unit(Unit::Seconds);
static REFUSALS: Family<Counter, 2> = Family::new(
    "patchbay_service_refusals",
    "Calls that were refused: unauthenticated, denied, rate-limited, or overloaded, which found no place.",
    ["service", "reason"],
);
static RETRIES: Family<Counter, 1> =
    Family::new("patchbay_service_retries", "Attempts after the first one of a call.", ["service"]);
static RETRIES_REFUSED: Family<Counter, 1> =
    Family::new("patchbay_service_retries_refused", "Attempts that the retry budget did not allow.", ["service"]);
static BUDGET: Family<Gauge, 1> = Family::new(
    "patchbay_service_retry_budget_attempts",
    "Attempts after the first one that the retry budget would allow now.",
    ["service"],
);
static BROKEN_OFF: Family<Counter, 1> = Family::new(
    "patchbay_service_breaker_refusals",
    "Attempts that were refused because the breaker of the revision was open.",
    ["service"],
);
static FALLBACKS: Family<Counter, 1> = Family::new(
    "patchbay_service_fallbacks",
    "Calls that a configured result or another service answered.",
    ["service"],
);
static REVISION: Family<Gauge, 3> = Family::new(
    "patchbay_revision_info",
    "Revisions that get calls: 1 for each, by its role, active or candidate.",
    ["service", "revision", "role"],
);
static BREAKER: Family<Gauge, 3> = Family::new(
    "patchbay_revision_breaker_state",
    "1 for the state that the breaker of a revision is in, which is closed, open or half-open; 0 for the others.",
    ["service", "revision", "state"],
);
static INSTANCES: Family<Gauge, 3> = Family::new(
    "patchbay_revision_instances",
    "Instances of revisions that are retained, by what they do: busy or idle.",
    ["service", "revision", "state"],
);

pub(super) fn collect(snapshot: &Snapshot, into: &mut Collected) {
    declare(into);
    for entry in snapshot.services() {
        let service = entry.name.as_str();
        places(entry, service, into);
        policies(entry, service, into);
        for (number, ready) in &entry.ready {
            let (number, instances) = (number.to_string(), ready.prepared.instances());
            let busy = instances.live.saturating_sub(instances.idle);
            for (state, count) in [("busy", busy), ("idle", instances.idle)] {
                into.add(&INSTANCES, [service, &number, state], count);
            }
        }
        let candidate = entry.candidate.as_ref().map(|candidate| ("candidate", candidate.live()));
        for (role, live) in entry.active.as_ref().map(|active| ("active", active)).into_iter().chain(candidate) {
            revision(service, role, live, into);
        }
    }
}

fn declare(into: &mut Collected) {
    for gauge in [&UP, &ACTIVE, &WAITING, &PLACES, &BUDGET] {
        into.declare(gauge);
    }
    for counter in [&RETRIES, &RETRIES_REFUSED, &BROKEN_OFF, &FALLBACKS] {
        into.declare(counter);
    }
    for gauge in [&REVISION, &BREAKER, &INSTANCES] {
        into.declare(gauge);
    }
    into.declare(&WAITS);
    into.declare(&REFUSALS);
}

fn places(entry: &ServiceEntry, service: &str, into: &mut Collected) {
    let (bulkhead, occupancy) = (entry.standing.bulkhead(), entry.standing.bulkhead().occupancy());
    into.add(&UP, [service], entry.active.is_some());
    into.add(&ACTIVE, [service], occupancy.calls);
    into.add(&WAITING, [service], occupancy.waiting);
    into.add(&WAITS, [service], bulkhead.waits());
    if let Some(active) = &entry.active {
        let settings = &active.ready.record.settings;
        into.add(&PLACES, [service], settings.limits.concurrency);
        into.add(&BUDGET, [service], entry.standing.retries_left(&settings.retry));
    }
}

fn policies(entry: &ServiceEntry, service: &str, into: &mut Collected) {
    let counts = entry.standing.counts();
    for (reason, count) in [
        ("unauthenticated", counts.unauthenticated),
        ("denied", counts.denied),
        ("rate-limited", counts.rate_limited),
        ("overloaded", counts.overloaded),
    ] {
        into.add(&REFUSALS, [service, reason], count);
    }
    into.add(&RETRIES, [service], counts.retries);
    into.add(&RETRIES_REFUSED, [service], counts.retries_refused);
    into.add(&BROKEN_OFF, [service], counts.broken_off);
    into.add(&FALLBACKS, [service], counts.fallbacks);
}

fn revision(service: &str, role: &str, live: &LiveRevision, into: &mut Collected) {
    let number = live.id.number.to_string();
    into.add(&REVISION, [service, &number, role], true);
    let status = live.breaker.status();
    let state = match status {
        None => "closed",
        Some(status) if status.remaining.is_zero() => "half-open",
        Some(_) => "open",
    };
    for name in ["closed", "open", "half-open"] {
        into.add(&BREAKER, [service, &number, name], name == state);
    }
}

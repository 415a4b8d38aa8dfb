//! Routes: who was refused there, and how full they are.

use patchbay_channel::RoutePolicy;
use patchbay_model::metrics::{Collected, Counter, Family, Gauge};

use crate::control::Control;
use crate::routes::{RouteEntry, RouteOwner};
use crate::snapshot::Snapshot;

static REFUSALS: Family<Counter, 3> = Family::new(
    "patchbay_route_refusals",
    "Requests that were refused at the route: unauthenticated, denied, rate-limited, or overloaded, which found no place.",
    ["route", "service", "reason"],
);
static CROWDED: Family<Counter, 2> = Family::new(
    "patchbay_route_crowded_requests",
    "Requests that shared a rate with strangers, because too many users or addresses called to keep them apart.",
    ["route", "service"],
);
static ACTIVE: Family<Gauge, 2> = Family::new(
    "patchbay_route_active_calls",
    "Calls that have a place of the route, where it has some of its own.",
    ["route", "service"],
);
static WAITING: Family<Gauge, 2> = Family::new(
    "patchbay_route_waiting_calls",
    "Calls that wait for a place of the route, where it has some of its own.",
    ["route", "service"],
);

/// A route, for those outside of control that measure what happens there.
pub struct MeasuredRoute<'a> {
    /// The service that it leads to; none if the host answers by itself.
    pub service: Option<&'a str>,
    /// What is enforced and measured on it.
    pub policy: &'a RoutePolicy,
}

impl<'a> From<&'a RouteEntry> for MeasuredRoute<'a> {
    fn from(entry: &'a RouteEntry) -> Self {
        let service = match &entry.owner {
            RouteOwner::Service(name) => Some(name.as_str()),
            RouteOwner::Host => None,
        };
        Self { service, policy: &entry.policy }
    }
}

impl Control {
    /// Shows all routes, in no order.
    pub fn measured_routes(&self, show: impl FnMut(MeasuredRoute<'_>)) {
        self.snapshot.load().routes().iter().map(MeasuredRoute::from).for_each(show);
    }
}

pub(super) fn collect(snapshot: &Snapshot, into: &mut Collected) {
    into.declare(&REFUSALS);
    for gauge in [&ACTIVE, &WAITING] {
        into.declare(gauge);
    }
    into.declare(&CROWDED);
    for MeasuredRoute { service, policy } in snapshot.routes().iter().map(MeasuredRoute::from) {
        let (route, service) = (policy.route.to_string(), service.unwrap_or_default());
        for (refusal, count) in policy.measured.refusals() {
            into.add(&REFUSALS, [&route, service, refusal.name()], count);
        }
        into.add(&CROWDED, [&route, service], policy.standing.crowded());
        if let Some(bulkhead) = policy.standing.bulkhead() {
            let occupancy = bulkhead.occupancy();
            into.add(&ACTIVE, [&route, service], occupancy.calls);
            into.add(&WAITING, [&route, service], occupancy.waiting);
        }
    }
}

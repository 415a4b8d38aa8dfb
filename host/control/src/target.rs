//! A service as the channel sees it: the entry that the route or the link led to, and the newest revision at the last
//! moment.

use std::sync::{Arc, LazyLock};

use arc_swap::ArcSwap;
use patchbay_channel::{
    Arrival, Asked, LinkPolicy, RoutePolicy, Shedder, Sought, StandIn, Standing, Target, Tracer, authorize,
};
use patchbay_model::{Fault, FaultKind, Limits, ServiceName, Settings};
use patchbay_striped::Lent;

use crate::control::Control;
use crate::revision::Lease;
use crate::snapshot::{ServiceEntry, Snapshot};
use crate::traffic::{Candidate, Facts, number_of};

/// The service that a call belongs to.
pub(crate) struct Routed<'a> {
    snapshot: &'a ArcSwap<Snapshot>,
    shedder: &'a Shedder,
    tracer: &'a Tracer,
    strict: bool,
    /// The run of the host, which is chance enough for the numbers of its calls.
    run: u64,
    entry: Lent<ServiceEntry>,
    /// The policies of the link that the call comes over, if it has some of its own.
    link: Option<Lent<LinkPolicy>>,
    /// Whether the rules of this entry let the caller in, and need not be asked.
    lets_in: bool,
    /// The route that the call came in by.
    route: Option<Lent<RoutePolicy>>,
}

impl Control {
    /// `entry` as the channel sees it.
    pub(crate) fn routed(&self, entry: Lent<ServiceEntry>) -> Routed<'_> {
        Routed {
            snapshot: &self.snapshot,
            shedder: self.shedder(),
            tracer: &self.tracer,
            strict: entry.strict,
            run: self.ports.run,
            entry,
            link: None,
            lets_in: false,
            route: None,
        }
    }
}

impl Routed<'_> {
    /// The same, over a link that may have policies of its own. `lets_in`: whether the rules of the entry let its caller in, whomever
    /// that acts for.
    pub(crate) fn over(self, link: Option<Lent<LinkPolicy>>, lets_in: bool) -> Self {
        Self { link, lets_in, ..self }
    }

    /// The same, for a call that came in by a route.
    pub(crate) fn by(self, route: Lent<RoutePolicy>) -> Self {
        Self { route: Some(route), ..self }
    }
}

impl Routed<'_> {
    /// Enters the candidate, if there is one and the call is its own, and else the active revision.
    fn enter(&self, entry: &ServiceEntry, arrival: &Arrival, sought: Sought<'_>) -> Option<Lease> {
        let candidate = entry.candidate.as_ref().filter(|_| !sought.elsewhere);
        let of_candidate = candidate.and_then(|candidate| self.enter_candidate(candidate, arrival, sought));
        of_candidate.or_else(|| entry.active.as_ref()?.enter())
    }

    fn enter_candidate(&self, candidate: &Candidate, arrival: &Arrival, sought: Sought<'_>) -> Option<Lease> {
        let facts = match sought.asked {
            // Nobody is pinned by a message; it counts in the share.
            Asked::Message | Asked::Topic => Facts::default(),
            Asked::Http(_) | Asked::Function(_) => Facts {
                headers: sought.headers,
                user: arrival.user.as_deref(),
                address: arrival.address,
                visitor: arrival.visitor,
            },
        };
        // All attempts of a call have the same number, and so go to the same revision.
        candidate.enter(facts, number_of(self.run, arrival.id))
    }
}

impl Target for Routed<'_> {
    type Lease = Lease;

    fn name(&self) -> &ServiceName {
        &self.entry.name
    }

    fn settings(&self) -> &Settings {
        match &self.entry.active {
            Some(active) => &active.ready.record.settings,
            None => &NO_REVISION,
        }
    }

    fn strict(&self) -> bool {
        self.strict
    }

    fn shedder(&self) -> &Shedder {
        self.shedder
    }

    fn tracer(&self) -> &Tracer {
        self.tracer
    }

    fn standing(&self) -> &Standing {
        &self.entry.standing
    }

    fn link(&self) -> Option<&LinkPolicy> {
        self.link.as_deref()
    }

    fn lets_in(&self) -> bool {
        self.lets_in
    }

    fn route(&self) -> Option<&RoutePolicy> {
        self.route.as_deref()
    }

    fn stand_in(&self) -> Option<&StandIn> {
        let of_link = self.link.as_ref().and_then(|link| link.stand_in.as_ref());
        of_link.or_else(|| self.entry.active.as_ref()?.ready.stand_ins.own.as_ref())
    }

    fn instead(&self) -> Option<Self> {
        let entry = self.snapshot.load().service(self.stand_in()?.service.as_ref()?)?.lend();
        Some(Self { strict: entry.strict, entry, link: None, lets_in: false, route: None, ..*self })
    }

    fn choose(&self, arrival: &Arrival, sought: Sought<'_>) -> Result<Lease, Fault> {
        let unavailable = |details: &str| {
            let fault = Fault::new(FaultKind::Unavailable, "the service has no revision that can serve");
            Err(fault.with_details(details).unprocessed())
        };
        // A call is answered by what it was routed by for as long as that takes calls.
        if let Some(lease) = self.enter(&self.entry, arrival, sought) {
            return Ok(lease);
        }
        // The entry may be of an older snapshot by now. A revision that was replaced refuses the call, and then a
        // newer snapshot is there already: it is published before the old revision closes.
        loop {
            let snapshot = self.snapshot.load();
            let Some(entry) = snapshot.service(&self.entry.name) else {
                return unavailable("the service was removed");
            };
            let Some(active) = &entry.active else {
                return unavailable(entry.failure.as_deref().unwrap_or("no revision is active"));
            };
            // Another revision may have other rules than the one that was asked when the call arrived.
            if arrival.caller.service().is_some() && !entry.is_same_as(&self.entry) {
                let rules = active.ready.record.settings.callers.as_deref();
                authorize(rules, entry.strict, arrival.asker(), sought.asked)?;
            }
            if let Some(lease) = self.enter(entry, arrival, sought) {
                return Ok(lease);
            }
            if Arc::ptr_eq(&self.snapshot.load(), &snapshot) {
                return unavailable("the host is stopping");
            }
        }
    }
}

/// Enforced for a service that cannot serve; its calls end as soon as they look for a revision. A fallback of its
/// callers answers them all the same.
static NO_REVISION: LazyLock<Settings> = LazyLock::new(|| Settings {
    limits: Limits { queue: 0, request_body: u64::MAX, response_body: u64::MAX, ..Limits::default() },
    ..Settings::default()
});

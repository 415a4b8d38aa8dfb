//! A service as the channel sees it: the entry that the route led to, and the newest revision at the last moment.

use std::sync::Arc;

use arc_swap::ArcSwap;
use patchbay_channel::{Bulkhead, Chosen, Target};
use patchbay_model::{Fault, FaultKind, Limits, ServiceName};

use crate::internal::admits;
use crate::revision::Lease;
use crate::snapshot::{ServiceEntry, Snapshot};

/// The service that a request belongs to.
pub(crate) struct Routed<'a> {
    pub(crate) snapshot: &'a ArcSwap<Snapshot>,
    pub(crate) entry: Arc<ServiceEntry>,
    /// The service that calls; `None` for a call from outside, whose route let it in.
    pub(crate) caller: Option<&'a ServiceName>,
}

impl Target for Routed<'_> {
    type Lease = Lease;

    fn name(&self) -> &ServiceName {
        &self.entry.name
    }

    fn limits(&self) -> &Limits {
        match &self.entry.active {
            Some(active) => &active.ready.record.settings.limits,
            None => &NO_REVISION,
        }
    }

    fn bulkhead(&self) -> &Bulkhead {
        &self.entry.bulkhead
    }

    fn choose(&self) -> Result<Chosen<Lease>, Fault> {
        let unavailable = |details: &str| {
            Err(Fault::new(FaultKind::Unavailable, "the service has no revision that can serve").with_details(details))
        };
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
            if let Some(caller) = self.caller {
                admits(&active.ready.record.settings, caller)?;
            }
            if let Some((lease, cut)) = active.enter() {
                let (prepared, quarantine) = (Arc::clone(&active.ready.prepared), Arc::clone(&active.quarantine));
                return Ok(Chosen { prepared, lease, quarantine, cut });
            }
            if Arc::ptr_eq(&self.snapshot.load(), &snapshot) {
                return unavailable("the host is stopping");
            }
        }
    }
}

/// Enforced for a service that cannot serve; its calls end as soon as they look for a revision.
static NO_REVISION: Limits = Limits {
    memory: 0,
    table_elements: 0,
    core_instances: 0,
    handles: 0,
    cpu_time: std::time::Duration::ZERO,
    timeout: std::time::Duration::from_secs(15),
    concurrency: 1,
    queue: 0,
    queue_wait: std::time::Duration::ZERO,
    request_body: u64::MAX,
    response_body: u64::MAX,
    log_rate: 0,
    quarantine_after: 0,
    outbound_connections: 0,
    outbound_body: 0,
};

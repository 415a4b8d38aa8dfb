//! Requests that services send: to the outside where their settings allow it, and to each other inside the host.
//!
//! Every revision has a way out of its own (`way.rs`) with what its settings allow (`policy.rs`) and the connections
//! that it keeps (`pool.rs`). Connections are made to addresses that were resolved and checked in the same step
//! (`connect.rs`), so no name can lead elsewhere in between. A name below `internal` is a service of this host and is
//! called through the channel, without a socket (`internal.rs`).

mod connect;
mod internal;
mod lent;
mod places;
mod policy;
mod pool;
mod span;
mod tls;
mod way;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use patchbay_control::Control;
use patchbay_model::ports::{Outbound, Outlet};
use patchbay_model::{RevisionId, ServiceName, Settings};

use places::Places;
use policy::Policy;
use pool::Pool;
use tls::Tls;
use way::Way;

/// Sends the requests of services.
#[derive(Default)]
pub struct HttpOutbound {
    /// The services of this host. Set once it is put together; weak, because it holds what holds this.
    control: Arc<OnceLock<Weak<Control>>>,
    tls: Arc<Tls>,
    /// The places of each service, for as long as one of its revisions needs them.
    places: Mutex<HashMap<ServiceName, Weak<Places>>>,
}

impl HttpOutbound {
    /// Leads names below `internal` to the services of `control`. To be called once; until then there are none.
    pub fn attach(&self, control: &Arc<Control>) {
        // A second control would be a defect of the composition; the first one stays.
        let _ = self.control.set(Arc::downgrade(control));
    }

    /// Revisions of a service share its places, so that a swap does not double them.
    fn places_of(&self, service: &ServiceName) -> Arc<Places> {
        let mut all = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, places| places.strong_count() > 0);
        let known = all.get(service).and_then(Weak::upgrade);
        known.unwrap_or_else(|| {
            let places = Arc::<Places>::default();
            all.insert(service.clone(), Arc::downgrade(&places));
            places
        })
    }
}

impl Outbound for HttpOutbound {
    fn open(&self, revision: &RevisionId, settings: &Settings) -> Arc<dyn Outlet> {
        let policy = Policy::new(settings.outbound.clone());
        let places = self.places_of(&revision.service);
        let pool = Pool::new(policy, self.tls.clone(), places, settings.limits.outbound_connections);
        Arc::new(Way::new(revision.clone(), pool, self.control.clone()))
    }
}

#[cfg(test)]
mod tests;

//! What services learn of each other.

use patchbay_model::{Health, ServiceInfo, ServiceName};

use crate::control::Control;
use crate::links::exported;
use crate::snapshot::ServiceEntry;

impl Control {
    /// A number that grows whenever a service comes, goes, or gets another revision.
    pub fn version(&self) -> u64 {
        self.snapshot.load().version()
    }

    /// All services, as others find them, and the version that they are of.
    pub fn discover(&self) -> (u64, Vec<ServiceInfo>) {
        let snapshot = self.snapshot.load();
        (snapshot.version(), snapshot.services().map(|entry| info(entry)).collect())
    }

    /// One service, as others find it.
    pub fn info(&self, name: &ServiceName) -> Option<ServiceInfo> {
        self.snapshot.load().service(name).map(|entry| info(entry))
    }
}

fn info(entry: &ServiceEntry) -> ServiceInfo {
    let active = entry.active.as_ref();
    ServiceInfo {
        name: entry.name.clone(),
        revision: active.map(|active| active.id.number),
        health: match active {
            None => Health::Down,
            // Once its time is over somebody has to probe, and that may be whoever asks.
            Some(active) if active.breaker.status().is_some_and(|status| !status.remaining.is_zero()) => Health::Broken,
            Some(_) => Health::Serving,
        },
        http: active.is_some_and(|active| active.ready.contract.http_handler().is_some()),
        interfaces: active.map(|active| exported(&active.ready.contract).collect()).unwrap_or_default(),
    }
}

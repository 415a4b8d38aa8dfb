//! How often what happened to whom.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use patchbay_model::ServiceName;
use patchbay_model::metrics::OTHER;

use crate::event::EventKind;

/// Names under which events are counted apart. There are more only if services come and go, and then those who come last
/// count together.
const MOST_NAMES: usize = 1024;

/// Counts by service, and those of the host itself.
#[derive(Debug, Default)]
pub(crate) struct EventCounts(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    of_host: BTreeMap<EventKind, u64>,
    of_services: BTreeMap<String, BTreeMap<EventKind, u64>>,
}

impl EventCounts {
    /// Something happened to a service, or to the host.
    pub(crate) fn count(&self, service: Option<&ServiceName>, kind: EventKind) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State { of_host, of_services } = &mut *state;
        let counts = match service.map(ServiceName::as_str) {
            None => of_host,
            Some(name) if of_services.contains_key(name) || of_services.len() < MOST_NAMES => {
                of_services.entry(name.to_owned()).or_default()
            }
            Some(_) => of_services.entry(OTHER.to_owned()).or_default(),
        };
        *counts.entry(kind).or_default() += 1;
    }

    /// Tells everything that was counted. Forgets services that `is_there` does not know.
    pub(crate) fn tell(&self, is_there: impl Fn(&str) -> bool, mut tell: impl FnMut(Option<&str>, EventKind, u64)) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.of_services.retain(|name, _| name == OTHER || is_there(name));
        state.of_host.iter().for_each(|(kind, count)| tell(None, *kind, *count));
        for (service, counts) in &state.of_services {
            counts.iter().for_each(|(kind, count)| tell(Some(service), *kind, *count));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(counts: &EventCounts, there: &[&str]) -> Vec<(Option<String>, EventKind, u64)> {
        let mut told = Vec::new();
        counts.tell(
            |name| there.contains(&name),
            |service, kind, count| told.push((service.map(str::to_owned), kind, count)),
        );
        told
    }

    #[test]
    fn services_that_are_gone_are_forgotten() {
        let counts = EventCounts::default();
        let (orders, shop) = ("orders".parse().unwrap(), "shop".parse().unwrap());
        for service in [Some(&orders), Some(&orders), Some(&shop), None] {
            counts.count(service, EventKind::Published);
        }
        let of = |service: Option<&str>, count| (service.map(str::to_owned), EventKind::Published, count);
        assert_eq!(told(&counts, &["orders", "shop"]), [of(None, 1), of(Some("orders"), 2), of(Some("shop"), 1)]);
        assert_eq!(told(&counts, &["shop"]), [of(None, 1), of(Some("shop"), 1)]);
    }

    #[test]
    fn too_many_services_count_together() {
        let counts = EventCounts::default();
        for number in 0..MOST_NAMES + 5 {
            let name = format!("service-{number}").parse().unwrap();
            counts.count(Some(&name), EventKind::Removed);
        }
        assert_eq!(told(&counts, &[]), [(Some(OTHER.to_owned()), EventKind::Removed, 5)]);
    }
}

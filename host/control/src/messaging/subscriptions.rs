//! The subscriptions of all services, kept as the revisions that serve say.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use patchbay_model::ServiceName;
use patchbay_model::bus::TopicFilter;
use tokio::time::timeout;

use super::subscription::{Plan, Running};
use crate::control::Control;
use crate::snapshot::Snapshot;

type Name = (ServiceName, TopicFilter);

impl Control {
    /// Keeps subscriptions as the newest snapshot says, until the host stops.
    pub(crate) async fn keep_subscriptions(self: Arc<Self>) {
        let messaging = &self.messaging;
        loop {
            let changed = messaging.changed.notified();
            self.arrange_subscriptions().await;
            if messaging.stop.run_until_cancelled(changed).await.is_none() {
                return;
            }
        }
    }

    /// Stops what is not as the snapshot says, and starts what is missing.
    async fn arrange_subscriptions(self: &Arc<Self>) {
        let mut wanted = plans(&self.snapshot.load());
        let stopped: Vec<_> = {
            let mut running = self.messaging.running();
            let over = |name: &Name, running: &Arc<Running>| wanted.get(name) != Some(&*running.plan);
            running.extract_if(.., |name, running| over(name, running)).collect()
        };
        for (_, running) in &stopped {
            running.stop();
        }
        let mut statuses = BTreeMap::new();
        for (name, running) in stopped {
            // What it has in hand is to be given back before another one takes its place.
            running.stopped().await;
            statuses.insert(name, Arc::clone(&running.status));
        }
        let mut running = self.messaging.running();
        wanted.retain(|name, _| !running.contains_key(name));
        for (name, plan) in wanted {
            if self.messaging.stop.is_cancelled() {
                return;
            }
            let status = statuses.remove(&name).unwrap_or_default();
            running.insert(name, Arc::new(Running::start(Arc::clone(self), plan, status)));
        }
    }

    /// Hands no service a message any more.
    pub(crate) fn stop_subscriptions(&self) {
        self.messaging.stop.cancel();
        for running in self.messaging.running().values() {
            running.stop();
        }
    }

    /// Waits until everything that was begun is done and the rest given back, and ends the bus.
    pub(crate) async fn end_subscriptions(&self, deadline: Duration) {
        let running: Vec<_> = std::mem::take(&mut *self.messaging.running()).into_values().collect();
        let stopped = async {
            for running in running {
                running.stop();
                running.stopped().await;
            }
        };
        if timeout(deadline, stopped).await.is_err() {
            tracing::warn!("subscriptions did not end in time; what they had in hand is delivered again");
        }
        self.ports.bus.close().await;
    }
}

/// The subscriptions of the revisions that serve.
fn plans(snapshot: &Snapshot) -> BTreeMap<Name, Plan> {
    let active = snapshot.services().filter_map(|entry| Some((entry, entry.active.as_ref()?)));
    let plans = active.flat_map(|(entry, active)| {
        let service = entry.name.clone();
        active.ready.record.settings.subscriptions.iter().map(move |(filter, settings)| {
            let plan = Plan { service: service.clone(), filter: filter.clone(), settings: settings.clone() };
            ((service.clone(), filter.clone()), plan)
        })
    });
    plans.collect()
}

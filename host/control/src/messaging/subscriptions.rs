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

/// How long a start or a change waits for subscriptions. A bus that takes longer has them begin afterwards.
const PATIENCE: Duration = Duration::from_secs(5);

impl Control {
    /// Begins to deliver messages, and keeps subscriptions as the newest snapshot says until the host stops.
    pub(crate) async fn start_subscriptions(self: &Arc<Self>) {
        self.messaging.arranged.send_replace(Some(0));
        self.tasks.spawn(Arc::clone(self).keep_subscriptions());
        self.subscribed().await;
    }

    async fn keep_subscriptions(self: Arc<Self>) {
        let messaging = &self.messaging;
        let mut shown = messaging.shown.subscribe();
        loop {
            let newest = *shown.borrow_and_update();
            self.arrange_subscriptions().await;
            messaging.arranged.send_replace(Some(newest));
            if messaging.stop.run_until_cancelled(shown.changed()).await.is_none() {
                return;
            }
        }
    }

    /// Waits until the subscriptions of the newest snapshot have begun, so that nobody who is told that a service
    /// serves publishes messages that it does not get. One that cannot begin, because the bus is away, is not waited for.
    pub(crate) async fn subscribed(&self) {
        let messaging = &self.messaging;
        if messaging.arranged.borrow().is_none() {
            return;
        }
        let newest = Some(*messaging.shown.borrow());
        let begun = async {
            // The sender is at hand, so this cannot fail.
            let _ = messaging.arranged.subscribe().wait_for(|arranged| *arranged >= newest).await;
            let statuses: Vec<_> = messaging.running().values().map(|running| Arc::clone(&running.status)).collect();
            for status in statuses {
                status.begun().await;
            }
        };
        let _ = messaging.stop.run_until_cancelled(timeout(PATIENCE, begun)).await;
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

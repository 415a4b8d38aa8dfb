//! A subscription at work: it joins its consumer groups, takes in messages by credit, and has workers hand them to the
//! service until it is stopped.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use patchbay_model::ServiceName;
use patchbay_model::bus::{BusError, SubscriptionSettings, TopicFilter};
use patchbay_model::ports::{Bus, Feed};
use tokio::sync::Semaphore;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::intake::Intake;
use super::interests::interests;
use super::status::{State, Status};
use super::worker::Worker;
use crate::control::Control;

/// The pause before a subscription that could not begin is tried again, and the longest it grows to.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(10));

/// The most messages that are asked for at a time.
const BATCH: usize = 256;

/// What a subscription is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) service: ServiceName,
    pub(super) filter: TopicFilter,
    pub(super) settings: SubscriptionSettings,
}

/// A subscription at work.
pub(super) struct Running {
    pub(super) plan: Arc<Plan>,
    pub(super) status: Arc<Status>,
    stop: CancellationToken,
    work: TaskTracker,
}

impl Running {
    /// Begins to work. `status` is that of the subscription in whose place it comes: its numbers go on.
    pub(super) fn start(control: Arc<Control>, plan: Plan, status: Arc<Status>) -> Self {
        let running = Self { plan: Arc::new(plan), status, stop: CancellationToken::new(), work: TaskTracker::new() };
        running.status.set(State::Starting);
        let (plan, status, stop) = (Arc::clone(&running.plan), Arc::clone(&running.status), running.stop.clone());
        running.work.spawn(work(control, plan, status, stop));
        running.work.close();
        running
    }

    /// Begins nothing any more.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until what was begun is done and the rest is given back.
    pub(super) async fn stopped(&self) {
        self.work.wait().await;
    }
}

async fn work(control: Arc<Control>, plan: Arc<Plan>, status: Arc<Status>, stop: CancellationToken) {
    let bus = Arc::clone(&control.ports.bus);
    let Some(feeds) = stop.run_until_cancelled(join(&*bus, &control, &plan, &status)).await else { return };
    status.set(State::Active);
    let intake = Arc::new(Intake::new(plan.settings.order));
    let worker =
        Arc::new(Worker { control, plan: Arc::clone(&plan), status, intake: Arc::clone(&intake), stop: stop.clone() });
    let workers = TaskTracker::new();
    let crew = Arc::new(Crew { worker, workers: workers.clone(), hired: AtomicUsize::new(0) });
    let pullers = TaskTracker::new();
    for feed in &feeds {
        pullers.spawn(pull(Arc::clone(feed), Arc::clone(&crew), stop.clone()));
    }
    stop.cancelled().await;
    intake.close();
    pullers.close();
    pullers.wait().await;
    workers.close();
    workers.wait().await;
    for feed in feeds {
        feed.close().await;
    }
}

/// Joins the consumer groups, however long it takes.
async fn join(bus: &dyn Bus, control: &Control, plan: &Plan, status: &Status) -> Vec<Arc<dyn Feed>> {
    let mut pause = PAUSES.0;
    loop {
        match try_join(bus, control, plan).await {
            Ok(feeds) => return feeds,
            Err(error) => {
                tracing::warn!(service = %plan.service, topic = %plan.filter, "the subscription cannot begin yet: {error}");
                status.set(State::Waiting(error.to_string()));
            }
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSES.1);
    }
}

async fn try_join(bus: &dyn Bus, control: &Control, plan: &Plan) -> Result<Vec<Arc<dyn Feed>>, BusError> {
    let mut feeds = Vec::new();
    let snapshot = control.snapshot.load_full();
    for interest in interests(plan, &snapshot.config().topics) {
        feeds.push(bus.subscribe(interest).await?);
    }
    Ok(feeds)
}

/// Takes in what a feed has, as far as there is credit.
async fn pull(feed: Arc<dyn Feed>, crew: Arc<Crew>, stop: CancellationToken) {
    let window = window(&crew.worker.plan.settings) as usize;
    let credit = Arc::new(Semaphore::new(window));
    loop {
        let Some(Ok(permit)) = stop.run_until_cancelled(credit.acquire()).await else { return };
        permit.forget();
        let more = credit.available_permits().min(BATCH - 1);
        let more = credit.try_acquire_many(u32::try_from(more).unwrap_or_default()).map_or(0, |permits| {
            let count = permits.num_permits();
            permits.forget();
            count
        });
        let asked = NonZeroUsize::MIN.saturating_add(more);
        let Some(batch) = stop.run_until_cancelled(feed.receive(asked)).await else { return };
        if batch.is_empty() {
            // The feed was closed from the other side, which only a bus that ends does.
            return;
        }
        credit.add_permits(asked.get().saturating_sub(batch.len()));
        crew.worker.intake.add(&feed, &credit, batch);
        crew.hire();
    }
}

/// Messages that a feed may have handed out: as many as are handled at a time, and as many again, so that nobody waits.
pub(super) fn window(settings: &SubscriptionSettings) -> u32 {
    settings.max_in_flight.saturating_mul(2)
}

/// Those who hand messages to the service, no more of them than may be in flight.
struct Crew {
    worker: Arc<Worker>,
    workers: TaskTracker,
    hired: AtomicUsize,
}

impl Crew {
    /// Has as many workers as there is work, up to the limit. They stay.
    fn hire(&self) {
        let limit = self.worker.plan.settings.max_in_flight as usize;
        let mut wanted = self.worker.intake.waiting();
        while wanted > 0 && self.hired.load(Ordering::Relaxed) < limit {
            self.hired.fetch_add(1, Ordering::Relaxed);
            let worker = Arc::clone(&self.worker);
            self.workers.spawn(async move { worker.work().await });
            wanted -= 1;
        }
    }
}

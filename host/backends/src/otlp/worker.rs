//! The task that takes what is to be sent out of an outbox, in batches, and sends each until it is taken or lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};

use super::link::OtlpLink;
use super::outbox::{Outbox, Tally};
use super::phase::{Phase, Watch};
use super::resource::OtlpResource;
use super::settings::OtlpSettings;
use super::{Exported, Payload, Refusal};

/// The pause after the first failure, which doubles, and the longest it grows to.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// How long one batch is tried.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes, roughly, from which on a batch is full: collectors refuse more than 4 MiB over gRPC, and with it all that others put in.
const LARGEST: usize = 2 << 20;

/// What a task works with.
pub(super) struct Worker<T> {
    queue: mpsc::Receiver<T>,
    tally: Arc<Tally>,
    link: Arc<OtlpLink>,
    resource: Arc<OtlpResource>,
    batch: usize,
    interval: Duration,
}

/// An outbox, and what takes things out of it.
pub(super) fn pair<T: Exported>(
    settings: &OtlpSettings,
    link: Arc<OtlpLink>,
    resource: Arc<OtlpResource>,
) -> (Arc<Outbox<T>>, Worker<T>) {
    let (sender, queue) = mpsc::channel(settings.queue.max(1));
    let tally = Arc::<Tally>::default();
    let outbox = Arc::new(Outbox::new(sender, Arc::clone(&tally)));
    (outbox, Worker { queue, tally, link, resource, batch: settings.batch.max(1), interval: settings.interval })
}

impl<T: Exported> Worker<T> {
    /// Works until no more is to come, then sends what is left.
    pub(super) async fn work(mut self, watch: Watch) {
        while let Some(batch) = self.next(&watch).await {
            self.send(batch, &watch).await;
        }
    }

    /// The next batch: when it is full, or when the first of it has waited long enough. `None` when no more will come.
    async fn next(&mut self, watch: &Watch) -> Option<Vec<T>> {
        let (mut batch, mut size) = (Vec::new(), 0);
        if let Some(first) = watch.before(Phase::Closing, self.queue.recv()).await {
            let first = first?;
            size += first.size();
            batch.push(first);
            let due = Instant::now() + self.interval;
            while self.has_room(&batch, size) {
                let more = watch.before(Phase::Closing, timeout_at(due, self.queue.recv()));
                let Some(Ok(Some(item))) = more.await else { break };
                size += item.size();
                batch.push(item);
            }
        }
        if watch.is(Phase::Closing) {
            self.queue.close();
            while self.has_room(&batch, size) {
                let Ok(item) = self.queue.try_recv() else { break };
                size += item.size();
                batch.push(item);
            }
        }
        (!batch.is_empty()).then_some(batch)
    }

    const fn has_room(&self, batch: &[T], size: usize) -> bool {
        batch.len() < self.batch && size < LARGEST
    }

    async fn send(&self, batch: Vec<T>, watch: &Watch) {
        let count = batch.len() as u64;
        let payload = T::payload(batch, &self.resource);
        let sent = watch.before(Phase::GivingUp, self.deliver(&payload, watch)).await;
        match sent {
            Some(Ok(rejected)) => {
                let rejected = rejected.min(count);
                self.tally.sent.fetch_add(count - rejected, Ordering::Relaxed);
                if rejected > 0 {
                    self.tally.refused(T::SIGNAL.name(), rejected, "it rejected a part of a batch");
                }
            }
            Some(Err(refusal)) => self.tally.refused(T::SIGNAL.name(), count, &refusal.why),
            None => self.tally.refused(T::SIGNAL.name(), count, "the host stops"),
        }
    }

    /// Sends a batch until it is taken. How much of it was rejected.
    async fn deliver(&self, payload: &Payload, watch: &Watch) -> Result<u64, Refusal> {
        let end = Instant::now() + PATIENCE;
        let mut pause = PAUSES.0;
        loop {
            let refusal = match self.link.send(payload).await {
                Ok(rejected) => return Ok(rejected),
                Err(refusal) => refusal,
            };
            let wait = refusal.after.unwrap_or_else(|| varied(pause));
            // A host that stops does not wait for a collector that is away.
            if !refusal.again || watch.is(Phase::Closing) || Instant::now() + wait > end {
                return Err(refusal);
            }
            tracing::debug!(signal = T::SIGNAL.name(), ?wait, "sent again by OTLP after a pause: {}", refusal.why);
            watch.before(Phase::Closing, sleep(wait)).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }
}

/// A pause that is up to a quarter shorter or longer, so that hosts that lost the same collector do not come back together.
fn varied(pause: Duration) -> Duration {
    let mut bytes = [0; 2];
    // Without random numbers it is not varied.
    if getrandom::fill(&mut bytes).is_err() {
        return pause;
    }
    pause.mul_f64(0.75 + f64::from(u16::from_le_bytes(bytes)) / f64::from(u16::MAX) / 2.0)
}

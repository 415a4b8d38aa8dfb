//! A bounded queue whose producers never wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use patchbay_model::ports::SpanSink;
use patchbay_model::trace::SpanRecord;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Exported;

/// How often the log says that something is dropped.
const TOLD: Duration = Duration::from_secs(60);

/// Takes what is to be sent.
pub struct Outbox<T> {
    queue: mpsc::Sender<T>,
    tally: Arc<Tally>,
}

/// What became of what was put into an outbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboxCounts {
    /// Taken by the collector.
    pub sent: u64,
    /// Not sent, because there was no room.
    pub dropped: u64,
    /// Not taken by the collector.
    pub refused: u64,
}

/// The counters behind [`OutboxCounts`].
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) sent: AtomicU64,
    dropped: AtomicU64,
    refused: AtomicU64,
    since: Instant,
    /// When the log may say the next time that something was lost, in milliseconds after `since`.
    next: AtomicU64,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            sent: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            since: Instant::now(),
            next: AtomicU64::new(0),
        }
    }
}

impl Tally {
    /// So many were not taken by the collector.
    pub(super) fn refused(&self, signal: &'static str, count: u64, why: &str) {
        self.refused.fetch_add(count, Ordering::Relaxed);
        if self.may_tell() {
            tracing::warn!(signal, count, "the OTLP collector did not take what was sent: {why}");
        }
    }

    fn dropped(&self, signal: &'static str) {
        let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
        if self.may_tell() {
            tracing::warn!(
                signal,
                dropped,
                "more is to be sent by OTLP than the collector takes; what has no room is dropped"
            );
        }
    }

    /// Whether the log may say something; once a minute.
    fn may_tell(&self) -> bool {
        let now = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let next = now.saturating_add(u64::try_from(TOLD.as_millis()).unwrap_or(u64::MAX));
        let told = self.next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |at| (now >= at).then_some(next));
        told.is_ok()
    }

    pub(super) fn read(&self) -> OutboxCounts {
        OutboxCounts {
            sent: self.sent.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}

impl<T: Exported> Outbox<T> {
    pub(super) const fn new(queue: mpsc::Sender<T>, tally: Arc<Tally>) -> Self {
        Self { queue, tally }
    }

    /// Has something sent, if there is room for it. Waits for nothing.
    pub fn put(&self, item: T) {
        if self.queue.try_send(item).is_err() {
            self.tally.dropped(T::SIGNAL.name());
        }
    }

    pub(super) fn tally(&self) -> Arc<Tally> {
        Arc::clone(&self.tally)
    }

    /// What became of what was put in.
    pub fn counts(&self) -> OutboxCounts {
        self.tally.read()
    }
}

impl SpanSink for Outbox<Arc<SpanRecord>> {
    fn record(&self, span: Arc<SpanRecord>) {
        self.put(span);
    }
}

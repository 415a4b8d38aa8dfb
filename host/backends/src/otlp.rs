//! OTLP: sends what the host observes to a collector (OpenTelemetry protocol 1.x), over gRPC or over HTTP with protobuf.
//!
//! Whoever has something to send puts it into an [`Outbox`], which never waits: what finds no room is dropped and counted. A
//! task takes it out in batches, and sends them, again where the collector may take them later. There is an outbox for each
//! signal, and one way to the collector for all of them.

mod counts;
mod environment;
mod link;
mod logs;
mod metrics;
mod outbox;
mod phase;
mod refusal;
mod resource;
mod settings;
mod traces;
mod worker;

use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use patchbay_model::metrics::MetricSource;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

pub use environment::OtlpEnvironment;
pub use link::OtlpLink;
pub use metrics::MetricsReading;
pub use outbox::{Outbox, OutboxCounts};
pub use refusal::Refusal;
pub use resource::OtlpResource;
pub use settings::{HeaderText, OtlpHeader, OtlpProtocol, OtlpSettings};

use counts::Tallies;
use phase::{Phase, Watch};

/// What kind of thing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Metrics.
    Metrics,
    /// Logs.
    Logs,
}

impl Signal {
    /// The signal's name in paths and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }
}

/// What goes to the collector in one piece.
#[derive(Debug, Clone)]
pub enum Payload {
    /// Spans.
    Traces(ExportTraceServiceRequest),
    /// Metrics.
    Metrics(ExportMetricsServiceRequest),
    /// Logs.
    Logs(ExportLogsServiceRequest),
}

impl Payload {
    /// What kind of thing it is.
    pub const fn signal(&self) -> Signal {
        match self {
            Self::Traces(_) => Signal::Traces,
            Self::Metrics(_) => Signal::Metrics,
            Self::Logs(_) => Signal::Logs,
        }
    }
}

/// Something that is sent in batches.
pub trait Exported: Send + Sized + 'static {
    /// What kind of thing it is.
    const SIGNAL: Signal;

    /// Roughly what it adds to a batch, in bytes.
    fn size(&self) -> usize;

    /// A batch of it in the form of the protocol.
    fn payload(batch: Vec<Self>, resource: &OtlpResource) -> Payload;
}

/// What sends to a collector.
pub struct Otlp {
    link: Arc<OtlpLink>,
    settings: OtlpSettings,
    resource: Arc<OtlpResource>,
    phase: watch::Sender<Phase>,
    tasks: Mutex<JoinSet<()>>,
    tallies: Tallies,
}

impl Otlp {
    /// One that sends as the settings say. `resource` says who the host is. Nothing is connected yet.
    ///
    /// # Errors
    /// If the address, a header or a certificate cannot be used.
    pub fn new(settings: OtlpSettings, resource: OtlpResource) -> Result<Self, String> {
        Ok(Self {
            link: Arc::new(OtlpLink::new(&settings)?),
            settings,
            resource: Arc::new(resource),
            phase: watch::Sender::new(Phase::Open),
            tasks: Mutex::default(),
            tallies: Tallies::default(),
        })
    }

    /// An outbox of which a task takes what is put into it. To be called within a runtime.
    pub fn outbox<T: Exported>(&self) -> Arc<Outbox<T>> {
        let (outbox, worker) = worker::pair(&self.settings, Arc::clone(&self.link), Arc::clone(&self.resource));
        self.tallies.add(T::SIGNAL, outbox.tally());
        let watch = Watch(self.phase.subscribe());
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).spawn(worker.work(watch));
        outbox
    }

    /// Tells what became of what was to be sent; without a collector, that there is nothing to tell.
    pub fn metrics(this: Option<&Self>) -> Arc<dyn MetricSource> {
        Arc::new(this.map(|this| this.tallies.clone()).unwrap_or_default())
    }

    /// Sends what is in the outboxes, and gives up what was not sent by `deadline`. What is put in later is not sent.
    pub async fn close(&self, deadline: Instant) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        self.phase.send_replace(Phase::Closing);
        let mut done = async || while tasks.join_next().await.is_some() {};
        if tokio::time::timeout_at(deadline, done()).await.is_err() {
            self.phase.send_replace(Phase::GivingUp);
            done().await;
        }
    }
}

#[cfg(test)]
mod tests;

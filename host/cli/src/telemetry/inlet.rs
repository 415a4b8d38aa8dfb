//! The way of every record: what must not be read is taken out of it, then it is kept, and written.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use patchbay_backends::MachineSecrets;
use patchbay_control::Journal;
use patchbay_model::ports::LogSink;
use patchbay_model::{LogLevel, LogRecord, Redaction};

use super::format::LineFormat;
use super::writer::LineWriter;

/// The target of the records about requests from outside. They are written, and not kept: they would leave no room for others.
pub(super) const ACCESS: &str = "access";

/// The targets of those who send records to a collector.
const SENDING: [&str; 7] = ["patchbay_backends::otlp", "h2", "hyper", "hyper_util", "reqwest", "tonic", "tower"];

/// Takes records.
pub(crate) struct Inlet {
    pub(super) logs: Arc<Journal<LogRecord>>,
    pub(super) writer: LineWriter,
    pub(super) format: LineFormat,
    redaction: RwLock<Redaction>,
    secrets: OnceLock<Arc<MachineSecrets>>,
    exporter: OnceLock<Arc<dyn LogSink>>,
}

impl Inlet {
    pub(super) fn new(logs: Arc<Journal<LogRecord>>, writer: LineWriter, format: LineFormat) -> Self {
        Self { logs, writer, format, redaction: RwLock::default(), secrets: OnceLock::new(), exporter: OnceLock::new() }
    }

    /// Values of these are taken out of every record from now on.
    pub(crate) fn keep_out(&self, secrets: Arc<MachineSecrets>) {
        // There is one host in a process, and it has one of these.
        let _ = self.secrets.set(secrets);
    }

    /// Hands every record that is kept, and those of the access log, to `exporter`, too, from now on. It must not wait.
    pub(crate) fn export_to(&self, exporter: Arc<dyn LogSink>) {
        let _ = self.exporter.set(exporter);
    }

    pub(super) fn redact(&self, redaction: Redaction) {
        *self.redaction.write().unwrap_or_else(PoisonError::into_inner) = redaction;
    }

    fn clean(&self, record: &mut LogRecord) {
        let values = self.secrets.get().map(|secrets| secrets.values());
        let redaction = self.redaction.read().unwrap_or_else(PoisonError::into_inner);
        redaction.apply(record, values.as_deref().unwrap_or_default());
    }

    /// Writes what the host says.
    pub(super) fn write(&self, mut record: LogRecord) {
        self.clean(&mut record);
        self.put(&record);
    }

    fn put(&self, record: &LogRecord) {
        self.writer.write(&self.format.line(record), record.weight() >= LogLevel::Warn);
    }

    /// Keeps what the host says.
    pub(super) fn keep(&self, mut record: LogRecord) {
        self.clean(&mut record);
        if let Some(exporter) = self.exporter.get().filter(|_| !is_of_sending(&record)) {
            exporter.record(record.clone());
        }
        if record.target.as_deref() != Some(ACCESS) {
            self.logs.append(record);
        }
    }
}

/// Whether a record is about sending, which each one that is sent might cause another of.
fn is_of_sending(record: &LogRecord) -> bool {
    let target = record.target.as_deref().unwrap_or_default();
    SENDING
        .iter()
        .any(|sender| target.strip_prefix(sender).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")))
}

impl LogSink for Inlet {
    /// Keeps what a service says, and writes it.
    fn record(&self, mut record: LogRecord) {
        self.clean(&mut record);
        if let Some(exporter) = self.exporter.get() {
            exporter.record(record.clone());
        }
        // The level is the word of the service, not of the host: RUST_LOG is about what the host says.
        if tracing::enabled!(target: "guest", tracing::Level::INFO) {
            self.put(&record);
        }
        self.logs.append(record);
    }
}

#[cfg(test)]
mod tests;

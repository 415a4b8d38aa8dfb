//! What the host logs: of itself, of calls, and for its services. It is written on stderr, one record in a line, and kept for
//! those who ask the admin API for it.

mod ecs;
mod event;
mod format;
mod inlet;
mod json;
mod layers;
mod text;
mod writer;

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use patchbay_backends::SystemClock;
use patchbay_control::{Journal, JournalBounds};
use patchbay_model::metrics::{Collected, Counter, Family, MetricSource};
use patchbay_model::ports::BoxFuture;
use patchbay_model::{LogRecord, Redaction};
use tracing::Level;
use tracing_subscriber::filter::{FilterExt, LevelFilter, dynamic_filter_fn, filter_fn};
use tracing_subscriber::layer::{Filter, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::config::{Config, LogFormat, LogsConfig};
use crate::failure::{Failure, FailureKind};
use crate::reload::{Commit, Complaint, Reloadable};

pub(crate) use format::LineFormat;
pub(crate) use inlet::Inlet;

use layers::{ToInlet, is_of_the_host};
use writer::LineWriter;

/// How long the end of the program waits for the last lines to be written.
const PATIENCE: Duration = Duration::from_secs(1);

/// What writes, once it does.
static WRITER: OnceLock<LineWriter> = OnceLock::new();

/// Holds back what is no warning, for as long as a person is shown the same in another way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hush(Arc<AtomicBool>);

impl Hush {
    /// Begins to hold back, or ends it.
    pub(crate) fn set(&self, hushed: bool) {
        self.0.store(hushed, Ordering::Relaxed);
    }
}

/// The log of the host at work.
#[derive(Clone)]
pub(crate) struct Telemetry {
    /// Holds back what a person sees elsewhere.
    pub(crate) hush: Hush,
    /// Takes the records of services.
    pub(crate) inlet: Arc<Inlet>,
    /// What is kept of what the host says.
    level: reload::Handle<LevelFilter, Registry>,
}

/// What the log is written by.
type Layers = Vec<Box<dyn Layer<Registry> + Send + Sync>>;

/// Begins to log. RUST_LOG says what is written; without it, everything from `info` on. `asked` is the form that the command line
/// asks for, if it does.
///
/// # Errors
/// If RUST_LOG makes no sense.
pub(crate) fn begin(asked: Option<LogFormat>, config: &Config) -> Result<Telemetry, Failure> {
    let (telemetry, layers) = make(asked, config)?;
    tracing_subscriber::registry().with(layers).try_init().map_err(Failure::failed)?;
    let _ = WRITER.set(telemetry.inlet.writer.clone());
    Ok(telemetry)
}

/// The log, before anything is written into it.
///
/// # Errors
/// Those of [`begin`].
pub(crate) fn make(asked: Option<LogFormat>, config: &Config) -> Result<(Telemetry, Layers), Failure> {
    let rust_log = std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty());
    let hush = Hush::default();
    // Who says what to log gets it.
    let held = if rust_log.is_some() { Hush::default() } else { hush.clone() };
    let written = filter(rust_log.as_deref(), held)?;
    let (kept, level) = reload::Layer::new(layers::from(config.logs.keep_level));
    let writer = LineWriter::begin(io::stderr(), |lost| {
        tracing::warn!(lost, "records were not written: whoever reads stderr is too slow, or cannot");
    })?;
    let logs = Arc::new(Journal::bounded(bounds(&config.logs), LogRecord::size));
    let format = LineFormat::of(asked.unwrap_or(config.logs.format));
    let inlet = Arc::new(Inlet::new(logs, writer, format));
    inlet.redact(redaction(config));
    let clock = Arc::new(SystemClock);
    let write = ToInlet::to_write(Arc::clone(&inlet), Arc::clone(&clock) as _).with_filter(written);
    let keep = ToInlet::to_keep(Arc::clone(&inlet), clock).with_filter(of_the_host(kept));
    Ok((Telemetry { hush, inlet, level }, vec![write.boxed(), keep.boxed()]))
}

/// Waits until what was logged is written, for a moment at most. To be called before the program ends.
pub(crate) fn flush() {
    if let Some(writer) = WRITER.get() {
        writer.flush(PATIENCE);
    }
}

static LOST: Family<Counter, 0> = Family::new(
    "patchbay_log_records_lost",
    "Log records that were not written, because whoever reads stderr is too slow, or cannot.",
    [],
);

impl MetricSource for Telemetry {
    fn collect<'a>(&'a self, into: &'a mut Collected) -> BoxFuture<'a, ()> {
        into.add(&LOST, [], self.inlet.writer.lost_in_all());
        Box::pin(std::future::ready(()))
    }
}

impl Telemetry {
    /// What is kept of it.
    pub(crate) fn logs(&self) -> Arc<Journal<LogRecord>> {
        Arc::clone(&self.inlet.logs)
    }

    /// Whether people read the log.
    pub(crate) fn is_text(&self) -> bool {
        self.inlet.format.is_text()
    }
}

impl Reloadable for Telemetry {
    fn judge(&self, config: &Config) -> Result<Commit, Vec<Complaint>> {
        let (this, logs, redaction) = (self.clone(), config.logs.clone(), redaction(config));
        Ok(Box::new(move || {
            this.inlet.logs.rebound(bounds(&logs));
            this.inlet.redact(redaction);
            // It fails only if the log is gone, and then there is nothing to change.
            let _ = this.level.reload(layers::from(logs.keep_level));
        }))
    }
}

fn bounds(logs: &LogsConfig) -> JournalBounds {
    let bytes = usize::try_from(logs.keep_size).unwrap_or(usize::MAX);
    JournalBounds { records: usize::try_from(logs.keep).unwrap_or(usize::MAX), bytes }
}

/// What is taken out of records by its name, beside what is always.
fn redaction(config: &Config) -> Redaction {
    let header = config.auth.api_key_header.to_string();
    Redaction::new(config.logs.redact.iter().cloned().chain([header]))
}

/// What is written: what was `asked` for in the form of RUST_LOG, or else everything from `info` on, less what is `held`.
/// What of the host's own is kept.
fn of_the_host(kept: impl Filter<Registry>) -> impl Filter<Registry> {
    // It is asked about what is kept, and is no reason to ask about anything else.
    kept.and(filter_fn(is_of_the_host).with_max_level_hint(LevelFilter::TRACE))
}

fn filter(asked: Option<&str>, held: Hush) -> Result<impl Filter<Registry> + use<>, Failure> {
    let filter = EnvFilter::builder()
        .with_default_directive(LevelFilter::INFO.into())
        .parse(asked.unwrap_or_default())
        .map_err(|error| Failure::new(FailureKind::Usage, format!("RUST_LOG makes no sense: {error}")))?;
    // Without this hint, each line that hyper or wasmtime might log would be asked about each time, and not be logged.
    let most = Filter::<Registry>::max_level_hint(&filter).unwrap_or(LevelFilter::TRACE);
    let shown = dynamic_filter_fn(move |about, _| !held.0.load(Ordering::Relaxed) || *about.level() <= Level::WARN);
    Ok(filter.and(shown.with_max_level_hint(most)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_logged_is_not_even_asked_about() {
        for (asked, most) in [
            (None, LevelFilter::INFO),
            (Some("warn"), LevelFilter::WARN),
            (Some("patchbay_engine=debug"), LevelFilter::DEBUG),
        ] {
            assert_eq!(filter(asked, Hush::default()).ok().unwrap().max_level_hint(), Some(most), "{asked:?}");
        }
        assert!(filter(Some("patchbay=loud=er"), Hush::default()).is_err());
    }

    #[test]
    fn what_is_neither_written_nor_kept_is_not_even_asked_about() {
        for (kept, most) in [("error", LevelFilter::INFO), ("info", LevelFilter::INFO), ("debug", LevelFilter::DEBUG)] {
            let (kept, _level) = reload::Layer::<LevelFilter, Registry>::new(kept.parse().unwrap());
            let layers: Layers = vec![
                tracing_subscriber::layer::Identity::new()
                    .with_filter(filter(None, Hush::default()).ok().unwrap())
                    .boxed(),
                tracing_subscriber::layer::Identity::new().with_filter(of_the_host(kept)).boxed(),
            ];
            assert_eq!(layers.max_level_hint(), Some(most));
        }
    }
}

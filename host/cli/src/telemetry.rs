//! What the host logs about itself and for its services, on stderr.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use patchbay_control::{Entry, Journal};
use patchbay_model::{LogLevel, LogRecord};
use tokio::sync::broadcast::error::RecvError;
use tracing::Level;
use tracing_subscriber::filter::{FilterExt, LevelFilter, dynamic_filter_fn};
use tracing_subscriber::layer::{Filter, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

use crate::args::LogFormat;
use crate::failure::{Failure, FailureKind};

/// Holds back what is no warning, for as long as a person is shown the same in another way.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hush(Arc<AtomicBool>);

impl Hush {
    /// Begins to hold back, or ends it.
    pub(crate) fn set(&self, hushed: bool) {
        self.0.store(hushed, Ordering::Relaxed);
    }
}

/// Begins to log. RUST_LOG says what; without it, everything from `info` on.
///
/// # Errors
/// If RUST_LOG makes no sense.
pub(crate) fn begin(format: LogFormat) -> Result<Hush, Failure> {
    let asked = std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty());
    let hush = Hush::default();
    // Who says what to log gets it.
    let held = if asked.is_some() { Hush::default() } else { hush.clone() };
    let filter = filter(asked.as_deref(), held)?;
    let colour = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(colour);
    let layer = match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    };
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(filter));
    subscriber.try_init().map_err(Failure::failed)?;
    Ok(hush)
}

/// What is logged: what was `asked` for in the form of RUST_LOG, or else everything from `info` on, less what is `held`.
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

/// Writes what services print into the log of the host, from now on and until the journal is gone.
///
/// # Errors
/// If no thread can be had.
pub(crate) fn forward(logs: &Journal<LogRecord>) -> io::Result<()> {
    let mut following = logs.read(0).following;
    // A thread of its own, so that a reader of stderr who stands still holds up nothing else.
    let work = move || loop {
        match following.blocking_recv() {
            Ok(entry) => log(&entry),
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(target: "guest", missed, "services print faster than this log is written");
            }
            Err(RecvError::Closed) => return,
        }
    };
    thread::Builder::new().name("guest-log".to_owned()).spawn(work).map(|_| ())
}

fn log(entry: &Entry<LogRecord>) {
    let LogRecord { service, revision, call, stream, level, context, line, .. } = &entry.record;
    // The level is the service's word, not the host's: RUST_LOG is about what the host says.
    let (stream, level) = (stream.name(), level.map(LogLevel::name));
    tracing::info!(target: "guest", service, revision, call, stream, level, context, "{line}");
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
}

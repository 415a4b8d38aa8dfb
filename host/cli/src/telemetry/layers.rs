//! What takes the events of `tracing`: one layer writes them, the other keeps them.

use std::sync::Arc;

use patchbay_model::LogLevel;
use patchbay_model::ports::Clock;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::Context;

use super::event;
use super::inlet::{ACCESS, Inlet};

/// What a layer does with records.
#[derive(Clone, Copy)]
enum Does {
    Write,
    Keep,
}

/// Hands records to the inlet.
pub(super) struct ToInlet {
    inlet: Arc<Inlet>,
    clock: Arc<dyn Clock>,
    does: Does,
}

impl ToInlet {
    /// Writes what it gets.
    pub(super) fn to_write(inlet: Arc<Inlet>, clock: Arc<dyn Clock>) -> Self {
        Self { inlet, clock, does: Does::Write }
    }

    /// Keeps what it gets.
    pub(super) fn to_keep(inlet: Arc<Inlet>, clock: Arc<dyn Clock>) -> Self {
        Self { inlet, clock, does: Does::Keep }
    }
}

impl<S: Subscriber> Layer<S> for ToInlet {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let record = event::record(event, self.clock.now());
        match self.does {
            Does::Write => self.inlet.write(record),
            Does::Keep => self.inlet.keep(record),
        }
    }
}

/// Whether the host itself says it, and not a library that it uses.
pub(super) fn is_of_the_host(about: &Metadata<'_>) -> bool {
    let target = about.target();
    matches!(target, "audit" | ACCESS) || target.starts_with("patchbay")
}

/// What is kept at this level.
pub(super) const fn from(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Trace => LevelFilter::TRACE,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error | LogLevel::Critical => LevelFilter::ERROR,
    }
}

//! The bus that the configuration asks for.

use std::path::Path;
use std::sync::Arc;

use patchbay_backends::bus::{EmbeddedBus, EmbeddedOptions, NatsBus};
use patchbay_model::Hazard;
use patchbay_model::ports::{Bus, Clock};

use crate::config::{BusBackend, Config};
use crate::failure::Failure;

/// Opens the bus. The embedded one keeps its durable topics in `folder`.
///
/// # Errors
/// If what the embedded bus has stored cannot be used, or the configuration of NATS cannot be.
pub(super) async fn open(
    config: &Config,
    folder: &Path,
    clock: Arc<dyn Clock>,
    hazard: Arc<dyn Hazard>,
) -> Result<Arc<dyn Bus>, Failure> {
    let topics = config.control.topics.clone();
    let bus = &config.bus;
    Ok(match bus.backend {
        BusBackend::Embedded => {
            let max_message = bus.max_message as u64;
            let options = EmbeddedOptions { max_message, damage: bus.damaged, ..EmbeddedOptions::default() };
            Arc::new(EmbeddedBus::open_amid(folder, topics, options, clock, hazard).await.map_err(Failure::failed)?)
        }
        BusBackend::Nats => Arc::new(NatsBus::open(bus.nats.clone(), topics, clock).await.map_err(Failure::failed)?),
    })
}

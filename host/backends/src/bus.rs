//! Adapters of the port [`Bus`](patchbay_model::ports::Bus).

mod embedded;
mod nats;

pub use embedded::{Damage, EmbeddedBus, EmbeddedOptions, QueueLimits};
pub use nats::{NatsBus, NatsLogin, NatsSettings, NatsTls};

//! Adapters of the port [`Bus`](patchbay_model::ports::Bus).

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod embedded;
mod nats;

pub use embedded::{Damage, EmbeddedBus, EmbeddedOptions, QueueLimits};
pub use nats::{AuthorKey, NatsBus, NatsLogin, NatsSettings, NatsTls, ShortKey};

//! Adapters of the port [`Bus`](patchbay_model::ports::Bus).

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod embedded;

pub use embedded::{Damage, EmbeddedBus, EmbeddedOptions, QueueLimits};

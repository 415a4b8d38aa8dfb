//! Adapters of the bus.

mod nats;

pub use nats::{NatsBus, NatsLogin, NatsSettings, NatsTls};

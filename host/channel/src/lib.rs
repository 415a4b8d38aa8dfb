//! The channel: the host-managed path of a call from its caller to an instance.
//!
//! Everything that happens to a call on the way stands in one function, [`call`], in the order in which it
//! happens. Each step is a small object of its own file whose decision can be tested alone, under a paused clock.

mod bulkhead;
mod deadline;
mod payload;
mod quarantine;
mod stack;

pub use bulkhead::{Bulkhead, Occupancy, Permit};
pub use payload::{Bounds, HttpPayload, Leg, Payload, TypedPayload};
pub use quarantine::{Quarantine, QuarantineNews, QuarantineStatus};
pub use stack::{Arrival, Chosen, Target, call};

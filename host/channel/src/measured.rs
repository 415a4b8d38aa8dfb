//! What is measured of every call, always: how many there are, how they end, and how long they take. It stands in atomics
//! beside what is called, and costs a call the time of a few of them; `tests/allocations.rs` sees to it that nothing is
//! allocated.

mod histogram;
mod link;
mod route;
mod service;
mod table;

pub use histogram::{CALL_BOUNDS, Histogram};
pub use link::{LinkReading, Measures};
pub use route::{Refusal, ReplyKey, RouteMeasured};
pub use service::{CallerLabel, ServiceMeasured};

pub(crate) use link::Measuring;

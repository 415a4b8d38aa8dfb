//! The channel: the host-managed path of a call from its caller to an instance.
//!
//! Everything that happens to a call on the way stands in one function, [`call`], in the order in which it
//! happens. Each step is a small object of its own file whose decision can be tested alone, under a paused clock.

mod access;
mod breaker;
mod budget;
mod bulkhead;
mod chance;
mod deadline;
mod keyed_rate;
mod measured;
mod observed;
mod payload;
mod rate;
mod recent;
mod record;
mod retry;
mod route_standing;
mod shed;
mod stack;
mod standing;
mod target;
mod tracer;

pub use access::{Asked, Ground, Unknown, always, authorize, decide, decide_at, let_in, may};
pub use breaker::{Breaker, BreakerNews, BreakerStatus};
pub use bulkhead::Occupancy;
pub use chance::chance;
pub use measured::{
    CALL_BOUNDS, CallerLabel, Histogram, LinkReading, Measures, Refusal, ReplyKey, RouteMeasured, ServiceMeasured,
};
pub use observed::{Latencies, Observed, Reading};
pub use payload::{Bounds, HttpPayload, MessagePayload, Payload, TypedPayload};
pub use record::Subject;
pub use route_standing::RouteStanding;
pub use shed::{Controller, Level, LoadSample, ShedNews, ShedStatus, ShedTargets, Shedder};
pub use stack::{call, call_timed, refuse};
pub use standing::{Counts, LinkStanding, Standing};
pub use target::{Arrival, Attached, Lease, LinkPolicy, RoutePolicy, Sought, StandIn, Target};
pub use tracer::Tracer;

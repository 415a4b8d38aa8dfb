//! The engine with real guests, of both versions of WASI.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the linter takes the helpers of tests for production code"
)]

mod harness;

mod code;
mod failures;
mod limits;
mod logs;
mod messages;
mod on_demand;
mod outgoing;
mod policies;
mod refusals;
mod streams;
mod typed;

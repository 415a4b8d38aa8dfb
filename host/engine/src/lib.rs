//! Runs WebAssembly components: compiles, caches, links, limits and calls them. The only crate that sees wasmtime.
//!
//! [`Engine`] implements the executor port of `patchbay-model`. On the way of a component through it:
//!
//! - `admit` refuses what cannot run here, from the names of imports and exports alone; `offers` has what can be
//!   imported;
//! - `compile` comes by the machine code, from memory (`code`), from the disk (`cache`) or by compiling, which a process
//!   of its own does (`workshop`);
//! - `solo` takes the calls of components whose instances work on one at a time, `ensemble` those of components whose
//!   instances may work on several; `exports` are the functions that can be called, `imports` those that are called on
//!   other services, and `packed` moves their values;
//! - `state` is what the host keeps per instance: `limiter` and `meter` bound it, `stdio` has its log, to which `logging`
//!   adds, `log_rate` bounds that, `outgoing` sends its requests, and `own_spans` takes the spans that it makes itself;
//! - `fault` says what went wrong.
//!
//! # CPU time
//!
//! Guests are interrupted at every tick of the epoch (`ticker`) and then make room for others on their thread. What
//! they used is measured in CPU time of that thread. A call may use `cpu_time`; instances that work on several calls
//! have as much for each of them, together. What cannot be interrupted and takes long is noticed by `watchdog`.

mod admit;
mod at_work;
mod attributes;
mod body;
mod cache;
mod code;
mod compile;
mod config;
mod engine;
mod engines;
mod ensemble;
mod errand;
mod exports;
mod fault;
mod host;
mod imports;
mod limiter;
mod log_rate;
mod logging;
mod message_handler;
mod messaging;
mod meter;
mod metrics;
mod offers;
mod on_demand;
mod outgoing;
mod own_spans;
mod packed;
mod patience;
mod publisher;
mod reply;
mod revision;
mod sampled;
mod shards;
mod solo;
mod state;
mod stdio;
mod tally;
mod task;
mod ticker;
mod turnstile;
mod usage;
mod watchdog;
mod workshop;

pub use config::EngineConfig;
pub use engine::{CacheFolder, CacheReport, Engine, EngineError, EngineReport, Ports, Premises};
pub use engines::Allocation;
pub use workshop::{Workshop, work};

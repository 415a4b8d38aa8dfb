//! What routes do at the edge, one feature after the other.

mod cache;
mod collapse;
mod compress;
mod cors;
mod files;
mod harness;
mod idempotency;
mod kept;
mod targets;

//! End-to-end tests: they start the real binary with real guests and talk to it as users do. The list of modules is the
//! table of contents. `cargo xtask test` builds what they need.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod admin;
mod answered;
mod asynchronous;
mod canary;
mod cli;
mod configuration;
mod connections;
mod crash;
mod damage;
mod deploy;
mod disk;
mod faults;
mod hostile;
mod http;
mod identity;
mod inside;
mod instances;
mod internal;
mod languages;
mod logs;
mod messages;
mod metrics;
mod misuse;
mod otlp;
mod outgoing;
mod policies;
mod reload;
mod restart;
mod shop;
mod streaming;
mod support;
mod swap;
mod tidy;
mod tls;
mod traces;
mod typed;

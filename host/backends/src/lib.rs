//! Adapters of the ports: what the host keeps on this machine, the secrets that it finds there, and its clock.
//!
//! # The state directory
//!
//! One directory holds all that survives a restart. [`StateDir`] is the right to use it: it locks the directory, so that
//! two hosts never write to the same one.
//!
//! | entry | content |
//! |---|---|
//! | `version` | the format of the directory |
//! | `lock` | the lock, and the process id of the host that holds it |
//! | `components/<sha256>.wasm` | the components, by digest ([`DirComponentStore`]) |
//! | `registry.json`, `registry.json.previous` | services and revisions, and their state one change before ([`FileRegistryStore`]) |
//! | `admin.token` | the secret that the admin API asks for ([`AdminToken`]) |
//! | `admin.address` | where the admin API of the running host listens, and its certificate ([`AdminAddress`]) |
//! | `bus/` | a folder for each durable topic: its log, and where its consumer groups stand ([`bus::EmbeddedBus`]) |
//! | `cache/` | machine code; belongs to the engine and can be removed at any time |
//!
//! Every file is replaced in one step: written under another name, synchronised, renamed, and the directory synchronised.
//! A crash leaves the old or the new file and perhaps a remnant named `.incoming-…`, which the next start removes.
//! Everything is readable by its owner only. Components carry their checksum as their name, the registry carries its own;
//! what does not match is reported, never used.
//!
//! Files are read and written on tokio's blocking threads; opening the directory and reading the token, which happen
//! once, before anything is served, are plain blocking functions.
//!
//! # Other adapters
//!
//! [`identity`] tells who a credential is of, and signs tokens.
//!
//! The `conformance` feature has the checks that an adapter of each storage port must pass, what may be on a disk
//! after a power failure (`power_loss`), and a NATS server for tests (`nats_server`).

mod address;
mod blocking;
pub mod bus;
mod clock;
mod components;
#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod disk;
pub mod identity;
mod load;
#[cfg(any(test, feature = "conformance"))]
pub mod nats_server;
pub mod otlp;
mod owner;
#[cfg(any(test, feature = "conformance"))]
pub mod power_loss;
mod process;
mod random;
mod registry;
mod secrets;
mod state;
mod token;

pub use address::{AdminAddress, Announced};
pub use clock::SystemClock;
pub use components::DirComponentStore;
pub use load::SystemLoad;
pub use process::ProcessMetrics;
pub use random::random;
pub use registry::FileRegistryStore;
pub use secrets::MachineSecrets;
pub use state::{StateDir, StateError};
pub use token::AdminToken;

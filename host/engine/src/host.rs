//! `patchbay:host`: what Patchbay itself offers to services, beside WASI. The interfaces stand in `wit/host.wit`.

mod discovery;
mod identity;
mod invoke;
mod messaging;
mod secrets;
mod tokens;

use std::time::Duration;

use wasmtime::Result;
use wasmtime::component::Linker;

use crate::state::State;

pub(crate) use discovery::INTERFACE as DISCOVERY;
pub(crate) use identity::INTERFACE as IDENTITY;
pub(crate) use invoke::INTERFACE as INVOKE;
pub(crate) use messaging::{ASYNC_INTERFACE as ASYNC_MESSAGING, Delivery, INTERFACE as MESSAGING, Incoming};
pub(crate) use secrets::INTERFACE as SECRETS;
pub(crate) use tokens::INTERFACE as TOKENS;

/// Links the interfaces.
///
/// # Errors
/// If one of them is defined already.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    discovery::add_to_linker(linker)?;
    identity::add_to_linker(linker)?;
    invoke::add_to_linker(linker)?;
    tokens::add_to_linker(linker)?;
    messaging::add_to_linker(linker)?;
    secrets::add_to_linker(linker)
}

/// Links those that need concurrency.
///
/// # Errors
/// If one of them is defined already.
pub(crate) fn add_async_to_linker(linker: &mut Linker<State>) -> Result<()> {
    messaging::add_async_to_linker(linker)
}

/// A duration as the interfaces have it.
fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

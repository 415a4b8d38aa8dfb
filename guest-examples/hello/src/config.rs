//! The configuration that the host gives this service.

use crate::bindings::wasi::config::store;

/// What the service says to callers: the configuration's `greeting`, or its own.
pub(crate) fn greeting() -> String {
    store::get("greeting").ok().flatten().unwrap_or_else(|| "Hello from Patchbay!".into())
}

//! `wasi:logging`: what guests log with a level and a context, beside what they print.

use patchbay_model::LogLevel;
use wasmtime::component::{Linker, WasmStr};
use wasmtime::{Result, StoreContextMut};

use crate::state::State;
use level::Level;

/// The interface, as components import it.
pub(crate) const INTERFACE: &str = "wasi:logging/logging@0.1.0-draft";

/// Links the one function of the interface, `log(level, context, message)`. The texts are looked at where they are in
/// the guest's memory, so that only as much is copied as a record holds.
///
/// # Errors
/// If it is defined already.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let log = |store: StoreContextMut<'_, State>, (level, context, message): (Level, WasmStr, WasmStr)| {
        let (context, message) = (context.to_str(&store)?, message.to_str(&store)?);
        store.data().output.log(level.into(), &context, &message);
        Ok(())
    };
    linker.instance(INTERFACE)?.func_wrap("log", log)
}

#[allow(unsafe_code, reason = "what the derivation writes: wasmtime trusts it to describe the type as it is")]
mod level {
    use wasmtime::component::{ComponentType, Lift};

    /// The levels of the interface, in its order.
    #[derive(Debug, Clone, Copy, ComponentType, Lift)]
    #[component(enum)]
    #[repr(u8)]
    #[allow(dead_code, reason = "the derivation makes them, out of numbers")]
    pub(super) enum Level {
        #[component(name = "trace")]
        Trace,
        #[component(name = "debug")]
        Debug,
        #[component(name = "info")]
        Info,
        #[component(name = "warn")]
        Warn,
        #[component(name = "error")]
        Error,
        #[component(name = "critical")]
        Critical,
    }
}

impl From<Level> for LogLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::Trace => Self::Trace,
            Level::Debug => Self::Debug,
            Level::Info => Self::Info,
            Level::Warn => Self::Warn,
            Level::Error => Self::Error,
            Level::Critical => Self::Critical,
        }
    }
}

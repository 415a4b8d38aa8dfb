//! Decides whether a component can run here, from the names of its imports and exports alone, so that one that cannot
//! is refused in milliseconds and not after minutes of compilation.

mod advice;
mod names;

#[cfg(test)]
mod tests;

use patchbay_model::ports::PrepareError;
use patchbay_model::{InstancePolicy, InterfaceName};

use crate::engines::Wasi;
use crate::imports::is_linkable;
use crate::message_handler::Way;
use crate::offers::Offers;
use names::Names;

/// What handles requests with WASI 0.2.
const HANDLER_P2: &str = "wasi:http/incoming-handler@0.2.12";
/// What handles requests with WASI 0.3.
const HANDLER_P3: &str = "wasi:http/handler@0.3.0";

/// Which engine the component in `bytes` needs.
///
/// # Errors
/// [`PrepareError::Malformed`] if it is no component, [`PrepareError::Incompatible`] if this host cannot run it; both
/// say what to do.
pub(crate) fn admit(bytes: &[u8], policy: InstancePolicy, offers: &Offers) -> Result<Wasi, PrepareError> {
    if wasmparser::Parser::is_core_wasm(bytes) {
        return Err(PrepareError::Malformed(CORE_MODULE.to_owned()));
    }
    if !wasmparser::Parser::is_component(bytes) {
        return Err(PrepareError::Malformed(NO_WASM.to_owned()));
    }
    let names = names::read(bytes).map_err(|error| PrepareError::Malformed(error.to_string()))?;
    let handlers = handlers(&names)?;
    let imports_03 = imports(&names, offers)?;
    let wasi = if names.is_async || handlers.p3 || imports_03 { Wasi::P3 } else { Wasi::P2 };
    if policy == InstancePolicy::Concurrent && !handlers.is_ensemble(wasi) {
        let lacks = if handlers.p2 { "handles requests with WASI 0.2" } else { "has no `async func`" };
        return Err(PrepareError::Incompatible(format!(
            "the component {lacks}, so an instance of it serves one call at a time and `instances` cannot be `concurrent`: \
             declare \"fresh\" or \"reuse\", or rebuild it for WASI 0.3"
        )));
    }
    Ok(wasi)
}

const CORE_MODULE: &str = "this is a core WebAssembly module, not a component: build it for the target \
                           `wasm32-wasip2`, or make a component of it with `wasm-tools component new`";
const NO_WASM: &str = "these bytes are no WebAssembly: a component begins with the bytes `00 61 73 6d 0d 00 01 00`";

/// What a component handles requests and messages with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Handlers {
    /// WASI 0.2.
    pub(crate) p2: bool,
    /// WASI 0.3, which is preferred.
    pub(crate) p3: bool,
    /// Whether it handles messages.
    pub(crate) messages: bool,
}

impl Handlers {
    /// Those among what is exported.
    pub(crate) fn among<'a>(exported: impl Iterator<Item = &'a str>) -> Self {
        let [p2, p3] = [HANDLER_P2, HANDLER_P3].map(|handler| handler.parse::<InterfaceName>().ok());
        let is = |handler: &Option<InterfaceName>, export: &InterfaceName| {
            handler.as_ref().is_some_and(|handler| handler.is_on_track_of(export))
        };
        let mut found = Self { p2: false, p3: false, messages: false };
        for export in exported.filter_map(|name| name.parse().ok()) {
            found.p2 |= is(&p2, &export);
            found.p3 |= is(&p3, &export);
            found.messages |= Way::of(&export).is_some();
        }
        found
    }

    /// Whether the instances of such a component on this engine may work on several calls at a time.
    pub(crate) fn is_ensemble(self, wasi: Wasi) -> bool {
        self.p3 || (wasi == Wasi::P3 && !self.p2)
    }
}

/// What it handles requests with, if it serves anything.
fn handlers(names: &Names) -> Result<Handlers, PrepareError> {
    let handlers = Handlers::among(names.exports.iter().map(String::as_str));
    if handlers.p2 || handlers.p3 || handlers.messages || names.exports.iter().any(|name| has_functions(name)) {
        return Ok(handlers);
    }
    let exported = match names.exports.as_slice() {
        [] => "nothing".to_owned(),
        exports => list(exports.iter().map(String::as_str)),
    };
    Err(PrepareError::Incompatible(format!(
        "the component serves nothing: it exports {exported}, and a service has to export \
         `wasi:http/incoming-handler@0.2.x`, `wasi:http/handler@0.3.x`, `wasi:messaging/incoming-handler@0.2.0-draft`, \
         `patchbay:host/message-handler@0.1.x`, or an interface of its own{}",
        advice::on_exports(&names.exports)
    )))
}

/// Whether an export is an interface that others may call.
fn has_functions(export: &str) -> bool {
    export.parse::<InterfaceName>().is_ok_and(|interface| !interface.is_of_the_host())
}

/// Names every import that cannot be provided. Otherwise, whether one of them is of WASI 0.3.
fn imports(names: &Names, offers: &Offers) -> Result<bool, PrepareError> {
    let mut needs_03 = false;
    let mut missing = Vec::new();
    for import in names.imports.iter().filter(|import| !is_linkable(import)) {
        match offers.engine_for(import) {
            Some(wasi) => needs_03 |= wasi == Wasi::P3,
            None => missing.push(format!("`{import}` ({})", advice::on_import(import))),
        }
    }
    if missing.is_empty() {
        return Ok(needs_03);
    }
    let missing = missing.join("; ");
    Err(PrepareError::Incompatible(format!("the component imports what this host does not offer: {missing}")))
}

/// What wasmtime says of a component whose names are right and whose types are not.
pub(crate) fn mismatch(error: &wasmtime::Error) -> PrepareError {
    PrepareError::Incompatible(format!(
        "an import or export of the component has another shape than its name and version promise: {error:#}; rebuild \
         it with a release of its toolchain that knows this version"
    ))
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

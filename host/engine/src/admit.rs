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
use crate::offers::Offers;
use names::Names;

/// What handles requests with WASI 0.2.
const HANDLER_P2: &str = "wasi:http/incoming-handler@0.2.12";
/// What handles requests with WASI 0.3.
const HANDLER_P3: &str = "wasi:http/handler@0.3.0";

/// How the component in `bytes` is run.
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
    let wasi = handler(&names)?;
    imports(&names, offers, wasi)?;
    if wasi == Wasi::P2 && policy == InstancePolicy::Concurrent {
        return Err(PrepareError::Incompatible(
            "the component does not handle requests with WASI 0.3, so an instance of it serves one call at a time and \
             `instances` cannot be `concurrent`: declare \"fresh\" or \"reuse\", or rebuild it for WASI 0.3"
                .to_owned(),
        ));
    }
    Ok(wasi)
}

const CORE_MODULE: &str = "this is a core WebAssembly module, not a component: build it for the target \
                           `wasm32-wasip2`, or make a component of it with `wasm-tools component new`";
const NO_WASM: &str = "these bytes are no WebAssembly: a component begins with the bytes `00 61 73 6d 0d 00 01 00`";

/// How the component is run: by the handler that it exports, the newer one if both; without any, by the functions.
fn handler(names: &Names) -> Result<Wasi, PrepareError> {
    if exports(HANDLER_P3, names.exports.iter().map(String::as_str)) {
        return Ok(Wasi::P3);
    }
    if handles_02(names.exports.iter().map(String::as_str)) || names.exports.iter().any(|name| has_functions(name)) {
        return Ok(Wasi::P2);
    }
    let exported = match names.exports.as_slice() {
        [] => "nothing".to_owned(),
        exports => list(exports.iter().map(String::as_str)),
    };
    Err(PrepareError::Incompatible(format!(
        "the component serves nothing: it exports {exported}, and a service has to export \
         `wasi:http/incoming-handler@0.2.x`, `wasi:http/handler@0.3.x`, or an interface of its own{}",
        advice::on_exports(&names.exports)
    )))
}

/// Whether what is exported handles requests with WASI 0.2.
pub(crate) fn handles_02<'a>(exported: impl Iterator<Item = &'a str>) -> bool {
    exports(HANDLER_P2, exported)
}

fn exports<'a>(handler: &str, mut exported: impl Iterator<Item = &'a str>) -> bool {
    let handler = handler.parse::<InterfaceName>().ok();
    exported.any(|name| {
        name.parse().is_ok_and(|export| handler.as_ref().is_some_and(|handler| handler.is_on_track_of(&export)))
    })
}

/// Whether an export is an interface that others may call.
fn has_functions(export: &str) -> bool {
    export.parse::<InterfaceName>().is_ok_and(|interface| !interface.package.starts_with("wasi:"))
}

/// Names every import that cannot be provided.
fn imports(names: &Names, offers: &Offers, wasi: Wasi) -> Result<(), PrepareError> {
    let missing: Vec<_> = names
        .imports
        .iter()
        .filter(|import| !is_linkable(import) && !offers.of(wasi).iter().any(|offer| is_served_by(import, offer)))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut text = String::from("the component imports what this host does not offer:");
    for (number, import) in missing.iter().enumerate() {
        let elsewhere = offers.all().iter().any(|offer| is_served_by(import, offer));
        text.push_str(if number == 0 { " " } else { "; " });
        text.push_str(&format!("`{import}` ({})", advice::on_import(import, elsewhere)));
    }
    Err(PrepareError::Incompatible(text))
}

fn is_served_by(import: &str, offer: &InterfaceName) -> bool {
    import.parse().is_ok_and(|import| offer.is_on_track_of(&import))
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

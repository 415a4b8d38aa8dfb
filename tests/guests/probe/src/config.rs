//! The configuration that the host gives this service.

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "probe", path: "wit", generate_all });
}

use bindings::wasi::config::store;

/// The value of `key`, or `none`; what the host could not read is said in the text.
pub(crate) fn value(key: &str) -> String {
    match store::get(key) {
        Ok(value) => value.unwrap_or_else(|| "none".into()),
        Err(error) => format!("config: {error:?}"),
    }
}

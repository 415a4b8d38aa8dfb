//! What the host gives this service: its configuration, and a log.

#[allow(missing_docs, clippy::all, reason = "generated")]
mod bindings {
    wit_bindgen::generate!({ world: "probe", path: "wit", generate_all });
}

use bindings::wasi::config::store;
use bindings::wasi::logging::logging;

/// The value of `key`, or `none`; what the host could not read is said in the text.
pub(crate) fn value(key: &str) -> String {
    match store::get(key) {
        Ok(value) => value.unwrap_or_else(|| "none".into()),
        Err(error) => format!("config: {error:?}"),
    }
}

/// Logs `message` at the level of that name; `info` if there is none.
pub(crate) fn log(level: &str, context: &str, message: &str) {
    let level = match level {
        "trace" => logging::Level::Trace,
        "debug" => logging::Level::Debug,
        "warn" => logging::Level::Warn,
        "error" => logging::Level::Error,
        "critical" => logging::Level::Critical,
        _ => logging::Level::Info,
    };
    logging::log(level, context, message);
}

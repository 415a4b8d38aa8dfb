//! What to do about an import or export that does not fit: the sentences behind a refusal.

/// WASI proposals and the like, by the package of the import, with what this version says to them.
const PROPOSALS: &[(&str, &str)] = &[
    ("wasi:blobstore", "this version of Patchbay does not provide object storage"),
    ("wasi:gfx", "Patchbay does not provide graphics"),
    ("wasi:graphics-context", "Patchbay does not provide graphics"),
    ("wasi:keyvalue", "this version of Patchbay does not provide key-value state"),
    (
        "wasi:logging",
        "this version of Patchbay does not provide it; write to stdout or stderr, whose lines become log records",
    ),
    ("wasi:nn", "Patchbay does not provide machine learning"),
    ("wasi:sql", "Patchbay does not provide SQL databases"),
    ("wasi:tls", "Patchbay does not provide TLS connections"),
    ("wasi:webgpu", "Patchbay does not provide graphics"),
];

/// Packages of WASI that are offered, in other versions.
const OFFERED: &[&str] =
    &["wasi:cli", "wasi:clocks", "wasi:filesystem", "wasi:http", "wasi:io", "wasi:random", "wasi:sockets"];

/// What would provide `import`.
pub(super) fn on_import(import: &str) -> String {
    let package = import.split_once('/').map_or(import, |(package, _)| package);
    if let Some((_, text)) = PROPOSALS.iter().find(|(name, _)| *name == package) {
        return (*text).to_owned();
    }
    if OFFERED.contains(&package) {
        return format!(
            "of `{package}` the versions 0.2.0 to 0.2.12 and 0.3.0 are offered, and not every interface is; rebuild \
             the component against one of them"
        );
    }
    if package == "wasi:config" {
        return "of `wasi:config` the interface `store@0.2.0-rc.1` is offered; rebuild the component against it"
            .to_owned();
    }
    if package == "wasi:messaging" {
        return "of `wasi:messaging` the interfaces `types`, `producer` and `request-reply` are offered, in the version \
                `0.2.0-draft`; rebuild the component against them"
            .to_owned();
    }
    if package == "wasi:otel" {
        return "of `wasi:otel` the interface `tracing` is offered, in the version `0.2.0-rc.2`; the host counts calls by \
                itself, and what is printed or logged with `wasi:logging` becomes log records"
            .to_owned();
    }
    if package.starts_with("wasi:") {
        return "this version of Patchbay does not provide it".to_owned();
    }
    "it belongs to no package that a host could know; compose a component that provides it into this one with \
     `wac plug`"
        .to_owned()
}

/// What a component that handles no requests may have been meant for.
pub(super) fn on_exports(exports: &[String]) -> &'static str {
    let any = |start: &str| exports.iter().any(|name| name.starts_with(start));
    if any("wasi:http/handler@") || any("wasi:http/incoming-handler@") || any("wasi:messaging/incoming-handler@") {
        "; its version of the handler is not served here: rebuild it against a released one"
    } else if any("wasi:cli/run@") {
        "; this one is a command-line program: run it with `wasmtime run`, or make it answer requests"
    } else {
        ""
    }
}

//! The sections of the two listeners: `[http]` for callers, `[admin]` for operators.

use std::path::Path;
use std::time::Duration;

use patchbay_gateway::{AdminConfig, HttpConfig, TlsConfig};

use super::table::Table;
use super::value;

/// Reads `[http]`. `drain` is how long the host as a whole has to stop; files are relative to `directory`.
pub(crate) fn http(table: &mut Table<'_>, drain: Duration, directory: &Path) -> HttpConfig {
    let mut http = HttpConfig { drain, ..HttpConfig::default() };
    table.set("listen", &mut http.listen, value::address);
    table.set("max_connections", &mut http.max_connections, value::number);
    table.set("max_connections_per_address", &mut http.max_connections_per_address, value::number);
    table.set("connection_rate_per_address", &mut http.connection_rate_per_address, value::number);
    table.set("header_timeout", &mut http.header_timeout, value::duration);
    table.set("idle_timeout", &mut http.idle_timeout, value::duration);
    table.set("body_timeout", &mut http.body_timeout, value::duration);
    table.set("stall_timeout", &mut http.stall_timeout, value::duration);
    table.set("max_headers", &mut http.max_headers, value::number);
    table.set("max_head", &mut http.max_head, value::size);
    table.set("max_streams", &mut http.max_streams, value::number);
    http.tls = tls(table, directory);
    for problem in http.problems() {
        table.report_own(problem.key, &problem.problem);
    }
    http
}

/// Reads the `tls` of a listener, and the files that it names.
fn tls(table: &mut Table<'_>, directory: &Path) -> Option<TlsConfig> {
    let configured = table.has("tls");
    table.section("tls", |table| {
        let mut file = |key, what: &str| {
            let path = table.optional(key, value::path);
            if configured && !table.has(key) {
                table.report(
                    key,
                    format!("is missing; name the file of the {what}, such as `{key} = \"tls/{key}.pem\"`"),
                );
            }
            path.map(|path| directory.join(path))
        };
        let (certificate, key) = (file("certificate", "certificate"), file("key", "private key"));
        let tls = TlsConfig { certificate: certificate?, key: key? };
        if let Err(problem) = tls.check() {
            table.report(problem.key, problem.problem);
        }
        Some(tls)
    })
}

/// Reads `[admin]`. `drain` is how long the host as a whole has to stop; files are relative to `directory`.
pub(crate) fn admin(table: &mut Table<'_>, drain: Duration, directory: &Path) -> AdminConfig {
    let mut admin = AdminConfig::default();
    admin.drain = admin.drain.min(drain);
    table.set("listen", &mut admin.listen, value::address);
    table.set("max_connections", &mut admin.max_connections, value::number);
    table.set("max_upload", &mut admin.max_upload, value::size);
    table.set("upload_pause", &mut admin.upload_pause, value::duration);
    admin.tls = tls(table, directory);
    for problem in admin.problems() {
        table.report_own(problem.key, &problem.problem);
    }
    admin
}

//! The sections of the two listeners: `[http]` for callers, `[admin]` for operators.

use std::path::Path;
use std::time::Duration;

use patchbay_gateway::{AdminConfig, ClientTrust, HttpConfig, TlsConfig};

use toml::de::DeValue;

use super::table::Table;
use super::{closest, value};

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
    http.tls = tls(table, directory, true);
    for problem in http.problems() {
        table.report_own(problem.key, &problem.problem);
    }
    http
}

/// Reads the `tls` of a listener, and the files that it names. `asks`: clients can be asked for certificates.
fn tls(table: &mut Table<'_>, directory: &Path, asks: bool) -> Option<TlsConfig> {
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
        let clients = if asks { clients(table, directory) } else { None };
        let tls = TlsConfig { certificate: certificate?, key: key?, clients };
        if let Err(problem) = tls.check() {
            table.report(problem.key, problem.problem);
        }
        Some(tls)
    })
}

/// Which certificates of clients are believed.
fn clients(table: &mut Table<'_>, directory: &Path) -> Option<ClientTrust> {
    let authorities = table.optional("client_ca", value::path).map(|path| directory.join(path));
    let required = table.optional("client_auth", client_auth);
    if table.has("client_auth") && !table.has("client_ca") {
        table.report("client_ca", "is missing; name the file of the authorities that sign the certificates of clients");
    }
    Some(ClientTrust { authorities: authorities?, required: required.unwrap_or(true) })
}

/// Whether a client has to show a certificate.
fn client_auth(value: &DeValue<'_>) -> Result<bool, String> {
    match value::text(value)?.as_str() {
        "required" => Ok(true),
        "optional" => Ok(false),
        other => Err(format!("`{other}` is not known here; {}", closest::suggestion(other, &["required", "optional"]))),
    }
}

/// Reads `[admin]`. `drain` is how long the host as a whole has to stop; files are relative to `directory`.
pub(crate) fn admin(table: &mut Table<'_>, drain: Duration, directory: &Path) -> AdminConfig {
    let mut admin = AdminConfig::default();
    admin.drain = admin.drain.min(drain);
    table.set("listen", &mut admin.listen, value::address);
    table.set("max_connections", &mut admin.max_connections, value::number);
    table.set("max_upload", &mut admin.max_upload, value::size);
    table.set("upload_pause", &mut admin.upload_pause, value::duration);
    admin.tls = tls(table, directory, false);
    for problem in admin.problems() {
        table.report_own(problem.key, &problem.problem);
    }
    admin
}

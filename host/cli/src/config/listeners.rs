//! The sections of the two listeners: `[http]` for callers, `[admin]` for operators.

use std::time::Duration;

use patchbay_gateway::{AdminConfig, HttpConfig};

use super::table::Table;
use super::value;

/// Reads `[http]`. `drain` is how long the host as a whole has to stop.
pub(crate) fn http(table: &mut Table<'_>, drain: Duration) -> HttpConfig {
    let mut http = HttpConfig { drain, ..HttpConfig::default() };
    table.set("listen", &mut http.listen, value::address);
    table.set("max_connections", &mut http.max_connections, value::number);
    table.set("header_timeout", &mut http.header_timeout, value::duration);
    table.set("idle_timeout", &mut http.idle_timeout, value::duration);
    table.set("stall_timeout", &mut http.stall_timeout, value::duration);
    table.set("max_headers", &mut http.max_headers, value::number);
    table.set("max_head", &mut http.max_head, value::size);
    table.set("max_streams", &mut http.max_streams, value::number);
    for problem in http.problems() {
        table.report_own(problem.key, &problem.problem);
    }
    http
}

/// Reads `[admin]`. `drain` is how long the host as a whole has to stop.
pub(crate) fn admin(table: &mut Table<'_>, drain: Duration) -> AdminConfig {
    let mut admin = AdminConfig::default();
    admin.drain = admin.drain.min(drain);
    table.set("listen", &mut admin.listen, value::address);
    table.set("max_connections", &mut admin.max_connections, value::number);
    table.set("max_upload", &mut admin.max_upload, value::size);
    table.set("upload_pause", &mut admin.upload_pause, value::duration);
    for problem in admin.problems() {
        table.report_own(problem.key, &problem.problem);
    }
    admin
}

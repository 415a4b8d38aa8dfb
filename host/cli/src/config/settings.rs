//! The settings of services, as `[defaults]` and `[services.NAME]` hold them.

use std::collections::BTreeMap;
use std::ops::Range;

use patchbay_model::{HealthCheck, Settings, TokenSettings};

use super::table::Table;
use super::{policies, secrets, value};

/// The keys that `[defaults]` and `[services.NAME]` share. What the table does not say stays as in `base`.
pub(crate) fn read(table: &mut Table<'_>, base: &Settings) -> Settings {
    let mut settings = base.clone();
    table.set("instances", &mut settings.instances, value::instances);
    table.set("instance_uses", &mut settings.instance_uses, value::number);
    table.set("instance_calls", &mut settings.instance_calls, value::number);
    table.set("instance_idle", &mut settings.instance_idle, value::duration);
    table.set("priority", &mut settings.priority, value::priority);
    let limits = &mut settings.limits;
    table.set("memory", &mut limits.memory, value::size);
    table.set("table_elements", &mut limits.table_elements, value::number);
    table.set("core_instances", &mut limits.core_instances, value::number);
    table.set("handles", &mut limits.handles, value::number);
    table.set("cpu_time", &mut limits.cpu_time, value::duration);
    table.set("timeout", &mut limits.timeout, value::duration);
    table.set("concurrency", &mut limits.concurrency, value::number);
    table.set("queue", &mut limits.queue, value::number);
    table.set("queue_wait", &mut limits.queue_wait, value::duration);
    table.set("request_body", &mut limits.request_body, value::size);
    table.set("response_body", &mut limits.response_body, value::size);
    table.set("log_rate", &mut limits.log_rate, value::size);
    table.set("outbound_connections", &mut limits.outbound_connections, value::number);
    table.set("outbound_body", &mut limits.outbound_body, value::size);
    // A list that is given replaces the one of the defaults, also an empty one.
    if table.has("outbound") {
        settings.outbound = elements(table.list("outbound", value::parsed));
    }
    if table.has("callers") {
        settings.callers = Some(elements(table.list("callers", value::parsed)));
    }
    table.section("tokens", |table| tokens(table, &mut settings.tokens));
    if table.has("links") {
        settings.links = policies::links(table);
    }
    policies::read(table, &mut settings);
    settings
}

fn tokens(table: &mut Table<'_>, tokens: &mut TokenSettings) {
    table.set("verify", &mut tokens.verify, value::boolean);
    if table.has("audiences") {
        tokens.audiences = elements(table.list("audiences", value::text));
    }
}

pub(super) fn elements<T>(placed: Vec<(Range<usize>, T)>) -> Vec<T> {
    placed.into_iter().map(|(_, element)| element).collect()
}

/// Reports what no service can run with, where this table says it.
pub(crate) fn judge(table: &Table<'_>, settings: &Settings) {
    for problem in settings.problems() {
        table.report_own(problem.key, &problem.problem);
    }
}

/// The strings that a service reads through `wasi:config`.
pub(crate) fn config(table: &mut Table<'_>) -> BTreeMap<String, String> {
    let entries = table.named("config");
    entries.iter().for_each(secrets::suspect);
    entries.iter().filter_map(|entry| Some((entry.name.to_owned(), entry.value(value::text)?))).collect()
}

/// The health request of a service, if there is one.
pub(crate) fn health(table: &mut Table<'_>) -> Option<HealthCheck> {
    let configured = table.has("health");
    table.section("health", |table| {
        let path = table.optional("path", value::text);
        let mut timeout = HealthCheck::default_timeout();
        table.set("timeout", &mut timeout, value::duration);
        if configured && !table.has("path") {
            table.report("path", "is missing; write the path to ask for, such as `path = \"/healthz\"`");
        }
        path.map(|path| HealthCheck { path, timeout })
    })
}

//! Routes: which requests come to a service, and what is enforced on them.

use std::ops::Range;

use patchbay_control::{DeclaredRoute, RouteEntry, RouteOwner, RoutePolicy, RouteTable};
use patchbay_model::Route;
use patchbay_model::policy::RouteSettings;

use super::settings::elements;
use super::table::{Reader, Table};
use super::value;

/// A route and its place in the file.
pub(super) struct Placed {
    pub(super) owner: RouteOwner,
    pub(super) key: String,
    pub(super) at: Range<usize>,
    pub(super) route: Route,
}

/// Reads `routes`: a list of routes, or a table that says more of each.
pub(super) fn read(table: &mut Table<'_>) -> Vec<(Range<usize>, DeclaredRoute)> {
    if !table.is_table("routes") {
        let routes = table.list("routes", value::parsed::<Route>);
        return routes.into_iter().map(|(at, route)| (at, route.into())).collect();
    }
    let entries = table.named("routes");
    let read = |entry: &super::table::Named<'_>| {
        let route = entry.parsed_name::<Route>();
        let settings = entry.table(settings)?;
        Some((entry.place(), DeclaredRoute { route: route?, settings }))
    };
    entries.iter().filter_map(read).collect()
}

fn settings(table: &mut Table<'_>) -> RouteSettings {
    let mut settings = RouteSettings::default();
    table.set("anonymous", &mut settings.anonymous, value::boolean);
    if table.has("callers") {
        settings.callers = Some(elements(table.list("callers", value::parsed)));
    }
    table.set("forward_credentials", &mut settings.forward_credentials, value::boolean);
    settings.timeout = table.optional("timeout", value::duration);
    settings.request_body = table.optional("request_body", value::size);
    settings.concurrency = table.optional("concurrency", value::number);
    settings.priority = table.optional("priority", value::priority);
    settings.rate = table.optional("rate", value::parsed);
    settings.rate_per_user = table.optional("rate_per_user", value::parsed);
    settings.rate_per_address = table.optional("rate_per_address", value::parsed);
    for problem in settings.problems() {
        table.report_own(problem.key, &problem.problem);
    }
    settings
}

/// Reports every route that somebody earlier in the file has already.
pub(super) fn check(reader: &Reader<'_>, mut placed: Vec<Placed>) {
    let entry = |placed: &Placed| RouteEntry {
        owner: placed.owner.clone(),
        policy: RoutePolicy::new(placed.route.clone(), RouteSettings::default(), true).into(),
    };
    // Each conflict takes one route out, so this ends.
    while let Err(conflict) = RouteTable::new(placed.iter().map(entry)) {
        let is_contested =
            |placed: &Placed| placed.owner == conflict.second && placed.route.to_string() == conflict.route;
        let Some(contested) = placed.iter().position(is_contested) else { return };
        let Placed { key, at, .. } = placed.remove(contested);
        reader.report(&at, &key, conflict.to_string());
    }
}

//! Routes: which requests come to a service, and what is enforced on them.

use std::ops::Range;
use std::path::Path;

use patchbay_control::{DeclaredRoute, RouteEntry, RouteOwner, RoutePolicy, RouteTable};
use patchbay_model::Route;
use patchbay_model::policy::RouteSettings;

use super::settings::elements;
use super::table::{Named, Reader, Table};
use super::{edge, value};

/// A route and its place in the file.
pub(super) struct Placed {
    pub(super) owner: RouteOwner,
    pub(super) key: String,
    pub(super) at: Range<usize>,
    pub(super) route: Route,
}

/// Reads the `routes` of a service: a list of routes, or a table that says more of each. Directories in it are relative to
/// `directory`.
pub(super) fn of_service(table: &mut Table<'_>, directory: &Path) -> Vec<(Range<usize>, DeclaredRoute)> {
    if !table.is_table("routes") {
        let routes = table.list("routes", value::parsed::<Route>);
        return routes.into_iter().map(|(at, route)| (at, route.into())).collect();
    }
    named(table, directory, |table, settings| {
        for (key, there) in [("redirect", settings.edge.redirect.is_some()), ("files", settings.edge.files.is_some())] {
            if there {
                table
                    .report(key, "answers in place of a service; put the route under `[routes]`, which belong to none");
            }
        }
    })
}

/// Reads `[routes]`, those that the host answers by itself.
pub(super) fn of_host(root: &mut Table<'_>, directory: &Path, placed: &mut Vec<Placed>) -> Vec<DeclaredRoute> {
    let routes = named(root, directory, |table, settings| {
        if !settings.edge.answers_itself() {
            let here =
                "answers nothing: say `redirect` or `files` here, or put the route under the service that answers";
            table.report_here(here);
        }
    });
    for (at, declared) in &routes {
        let (at, route) = (at.clone(), declared.route.clone());
        placed.push(Placed { owner: RouteOwner::Host, key: "routes".to_owned(), at, route });
    }
    routes.into_iter().map(|(_, declared)| declared).collect()
}

/// Reads the table `routes`, of whose entries `judge` says what is wrong beside what always is.
fn named(
    table: &mut Table<'_>,
    directory: &Path,
    judge: impl Fn(&mut Table<'_>, &RouteSettings),
) -> Vec<(Range<usize>, DeclaredRoute)> {
    let entries = table.named("routes");
    let read = |entry: &Named<'_>| {
        let route = entry.parsed_name::<Route>();
        let settings = entry.table(|table| {
            let settings = settings(table, directory);
            judge(table, &settings);
            for problem in route.iter().flat_map(|route| settings.edge.problems_on(&route.path)) {
                table.report_own(problem.key, &problem.problem);
            }
            settings
        })?;
        Some((entry.place(), DeclaredRoute { route: route?, settings }))
    };
    entries.iter().filter_map(read).collect()
}

fn settings(table: &mut Table<'_>, directory: &Path) -> RouteSettings {
    let mut settings = RouteSettings { edge: edge::read(table, directory), ..RouteSettings::default() };
    table.set("anonymous", &mut settings.anonymous, value::boolean);
    if table.has("callers") {
        settings.callers = Some(elements(table.list("callers", value::parsed)));
    }
    settings.access_log = table.optional("access_log", value::boolean);
    table.set("forward_credentials", &mut settings.forward_credentials, value::boolean);
    settings.timeout = table.optional("timeout", value::duration);
    settings.request_body = table.optional("request_body", value::size);
    settings.concurrency = table.optional("concurrency", value::number);
    settings.priority = table.optional("priority", value::priority);
    settings.rate = table.optional("rate", value::parsed);
    settings.rate_per_user = table.optional("rate_per_user", value::parsed);
    settings.rate_per_address = table.optional("rate_per_address", value::parsed);
    // What is wrong with the edge is told already.
    for problem in settings.own_problems() {
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

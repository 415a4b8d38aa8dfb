//! The services that the file declares, and whether their routes can live together.

use std::ops::Range;
use std::path::{Path, PathBuf};

use patchbay_control::{Places, RouteTable};
use patchbay_model::{Route, ServiceName, Settings};

use super::table::{Named, Reader, Table};
use super::{policies, secrets, settings, topics, value};

/// A service as the file declares it. Its component is not read yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ServiceConfig {
    /// Its name.
    pub(crate) name: ServiceName,
    /// The file of its component.
    pub(crate) component: PathBuf,
    /// Where the file names the component, in bytes of its text.
    pub(crate) component_at: Range<usize>,
    /// Its configuration, with the defaults filled in.
    pub(crate) settings: Settings,
    /// Its routes.
    pub(crate) routes: Vec<Route>,
    /// The lines at which the file says what of it.
    pub(crate) places: Places,
}

/// A route and its place in the file.
struct Placed {
    service: ServiceName,
    key: String,
    at: Range<usize>,
    route: Route,
}

/// Reads `[services]`. Paths of components are relative to `directory`.
pub(crate) fn read(root: &mut Table<'_>, defaults: &Settings, directory: &Path) -> Vec<ServiceConfig> {
    let mut placed = Vec::new();
    let entries = root.named("services");
    let services = entries.iter().filter_map(|entry| service(entry, defaults, directory, &mut placed)).collect();
    check_routes(root.reader(), placed);
    services
}

fn service(
    entry: &Named<'_>,
    defaults: &Settings,
    directory: &Path,
    placed: &mut Vec<Placed>,
) -> Option<ServiceConfig> {
    let name = entry.name.parse::<ServiceName>().map_err(|error| entry.report(error.to_string())).ok();
    let read = entry.table(|table| {
        let component = component(table, directory);
        let routes = table.list("routes", value::parsed::<Route>);
        let mut settings = settings::read(table, defaults);
        settings.config = settings::config(table);
        settings.secrets = secrets::read(table);
        settings.health = settings::health(table);
        settings.fallback = policies::fallback(table);
        settings.subscriptions = topics::subscriptions(table);
        settings::judge(table, &settings);
        (component, routes, settings, table.path().to_owned(), table.places())
    });
    let (component, found, settings, path, places) = read?;
    let name = name?;
    let mut routes = Vec::with_capacity(found.len());
    for (at, route) in found {
        routes.push(route.clone());
        placed.push(Placed { service: name.clone(), key: format!("{path}.routes"), at, route });
    }
    let (component_at, component) = component?;
    Some(ServiceConfig { name, component, component_at, settings, routes, places })
}

/// The component's file, which has to be there.
fn component(table: &mut Table<'_>, directory: &Path) -> Option<(Range<usize>, PathBuf)> {
    if !table.has("component") {
        table.report("component", "is missing; name the file of the component, such as `component = \"orders.wasm\"`");
        return None;
    }
    let path = table.optional("component", value::path)?;
    let path = directory.join(path);
    if !path.is_file() {
        let what = if path.is_dir() { "is a directory" } else { "does not exist" };
        let message = format!("the file `{}` {what}; build the component first, or correct the path", path.display());
        table.report("component", message);
    }
    Some((table.place("component"), path))
}

/// Reports every route that an earlier service of the file has already.
fn check_routes(reader: &Reader<'_>, mut placed: Vec<Placed>) {
    // Each conflict takes one route out, so this ends.
    while let Err(conflict) = RouteTable::new(placed.iter().map(|placed| (&placed.service, &placed.route))) {
        let contested = placed
            .iter()
            .position(|placed| placed.service == conflict.second && placed.route.to_string() == conflict.route);
        let Some(contested) = contested else { return };
        let Placed { key, at, .. } = placed.remove(contested);
        reader.report(&at, &key, conflict.to_string());
    }
}

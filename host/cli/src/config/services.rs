//! The services that the file declares, and whether their routes can live together.

use std::ops::Range;
use std::path::{Path, PathBuf};

use patchbay_control::{DeclaredRoute, Places, RouteOwner};
use patchbay_model::{ServiceName, Settings};

use super::routes::{self, Placed};
use super::table::{Named, Table};
use super::{policies, secrets, settings, topics, traffic, value};

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
    pub(crate) routes: Vec<DeclaredRoute>,
    /// The lines at which the file says what of it.
    pub(crate) places: Places,
}

/// Reads `[services]`. Paths of components are relative to `directory`; `placed` are the routes that are no services'.
pub(crate) fn read(
    root: &mut Table<'_>,
    defaults: &Settings,
    directory: &Path,
    mut placed: Vec<Placed>,
) -> Vec<ServiceConfig> {
    let entries = root.named("services");
    let services = entries.iter().filter_map(|entry| service(entry, defaults, directory, &mut placed)).collect();
    routes::check(root.reader(), placed);
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
        let routes = routes::of_service(table, directory);
        let mut settings = settings::read(table, defaults);
        settings.config = settings::config(table);
        settings.secrets = secrets::read(table);
        settings.health = settings::health(table);
        settings.fallback = policies::fallback(table);
        settings.subscriptions = topics::subscriptions(table);
        settings.traffic = traffic::traffic(table);
        settings.mirror = traffic::mirror(table);
        settings::judge(table, &settings);
        (component, routes, settings, table.path().to_owned(), table.places())
    });
    let (component, found, settings, path, places) = read?;
    let name = name?;
    let mut routes = Vec::with_capacity(found.len());
    for (at, route) in found {
        let (owner, key) = (RouteOwner::Service(name.clone()), format!("{path}.routes"));
        placed.push(Placed { owner, key, at, route: route.route.clone() });
        routes.push(route);
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

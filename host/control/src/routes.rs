//! The routing table: which service a request belongs to. The most specific route wins.
//!
//! Order: an exact host before a wildcard, a longer wildcard before a shorter one, any host last; then an exact path
//! before a prefix, a longer prefix before a shorter one; then a route with methods before one without. A route that
//! fits in everything but the method is passed over for a less specific one that fits in everything.

use std::collections::HashMap;
use std::fmt;

use http::Method;
use patchbay_channel::RoutePolicy;
use patchbay_model::policy::RouteSettings;
use patchbay_model::{HostPattern, PathPattern, Route, ServiceName};
use patchbay_striped::Spread;

/// A route with what is enforced on it, as it is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeclaredRoute {
    /// The route.
    pub route: Route,
    /// What is enforced on it.
    pub settings: RouteSettings,
}

impl From<Route> for DeclaredRoute {
    /// One of which nothing else is said.
    fn from(route: Route) -> Self {
        Self { route, settings: RouteSettings::default() }
    }
}

/// Whose route it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteOwner {
    /// That of a service, which answers.
    Service(ServiceName),
    /// That of the host, which answers by itself.
    Host,
}

impl fmt::Display for RouteOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(name) => write!(f, "service `{name}`"),
            Self::Host => f.write_str("the host"),
        }
    }
}

/// Two routes that would take the same requests to different places.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the route `{route}` of {second} is taken by {first}; give one of them another path, host or method")]
pub struct RouteConflict {
    /// The route that is contested.
    pub route: String,
    /// Who has it.
    pub first: RouteOwner,
    /// Who wants it too.
    pub second: RouteOwner,
}

/// A route as the table has it.
#[derive(Debug, Clone)]
pub struct RouteEntry {
    /// Whose it is.
    pub owner: RouteOwner,
    /// What is enforced on the calls that come in by it.
    pub policy: Spread<RoutePolicy>,
}

/// What the table says about a request.
#[derive(Debug)]
pub enum Found<'a> {
    /// It comes in by this route.
    Route(&'a RouteEntry),
    /// Routes fit in everything but the method; these are the methods they take.
    OtherMethods(Vec<Method>),
    /// No route fits.
    Nothing,
}

/// The routes of all services, arranged for lookup. Immutable once made.
#[derive(Debug, Default)]
pub struct RouteTable {
    exact: HashMap<String, Paths>,
    below: HashMap<String, Paths>,
    any: Paths,
    all: HashMap<Route, RouteEntry>,
}

#[derive(Debug, Default)]
struct Paths {
    exact: HashMap<String, Methods>,
    prefix: HashMap<String, Methods>,
}

/// The routes of one host and path.
#[derive(Debug, Default)]
struct Methods {
    by_method: Vec<(Method, RouteEntry)>,
    any: Option<RouteEntry>,
}

impl RouteTable {
    /// Arranges routes. Of two that are the same and of the same owner, the first one counts.
    ///
    /// # Errors
    /// The first [`RouteConflict`], if there is one.
    pub fn new(routes: impl IntoIterator<Item = RouteEntry>) -> Result<Self, RouteConflict> {
        let mut table = Self::default();
        for entry in routes {
            let route = entry.policy.route.clone();
            let paths = match &route.host {
                Some(HostPattern::Exact(host)) => table.exact.entry(host.clone()).or_default(),
                Some(HostPattern::Below(host)) => table.below.entry(host.clone()).or_default(),
                None => &mut table.any,
            };
            let methods = match &route.path {
                PathPattern::Exact(path) => paths.exact.entry(path.clone()).or_default(),
                PathPattern::Prefix(prefix) => paths.prefix.entry(prefix.clone()).or_default(),
            };
            methods.add(&entry)?;
            table.all.entry(route).or_insert(entry);
        }
        Ok(table)
    }

    /// Looks up a request. `host` may carry a port and capital letters; `path` is as it came, without the query.
    pub fn find(&self, host: Option<&str>, path: &str, method: &Method) -> Found<'_> {
        let mut others = Vec::new();
        for paths in self.hosts(host) {
            for methods in paths.candidates(path) {
                if let Some(entry) = methods.of(method) {
                    return Found::Route(entry);
                }
                for (other, _) in &methods.by_method {
                    if !others.contains(other) {
                        others.push(other.clone());
                    }
                }
            }
        }
        if others.is_empty() { Found::Nothing } else { Found::OtherMethods(others) }
    }

    /// A route, if it is in the table.
    /// All routes, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &RouteEntry> {
        self.all.values()
    }

    pub(crate) fn get(&self, route: &Route) -> Option<&RouteEntry> {
        self.all.get(route)
    }

    /// The path tables that are for `host`, most specific first.
    fn hosts<'a>(&'a self, host: Option<&str>) -> impl Iterator<Item = &'a Paths> + use<'a> {
        let host = host.filter(|_| !(self.exact.is_empty() && self.below.is_empty())).map(bare);
        let exact = host.as_deref().and_then(|host| self.exact.get(host));
        let mut below = Vec::new();
        let mut rest = host.as_deref().filter(|_| !self.below.is_empty()).unwrap_or_default();
        while let Some((_, parent)) = rest.split_once('.') {
            below.extend(self.below.get(parent));
            rest = parent;
        }
        exact.into_iter().chain(below).chain([&self.any])
    }
}

/// A host name without its port, in lower case.
fn bare(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|c| c.is_ascii_digit()) => name,
        _ => host,
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

impl Paths {
    /// The routes whose path fits, most specific first.
    fn candidates<'a, 'p>(&'a self, path: &'p str) -> impl Iterator<Item = &'a Methods> + use<'a, 'p> {
        let exact = self.exact.get(path);
        // `/a/b` belongs to the prefixes `/a/b`, `/a` and the empty one.
        let ends = path.rmatch_indices('/').map(|(end, _)| end);
        let prefixes = std::iter::once(path.len()).chain(ends).filter_map(|end| self.prefix.get(path.get(..end)?));
        exact.into_iter().chain(prefixes)
    }
}

impl Methods {
    fn add(&mut self, entry: &RouteEntry) -> Result<(), RouteConflict> {
        let route = &entry.policy.route;
        let taken = |first: &RouteEntry| RouteConflict {
            route: route.to_string(),
            first: first.owner.clone(),
            second: entry.owner.clone(),
        };
        if route.methods.is_empty() {
            match &self.any {
                Some(first) if first.owner != entry.owner => return Err(taken(first)),
                Some(_) => {}
                None => self.any = Some(entry.clone()),
            }
        }
        for method in &route.methods {
            match self.by_method.iter().find(|(other, _)| other == method) {
                Some((_, first)) if first.owner != entry.owner => return Err(taken(first)),
                Some(_) => {}
                None => self.by_method.push((method.clone(), entry.clone())),
            }
        }
        Ok(())
    }

    fn of(&self, method: &Method) -> Option<&RouteEntry> {
        let exact = self.by_method.iter().find(|(other, _)| other == method).map(|(_, entry)| entry);
        exact.or(self.any.as_ref())
    }
}

#[cfg(test)]
mod tests;

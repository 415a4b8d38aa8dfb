//! The routing table: which service a request belongs to. The most specific route wins.
//!
//! Order: an exact host before a wildcard, a longer wildcard before a shorter one, any host last; then an exact path
//! before a prefix, a longer prefix before a shorter one; then a route with methods before one without. A route that
//! fits in everything but the method is passed over for a less specific one that fits in everything.

use std::collections::HashMap;

use http::Method;
use patchbay_model::{HostPattern, PathPattern, Route, ServiceName};

/// Two routes that would take the same requests to different services.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the route `{route}` of service `{second}` is taken by service `{first}`; give one of them another path, host or method"
)]
pub struct RouteConflict {
    /// The route that is contested.
    pub route: String,
    /// The service that has it.
    pub first: ServiceName,
    /// The service that wants it too.
    pub second: ServiceName,
}

/// What the table says about a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<'a> {
    /// It belongs to this service.
    Service(&'a ServiceName),
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
}

#[derive(Debug, Default)]
struct Paths {
    exact: HashMap<String, Methods>,
    prefix: HashMap<String, Methods>,
}

/// The routes of one host and path.
#[derive(Debug, Default)]
struct Methods {
    by_method: Vec<(Method, ServiceName)>,
    any: Option<ServiceName>,
}

impl RouteTable {
    /// Arranges the routes of the services.
    ///
    /// # Errors
    /// The first [`RouteConflict`], if there is one.
    pub fn new<'a>(routes: impl IntoIterator<Item = (&'a ServiceName, &'a Route)>) -> Result<Self, RouteConflict> {
        let mut table = Self::default();
        for (service, route) in routes {
            let paths = match &route.host {
                Some(HostPattern::Exact(host)) => table.exact.entry(host.clone()).or_default(),
                Some(HostPattern::Below(host)) => table.below.entry(host.clone()).or_default(),
                None => &mut table.any,
            };
            let methods = match &route.path {
                PathPattern::Exact(path) => paths.exact.entry(path.clone()).or_default(),
                PathPattern::Prefix(prefix) => paths.prefix.entry(prefix.clone()).or_default(),
            };
            methods.add(service, route)?;
        }
        Ok(table)
    }

    /// Looks up a request. `host` may carry a port and capital letters; `path` is as it came, without the query.
    pub fn find(&self, host: Option<&str>, path: &str, method: &Method) -> Found<'_> {
        let mut others = Vec::new();
        for paths in self.hosts(host) {
            for methods in paths.candidates(path) {
                if let Some(service) = methods.of(method) {
                    return Found::Service(service);
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
    fn add(&mut self, service: &ServiceName, route: &Route) -> Result<(), RouteConflict> {
        let taken = |first: &ServiceName| RouteConflict {
            route: route.to_string(),
            first: first.clone(),
            second: service.clone(),
        };
        if route.methods.is_empty() {
            match &self.any {
                Some(first) if first != service => return Err(taken(first)),
                _ => self.any = Some(service.clone()),
            }
        }
        for method in &route.methods {
            match self.by_method.iter().find(|(other, _)| other == method) {
                Some((_, first)) if first != service => return Err(taken(first)),
                Some(_) => {}
                None => self.by_method.push((method.clone(), service.clone())),
            }
        }
        Ok(())
    }

    fn of(&self, method: &Method) -> Option<&ServiceName> {
        let exact = self.by_method.iter().find(|(other, _)| other == method).map(|(_, service)| service);
        exact.or(self.any.as_ref())
    }
}

#[cfg(test)]
mod tests;

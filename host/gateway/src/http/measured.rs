//! What is measured of requests from outside, by the semantic conventions of OpenTelemetry for HTTP servers.

use std::sync::{Arc, Weak};

use http::{Method, Response};
use patchbay_control::{Control, MeasuredRoute, ReplyKey, RouteMeasured, RoutePolicy};
use patchbay_model::FaultKind;
use patchbay_model::metrics::{Collected, Counter, Distribution, Family, Gauge, MEASURED, MetricSource, OTHER, Unit};
use patchbay_model::ports::BoxFuture;
use patchbay_striped::{Count, Lent};
use tokio::time::Instant;

use crate::edge::Edge;
use crate::problem::Faulted;
use crate::server::{self, ConnectionCounts};

/// The methods that are told apart (RFC 9110, 9 and RFC 5789). All others are one, because clients can send any.
const METHODS: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];
/// Stands for all other methods, as the conventions want it.
const OTHER_METHOD: &str = "_OTHER";

static DURATIONS: Family<Distribution, 6> = Family::new(
    "http_server_request_duration_seconds",
    "Requests from outside, and the time until the head of the reply was there. The route is the pattern of its path; the \
     error is the kind of a fault, or the status of a reply of 500 or more.",
    ["http_request_method", "url_scheme", "http_route", "http_response_status_code", "error_type", "service"],
)
.unit(Unit::Seconds);
static ACTIVE: Family<Gauge, 2> = Family::new(
    "http_server_active_requests",
    "Requests from outside whose reply has not begun.",
    ["http_request_method", "url_scheme"],
);
static CACHE: Family<Counter, 3> = Family::new(
    "patchbay_route_cache_requests",
    "Requests at routes with a cache, by what it did: hit, collapsed, which waited for the same request of another one, or \
     why the service was asked, by the names of RFC 9211.",
    ["route", "service", "result"],
);

/// What is measured at the listener for callers.
#[derive(Debug)]
pub(super) struct HttpMeasured {
    scheme: &'static str,
    active: [Count; METHODS.len() + 1],
    /// Requests that no route fits.
    unrouted: Arc<RouteMeasured>,
}

impl HttpMeasured {
    /// Nothing yet, of a listener with this scheme.
    pub(super) fn new(scheme: &'static str) -> Self {
        Self { scheme, active: Default::default(), unrouted: Arc::default() }
    }

    /// A request came at `begun`.
    pub(super) fn begin(&self, method: &Method, begun: Instant) -> Measuring<'_> {
        let place = METHODS.binary_search(&method.as_str()).unwrap_or(METHODS.len());
        let method = METHODS.get(place).copied().unwrap_or(OTHER_METHOD);
        let active = self.active.get(place).filter(|_| MEASURED);
        if let Some(active) = active {
            active.add(1);
        }
        let key = ReplyKey { method, status: 0, fault: Some(FaultKind::Cancelled) };
        Measuring { active, begun, unrouted: &self.unrouted, route: None, key }
    }
}

/// A request that is being measured, until it is dropped. If nobody says how it was answered, nobody waited for it.
#[derive(Debug)]
pub(super) struct Measuring<'a> {
    active: Option<&'a Count>,
    begun: Instant,
    unrouted: &'a RouteMeasured,
    route: Option<Lent<RoutePolicy>>,
    key: ReplyKey,
}

impl Measuring<'_> {
    /// The request comes in by this route.
    pub(super) fn comes_in_by(&mut self, route: &Lent<RoutePolicy>) {
        self.route = Some(route.clone());
    }

    /// It is answered with this.
    pub(super) fn answered<B>(&mut self, reply: &Response<B>) {
        self.key.status = reply.status().as_u16();
        self.key.fault = reply.extensions().get::<Faulted>().map(|faulted| faulted.kind);
    }
}

impl Drop for Measuring<'_> {
    fn drop(&mut self) {
        let measured = self.route.as_ref().map_or(self.unrouted, |route| &route.measured);
        measured.answered(self.key, self.begun.elapsed());
        if let Some(active) = self.active {
            active.sub(1);
        }
    }
}

/// Tells what was measured at the listener for callers.
pub(super) struct HttpMetrics {
    pub(super) measured: Arc<HttpMeasured>,
    pub(super) connections: Arc<ConnectionCounts>,
    pub(super) control: Weak<Control>,
}

impl MetricSource for HttpMetrics {
    fn collect<'a>(&'a self, into: &'a mut Collected) -> BoxFuture<'a, ()> {
        let HttpMeasured { scheme, active, unrouted } = &*self.measured;
        into.declare(&DURATIONS);
        into.declare(&CACHE);
        for (method, active) in METHODS.into_iter().chain([OTHER_METHOD]).zip(active) {
            into.add(&ACTIVE, [method, scheme], active.read());
        }
        replies(unrouted, [scheme, "", ""], into);
        if let Some(control) = self.control.upgrade() {
            control.measured_routes(|MeasuredRoute { service, policy }| {
                let (service, path) = (service.unwrap_or_default(), policy.route.path.to_string());
                replies(&policy.measured, [scheme, &path, service], into);
                let edge = policy.edge.get().and_then(|edge| edge.as_ref()?.downcast_ref::<Edge>());
                for (result, count) in edge.and_then(Edge::cache_counts).into_iter().flatten() {
                    into.add(&CACHE, [&policy.route.to_string(), service, result], count);
                }
            });
        }
        server::collect("http", &self.connections, into);
        Box::pin(std::future::ready(()))
    }
}

fn replies(route: &RouteMeasured, [scheme, path, service]: [&str; 3], into: &mut Collected) {
    for (key, reading) in route.replies() {
        let Some(ReplyKey { method, status, fault }) = key else {
            into.add(&DURATIONS, [OTHER, scheme, path, OTHER, OTHER, service], reading);
            continue;
        };
        let status_text = if status == 0 { String::new() } else { status.to_string() };
        let error = match fault {
            Some(kind) => kind.name(),
            None if status >= 500 => status_text.as_str(),
            None => "",
        };
        into.add(&DURATIONS, [method, scheme, path, &status_text, error, service], reading);
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use patchbay_model::policy::RouteSettings;
    use patchbay_striped::Spread;

    use super::*;

    /// What was measured, as method, route, status and error, each with its count.
    fn told(measured: &HttpMeasured, route: &RouteMeasured) -> Vec<(Vec<String>, u64)> {
        let mut collected = Collected::default();
        replies(&measured.unrouted, [measured.scheme, "", ""], &mut collected);
        replies(route, [measured.scheme, "/a/*", "orders"], &mut collected);
        let family = collected.families().next().unwrap();
        let series = family.series().map(|(labels, value)| {
            let patchbay_model::metrics::Value::Histogram(reading) = value else { panic!("{value:?}") };
            (labels.iter().map(|label| label.to_string()).filter(|label| label != "http").collect(), reading.count())
        });
        series.collect()
    }

    #[test]
    fn requests_are_told_apart_by_what_the_conventions_say() {
        let measured = HttpMeasured::new("http");
        let policy = RoutePolicy::new("/a/*".parse().unwrap(), RouteSettings::default(), true);
        let route = Spread::from(policy).lend();
        let reply = |status: u16, fault: Option<FaultKind>| {
            let mut reply = Response::new(());
            *reply.status_mut() = StatusCode::from_u16(status).unwrap();
            if let Some(kind) = fault {
                reply.extensions_mut().insert(Faulted { kind, unprocessed: false });
            }
            reply
        };
        let ask = |method: &str, routed: bool, reply: Option<Response<()>>| {
            let mut measuring = measured.begin(&method.parse().unwrap(), Instant::now());
            if routed {
                measuring.comes_in_by(&route);
            }
            if let Some(reply) = reply {
                measuring.answered(&reply);
            }
        };
        ask("GET", true, Some(reply(200, None)));
        ask("GET", true, Some(reply(200, None)));
        ask("BREW", true, Some(reply(418, None)));
        ask("TEA", true, Some(reply(418, None)));
        ask("POST", true, Some(reply(503, None)));
        ask("POST", true, Some(reply(503, Some(FaultKind::Overloaded))));
        ask("PUT", true, None);
        ask("GET", false, Some(reply(404, Some(FaultKind::NotFound))));
        let series = |labels: [&str; 5], count| (labels.map(str::to_owned).to_vec(), count);
        let expected = [
            series(["GET", "", "404", "not-found", ""], 1),
            series(["GET", "/a/*", "200", "", "orders"], 2),
            series(["POST", "/a/*", "503", "503", "orders"], 1),
            series(["POST", "/a/*", "503", "overloaded", "orders"], 1),
            series(["PUT", "/a/*", "", "cancelled", "orders"], 1),
            series(["_OTHER", "/a/*", "418", "", "orders"], 2),
        ];
        assert_eq!(told(&measured, &route.measured), expected);
    }

    #[test]
    fn a_request_is_active_until_its_reply_begins() {
        let measured = HttpMeasured::new("https");
        let active = || measured.active.each_ref().map(Count::read);
        let begin = |method: &str| measured.begin(&method.parse().unwrap(), Instant::now());
        let (get, other) = (begin("GET"), begin("BREW"));
        assert_eq!(active(), [0, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
        drop((get, other));
        assert_eq!(active(), [0; 10]);
    }
}

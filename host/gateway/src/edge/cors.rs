//! Which pages of other origins may call: the CORS protocol, as tower-http has it.

use std::convert::Infallible;

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
};
use http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode};
use patchbay_model::policy::{CorsSettings, OriginPattern};
use patchbay_model::{Reply, empty_body};
use tower::{Layer, ServiceExt, service_fn};
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, Any, CorsLayer, ExposeHeaders};

/// The methods of a route that takes all of them.
const ALL_METHODS: [Method; 6] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// What a browser tells of a request to another origin.
const ASKED: [HeaderName; 3] = [ORIGIN, ACCESS_CONTROL_REQUEST_METHOD, ACCESS_CONTROL_REQUEST_HEADERS];

/// What only the host says on a route with CORS.
const SAID: [HeaderName; 6] = [
    ACCESS_CONTROL_ALLOW_CREDENTIALS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
];

/// Adds to replies what browsers need to let pages of other origins read them.
#[derive(Debug)]
pub(super) struct Cors(CorsLayer);

/// The method that a browser asks for before it sends a request to another origin; `None` if the request is no such
/// question (a CORS-preflight request of the Fetch standard).
pub(crate) fn preflight_method(method: &Method, headers: &HeaderMap) -> Option<Method> {
    if *method != Method::OPTIONS {
        return None;
    }
    let asked = headers.get(ACCESS_CONTROL_REQUEST_METHOD).filter(|_| headers.contains_key(ORIGIN))?;
    Method::from_bytes(asked.as_bytes()).ok()
}

impl Cors {
    /// `methods` are those of the route; none: all of them. The problems of the settings were excluded before.
    pub(super) fn new(settings: &CorsSettings, methods: &[Method]) -> Self {
        let names = |names: &[String]| names.iter().filter_map(|name| name.parse().ok()).collect::<Vec<HeaderName>>();
        let any = |names: &[String]| names.iter().any(|name| name == "*");
        let allowed = match (settings.methods.is_empty(), methods.is_empty()) {
            (true, true) => AllowMethods::list(ALL_METHODS),
            (true, false) => AllowMethods::list(methods.iter().cloned()),
            (false, _) if any(&settings.methods) => Any.into(),
            (false, _) => AllowMethods::list(settings.methods.iter().filter_map(|name| name.parse().ok())),
        };
        let headers = if any(&settings.headers) { Any.into() } else { AllowHeaders::list(names(&settings.headers)) };
        let expose = if any(&settings.expose) { Any.into() } else { ExposeHeaders::list(names(&settings.expose)) };
        let layer = CorsLayer::new()
            .allow_origin(origins(&settings.origins))
            .allow_methods(allowed)
            .allow_headers(headers)
            .expose_headers(expose)
            .allow_credentials(settings.credentials)
            .max_age(settings.max_age);
        Self(layer)
    }

    /// What has to be known of a request when its reply is there.
    pub(super) fn asked(method: &Method, headers: &HeaderMap) -> Request<()> {
        let mut asked = Request::new(());
        *asked.method_mut() = method.clone();
        for name in ASKED {
            if let Some(value) = headers.get(&name) {
                asked.headers_mut().insert(name, value.clone());
            }
        }
        asked
    }

    /// Answers the question that a browser asks before it sends a request. No credential is looked at.
    pub(super) async fn preflight(&self, asked: Request<()>) -> Reply {
        let mut reply = self.through(asked, Response::new(())).await.map(|()| empty_body());
        *reply.status_mut() = StatusCode::NO_CONTENT;
        reply.into()
    }

    /// Adds to the reply what the browser needs.
    pub(super) async fn apply(&self, mut asked: Request<()>, reply: Reply) -> Reply {
        // The layer answers every request with this method by itself.
        if asked.method() == Method::OPTIONS {
            *asked.method_mut() = Method::GET;
        }
        let (mut head, body) = reply.into_parts();
        for name in SAID {
            head.headers.remove(name);
        }
        self.through(asked, Response::from_parts(head, ())).await.map(|()| body).into()
    }

    /// Sends a request through the layer, to what has its reply already.
    async fn through(&self, asked: Request<()>, reply: Response<()>) -> Response<()> {
        let mut reply = Some(reply);
        let inner =
            service_fn(move |_: Request<()>| std::future::ready(Ok::<_, Infallible>(reply.take().unwrap_or_default())));
        match self.0.layer(inner).oneshot(asked).await {
            Ok(reply) => reply,
            Err(never) => match never {},
        }
    }
}

fn origins(patterns: &[OriginPattern]) -> AllowOrigin {
    if patterns.contains(&OriginPattern::Any) {
        return AllowOrigin::any();
    }
    let patterns = patterns.to_vec();
    // A predicate, also for one origin, so that a reply says that it depends on the origin and names it only to itself.
    AllowOrigin::predicate(move |origin, _| {
        origin.to_str().is_ok_and(|origin| patterns.iter().any(|pattern| pattern.matches(origin)))
    })
}

//! An edge, a caller, and a service that does what the test says.

use std::future::Future;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Request};
use http_body_util::BodyExt;
use patchbay_model::ports::Clock;
use patchbay_model::{Body, CallId, Proof, Reply, User, empty_body, full_body};
use tokio::time::Instant;

use crate::edge::{Caches, Edge, EdgeCaller, EdgeError, EdgeParts};

/// The time of day that follows tokio's clock.
struct Following(Instant);

impl Clock for Following {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000) + self.0.elapsed()
    }
}

/// What edges need.
pub(super) fn parts(directory: &Path) -> EdgeParts {
    EdgeParts {
        directory: directory.to_owned(),
        clock: Arc::new(Following(Instant::now())),
        caches: Arc::new(Caches::default()),
    }
}

/// The edge of a route with these settings, written as JSON.
pub(super) fn try_edge(route: &str, settings: &str, parts: &EdgeParts) -> Result<Option<Edge>, EdgeError> {
    let settings: patchbay_model::policy::EdgeSettings = serde_json::from_str(settings).unwrap();
    assert_eq!(settings.problems(), [], "{settings:?}");
    Edge::new(&settings, &route.parse().unwrap(), parts, None)
}

pub(super) fn edge(route: &str, settings: &str) -> Edge {
    try_edge(route, settings, &parts(Path::new(""))).unwrap().unwrap()
}

/// A request as it is written: `POST /path`, then lines of its header, then an empty line and its body.
pub(super) fn request(text: &str) -> Request<Body> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let (method, target) = lines.next().unwrap().split_once(' ').unwrap();
    let mut request = Request::new(if body.is_empty() { empty_body() } else { full_body(body.to_owned()) });
    *request.method_mut() = method.parse().unwrap();
    *request.uri_mut() = target.parse().unwrap();
    request.headers_mut().insert("host", HeaderValue::from_static("shop.test"));
    fields(request.headers_mut(), lines);
    request
}

/// A reply as it is written: `200`, then lines of its header, then an empty line and its body.
pub(super) fn reply(text: &str) -> Reply {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let mut reply = Reply::new(if body.is_empty() { empty_body() } else { full_body(body.to_owned()) });
    *reply.status_mut() = lines.next().unwrap().parse().unwrap();
    fields(reply.headers_mut(), lines);
    reply
}

fn fields<'l>(headers: &mut HeaderMap, lines: impl Iterator<Item = &'l str>) {
    for line in lines {
        let (name, value) = line.split_once(':').unwrap();
        let name: HeaderName = name.trim().parse().unwrap();
        if name == "host" {
            headers.remove("host");
        }
        headers.append(name, HeaderValue::from_bytes(value.trim().as_bytes()).unwrap());
    }
}

/// A reply as its caller got it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Got {
    pub(super) async fn of(reply: Reply) -> Self {
        let (head, body) = reply.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Self { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// All lines of a field.
    pub(super) fn field(&self, name: &str) -> String {
        let lines: Vec<_> = self.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
        lines.join(", ")
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The last part of the type of a problem.
    pub(super) fn problem(&self) -> String {
        let problem: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem["status"], self.status);
        problem["type"].as_str().unwrap().rsplit(':').next().unwrap().to_owned()
    }
}

/// A user of this name.
pub(super) fn user(name: &str) -> User {
    User::new(Proof::Token, "main", name)
}

/// A caller from an address, who is nobody in particular.
pub(super) fn stranger() -> EdgeCaller<'static> {
    EdgeCaller {
        call: CallId::new(7),
        user: None,
        address: [192, 0, 2, 1].into(),
        deadline: Instant::now() + Duration::from_secs(15),
        generation: 1,
        split: false,
    }
}

/// A service, as what comes of a request that it gets.
pub(super) struct Origin {
    calls: AtomicUsize,
    seen: Mutex<Vec<(http::Uri, HeaderMap)>>,
}

impl Origin {
    pub(super) fn new() -> Self {
        Self { calls: AtomicUsize::new(0), seen: Mutex::default() }
    }

    /// How often it was asked.
    pub(super) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// The newest request that it got.
    pub(super) fn last(&self) -> (http::Uri, HeaderMap) {
        self.seen.lock().unwrap().last().cloned().unwrap()
    }

    /// Sends a request through `edge`; the service answers with `reply` as it is written, where `#` is the number of the call.
    pub(super) async fn ask(&self, edge: &Edge, text: &str, from: &EdgeCaller<'_>, answer: &str) -> Got {
        let answer = answer.to_owned();
        Got::of(
            self.send(edge, request(text), from, move |number, _| async move {
                reply(&answer.replace('#', &number.to_string()))
            })
            .await,
        )
        .await
    }

    /// Sends a request through `edge`; the service answers by `serve`, which gets the number of the call.
    pub(super) fn send<'s, F: Future<Output = Reply> + 's, S: FnOnce(usize, Request<Body>) -> F + 's>(
        &'s self,
        edge: &'s Edge,
        request: Request<Body>,
        from: &EdgeCaller<'s>,
        serve: S,
    ) -> impl Future<Output = Reply> + use<'s, F, S> {
        let from = *from;
        async move {
            let next = |request: Request<Body>| {
                let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
                self.seen.lock().unwrap().push((request.uri().clone(), request.headers().clone()));
                serve(number, request)
            };
            edge.answer(request, &from, next).await
        }
    }
}

//! Engines, guests and calls for the tests.

pub(crate) mod bus;
mod components;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http_body_util::BodyExt;
use patchbay_engine::{CacheFolder, Engine, EngineConfig, Ports, Premises};
use patchbay_model::ports::{
    BoxFuture, Clock, CodeSource, Discovery, Executor, InstanceCount, LinkCall, Links, LogSink, NoSpans, Outbound,
    Outlet, Preparation, PrepareError, PrepareRequest, Prepared, TokenError, TokenWish, Tokens,
};
use patchbay_model::{
    Body, BodyError, Call, CallContext, CallId, Course, Digest, Fault, FaultKind, FunctionName, Hold, InstancePolicy,
    Invocation, LogRecord, NoHazard, OutboundError, OutboundRequest, Proof, Reply, RevisionId, ServiceInfo,
    ServiceName, Settings, TypedCall, User, empty_body,
};

use bus::Bus;
use components::Components;

/// The guests that exist in both versions of WASI, with the policies that each can have.
pub(crate) const PROBES: [(&str, &[InstancePolicy]); 2] = [
    ("probe.wasm", &[InstancePolicy::Fresh, InstancePolicy::Reuse]),
    ("probe3.wasm", &[InstancePolicy::Fresh, InstancePolicy::Reuse, InstancePolicy::Concurrent]),
];

/// Every pair of them.
pub(crate) fn every_way() -> impl Iterator<Item = (&'static str, InstancePolicy)> {
    PROBES.into_iter().flat_map(|(guest, policies)| policies.iter().map(move |policy| (guest, *policy)))
}

/// How long anything in a test may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn guest(name: &str) -> Bytes {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/guests").join(name);
    match std::fs::read(&path) {
        Ok(bytes) => bytes.into(),
        Err(error) => panic!("{}: {error}: run `cargo xtask guests`", path.display()),
    }
}

/// The wall clock.
pub(crate) struct WallClock;

impl Clock for WallClock {
    #[allow(clippy::disallowed_methods, reason = "this is the clock that is injected")]
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// Keeps what guests write.
#[derive(Default)]
pub(crate) struct Log(Mutex<Vec<LogRecord>>);

impl LogSink for Log {
    fn record(&self, record: LogRecord) {
        self.0.lock().unwrap().push(record);
    }
}

impl Log {
    pub(crate) fn records(&self) -> Vec<LogRecord> {
        self.0.lock().unwrap().clone()
    }
}

/// What the requests of guests reach: nobody, until a test says what they answer.
#[derive(Default)]
pub(crate) struct Outside {
    answer: Mutex<Option<Answer>>,
    linked: Mutex<Option<Callee>>,
}

/// A function of a prepared revision.
type Callee = (Arc<dyn Prepared>, Arc<FunctionName>);

/// Answers a request.
pub(crate) type Answer = Arc<dyn Fn(OutboundRequest) -> BoxFuture<'static, Result<Reply, OutboundError>> + Send + Sync>;

impl Outside {
    pub(crate) fn answers<F: Future<Output = Result<Reply, OutboundError>> + Send + 'static>(
        &self,
        answer: impl Fn(OutboundRequest) -> F + Send + Sync + 'static,
    ) {
        *self.answer.lock().unwrap() = Some(Arc::new(move |request| Box::pin(answer(request))));
    }

    /// Whatever function a guest calls, it is this one.
    pub(crate) fn is_linked_to(&self, callee: Arc<dyn Prepared>, function: &str) {
        *self.linked.lock().unwrap() = Some((callee, Arc::new(function.parse().unwrap())));
    }
}

impl Outbound for Outside {
    fn open(&self, revision: &RevisionId, _: &Settings) -> Arc<dyn Outlet> {
        assert_eq!(revision.to_string(), "probe@7");
        Arc::new(Exit(self.answer.lock().unwrap().clone()))
    }
}

impl Discovery for Outside {
    fn version(&self) -> u64 {
        0
    }

    fn resolve(&self, _: &str) -> Option<ServiceInfo> {
        None
    }

    fn services(&self) -> Vec<ServiceInfo> {
        Vec::new()
    }
}

impl Tokens for Outside {
    /// Knows one token.
    fn verify<'a>(&'a self, service: &'a ServiceName, token: &'a str) -> BoxFuture<'a, Result<Arc<User>, TokenError>> {
        let outcome = match token {
            "ann" => Ok(Arc::new(ann())),
            "old" => Err(TokenError::Expired),
            _ => Err(TokenError::Invalid(format!("{service} has another one"))),
        };
        Box::pin(std::future::ready(outcome))
    }

    /// Writes what is asked for as it is.
    fn mint<'a>(
        &'a self,
        service: &'a ServiceName,
        course: Course,
        wish: TokenWish,
    ) -> BoxFuture<'a, Result<String, TokenError>> {
        let user = course.user.map_or_else(|| "nobody".to_owned(), |user| user.to_string());
        let TokenWish { audience, scopes, lifetime } = wish;
        let text = format!("{service} for {user} to {audience} with {scopes:?} for {lifetime:?}");
        Box::pin(std::future::ready(Ok(text)))
    }
}

/// A user.
pub(crate) fn ann() -> User {
    User {
        scopes: vec!["read".to_owned()],
        groups: vec!["staff".to_owned()],
        claims: [("tenant".to_owned(), "acme".into())].into_iter().collect(),
        ..User::new(Proof::Token, "corp", "ann")
    }
}

impl Links for Outside {
    fn invoke<'a>(
        &'a self,
        _: &'a ServiceName,
        _: Course,
        invocation: Invocation,
    ) -> BoxFuture<'a, Result<String, Fault>> {
        Box::pin(async move { Err(Fault::new(FaultKind::NotFound, format!("nobody is {}", invocation.service))) })
    }

    fn call<'a>(&'a self, call: &'a mut LinkCall<'_>) -> BoxFuture<'a, Result<Bytes, Fault>> {
        let LinkCall { function, course, arguments, .. } = call;
        let arguments = std::mem::take(arguments);
        if let Some((callee, function)) = self.linked.lock().unwrap().clone() {
            let id = CallId::new(CALLS.fetch_add(1, Ordering::Relaxed));
            let context = Box::new(CallContext { hops: course.hops + 1, ..CallContext::new(id, course.deadline) });
            return Box::pin(async move {
                let call = TypedCall { context, function: &function, arguments, hold: &Hold::default() };
                callee.invoke(call).await
            });
        }
        Box::pin(async move { Err(Fault::new(FaultKind::Unavailable, format!("nobody serves {function}"))) })
    }
}

struct Exit(Option<Answer>);

impl Outlet for Exit {
    fn send(&self, request: OutboundRequest) -> BoxFuture<'static, Result<Reply, OutboundError>> {
        match &self.0 {
            Some(answer) => answer(request),
            None => Box::pin(std::future::ready(Err(OutboundError::Denied))),
        }
    }
}

/// An engine for a test, with what it was given.
pub(crate) struct Rig {
    pub(crate) engine: Engine,
    pub(crate) log: Arc<Log>,
    pub(crate) outside: Arc<Outside>,
    pub(crate) bus: Arc<Bus>,
    pub(crate) components: Arc<Components>,
}

/// A cache that all tests share, so that each guest is compiled once.
fn shared_cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("engine-cache")
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(&EngineConfig { instances: 100, ..EngineConfig::default() }, Some(shared_cache()))
    }

    pub(crate) fn with(config: &EngineConfig, cache: Option<PathBuf>) -> Self {
        let log = Arc::new(Log::default());
        let cache = cache.map(|path| CacheFolder { path, hazard: Arc::new(NoHazard) });
        let premises = Premises { cache, workshop: None };
        let (outside, bus) = (Arc::new(Outside::default()), Arc::new(Bus::default()));
        let components = Arc::<Components>::default();
        let ports = Ports {
            sink: log.clone(),
            outbound: outside.clone(),
            links: outside.clone(),
            messaging: bus.clone(),
            tokens: outside.clone(),
            spans: Arc::new(NoSpans),
            clock: Arc::new(WallClock),
            components: Some(components.clone()),
        };
        let engine = Engine::new(config, premises, ports).unwrap();
        Self { engine, log, outside, bus, components }
    }

    pub(crate) async fn try_prepare(
        &self,
        bytes: Bytes,
        instances: InstancePolicy,
        settings: Settings,
    ) -> Result<Preparation, PrepareError> {
        self.components.put(&bytes);
        let request = PrepareRequest {
            revision: "probe@7".parse().unwrap(),
            component: Digest::of(&bytes),
            bytes,
            instances,
            settings,
            secrets: Default::default(),
        };
        tokio::time::timeout(PATIENCE, self.engine.prepare(request)).await.unwrap()
    }

    pub(crate) async fn prepare(&self, name: &str, instances: InstancePolicy, settings: Settings) -> Service {
        let preparation = self.try_prepare(guest(name), instances, settings).await.unwrap();
        Service { prepared: preparation.prepared, source: preparation.source }
    }

    /// A probe with settings that the test does not care about.
    pub(crate) async fn probe(&self, name: &str, instances: InstancePolicy) -> Service {
        self.prepare(name, instances, Settings::default()).await
    }
}

/// A prepared revision.
pub(crate) struct Service {
    pub(crate) prepared: Arc<dyn Prepared>,
    pub(crate) source: CodeSource,
}

pub(crate) static CALLS: AtomicU64 = AtomicU64::new(1);

#[allow(clippy::disallowed_methods, reason = "tests with real guests run in real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// A call, and a flag that tells whether it is still held.
pub(crate) fn call(path: &str, body: Body, timeout: Duration) -> (Call, Arc<AtomicBool>) {
    struct Flag(Arc<AtomicBool>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(false, Ordering::SeqCst);
        }
    }
    let held = Arc::new(AtomicBool::new(true));
    let call = Call {
        context: Box::new(CallContext {
            hops: 3,
            ..CallContext::new(CallId::new(CALLS.fetch_add(1, Ordering::Relaxed)), now() + timeout)
        }),
        request: Box::new(http::Request::builder().uri(path).header("host", "shop.example").body(body).unwrap()),
        hold: Hold::new(Flag(held.clone())),
    };
    (call, held)
}

impl Service {
    pub(crate) async fn serve(&self, call: Call) -> Result<Reply, Fault> {
        tokio::time::timeout(PATIENCE, self.prepared.serve(call)).await.unwrap()
    }

    /// GET, with a deadline that is not expected to pass.
    pub(crate) async fn get(&self, path: &str) -> Result<(u16, String), Fault> {
        let (call, held) = call(path, empty_body(), PATIENCE);
        let (parts, body) = self.serve(call).await?.into_parts();
        let text = text(body).await.unwrap();
        until(|| !held.load(Ordering::SeqCst)).await;
        Ok((parts.status.as_u16(), text))
    }

    /// GET, with a deadline that is.
    pub(crate) async fn get_within(&self, path: &str, timeout: Duration) -> Result<Reply, Fault> {
        self.serve(call(path, empty_body(), timeout).0).await
    }

    /// The answer of `/count`: how many calls its instance has seen.
    pub(crate) async fn count(&self) -> u64 {
        self.get("/count").await.unwrap().1.parse().unwrap()
    }

    pub(crate) fn instances(&self) -> InstanceCount {
        self.prepared.instances()
    }
}

pub(crate) async fn text(body: Body) -> Result<String, BodyError> {
    let bytes = tokio::time::timeout(PATIENCE, body.collect()).await.unwrap()?.to_bytes();
    Ok(String::from_utf8(bytes.to_vec()).unwrap())
}

/// Waits for something that is about to happen.
pub(crate) async fn until(mut met: impl FnMut() -> bool) {
    let begun = now();
    while !met() {
        assert!(begun.elapsed() < PATIENCE, "it did not happen");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

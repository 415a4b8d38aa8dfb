//! Fakes of the ports for tests: stores in memory, and an executor whose instances do what the configuration says.

pub(crate) mod bus;
mod secrets;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use patchbay_model::bus::{Delivery, Verdict};
use patchbay_model::policy::RateVerdicts;
use patchbay_model::ports::*;
use patchbay_model::{
    Body, Call, Digest, DigestWriter, Fault, FaultKind, Principal, RegistryRecord, Reply, ServiceName, Settings,
    TypedCall, full_body,
};

pub(crate) use secrets::FakeSecrets;

use crate::{Control, ControlConfig, DeployRequest, Journal, Ports, Routing};

/// Takes a request of nobody in particular, who is let in, to where its route leads.
pub(crate) async fn call(control: &Control, routing: Routing, request: Request<Body>) -> Result<Reply, Fault> {
    let begun = control.begin(&request, false);
    let (from, address) = ((&begun, Principal::Outside), [127, 0, 0, 1].into());
    let admitted = control.admit(routing, from, request.method(), address, &mut RateVerdicts::default());
    control.call(admitted?, Box::new(request)).await
}

/// A host of fakes.
pub(crate) struct Bench {
    pub(crate) control: Arc<Control>,
    pub(crate) executor: Arc<FakeExecutor>,
    pub(crate) components: Arc<MemoryComponents>,
    pub(crate) registry: Arc<MemoryRegistry>,
    pub(crate) bus: Arc<bus::FakeBus>,
    pub(crate) secrets: Arc<FakeSecrets>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::configured(ControlConfig::default())
    }

    pub(crate) fn configured(config: ControlConfig) -> Self {
        Self::on(Arc::default(), Arc::default(), config)
    }

    /// A host on what another one left behind.
    fn on(components: Arc<MemoryComponents>, registry: Arc<MemoryRegistry>, config: ControlConfig) -> Self {
        let executor = Arc::<FakeExecutor>::default();
        let bus = Arc::<bus::FakeBus>::default();
        let secrets = Arc::<FakeSecrets>::default();
        let ports = Ports {
            executor: Arc::clone(&executor) as _,
            components: Arc::clone(&components) as _,
            registry: Arc::clone(&registry) as _,
            clock: Arc::new(Epoch),
            bus: Arc::new(bus::FakePort(Arc::clone(&bus))),
            secrets: Arc::clone(&secrets) as _,
            spans: Arc::new(NoSpans),
            run: 7,
        };
        Self {
            control: Control::new(config, ports, Arc::new(Journal::new(16))),
            executor,
            components,
            registry,
            bus,
            secrets,
        }
    }

    pub(crate) fn restarted(&self) -> Self {
        Self::on(Arc::clone(&self.components), Arc::clone(&self.registry), ControlConfig::default())
    }
}

/// A clock that stands still.
struct Epoch;

impl Clock for Epoch {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH
    }
}

/// A component that exports handlers of HTTP requests and of messages, different for each `marker`.
pub(crate) fn component(marker: &str) -> Bytes {
    let text = format!(
        r#"(component
            (core module (func (export "{marker}")))
            (component $handler)
            (instance $instance (instantiate $handler))
            (export "wasi:http/incoming-handler@0.2.0" (instance $instance))
            (export "wasi:messaging/incoming-handler@0.2.0-draft" (instance $instance)))"#
    );
    wat::parse_str(text).unwrap().into()
}

pub(crate) fn settings(config: &[(&str, &str)]) -> Settings {
    let config = config.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Settings { config, ..Settings::default() }
}

impl Bench {
    /// A request to deploy a component that is stored already.
    pub(crate) fn request(&self, service: &str, marker: &str, config: &[(&str, &str)]) -> DeployRequest {
        DeployRequest {
            service: service.parse::<ServiceName>().unwrap(),
            component: self.components.put(component(marker)),
            settings: settings(config),
            routes: None,
            anonymous: false,
            origin: patchbay_model::Origin::Api,
            allow_breaking: false,
            replace: false,
        }
    }
}

/// Components in memory.
#[derive(Default)]
pub(crate) struct MemoryComponents(Arc<Mutex<HashMap<Digest, Bytes>>>);

impl MemoryComponents {
    pub(crate) fn put(&self, bytes: Bytes) -> Digest {
        let digest = Digest::of(&bytes);
        self.0.lock().unwrap().insert(digest, bytes);
        digest
    }

    pub(crate) fn holds(&self, digest: &Digest) -> bool {
        self.0.lock().unwrap().contains_key(digest)
    }

    pub(crate) fn lose(&self, digest: &Digest) {
        self.0.lock().unwrap().remove(digest);
    }
}

struct MemoryWriter {
    bytes: Vec<u8>,
    digest: DigestWriter,
    into: Arc<Mutex<HashMap<Digest, Bytes>>>,
}

impl ComponentStore for MemoryComponents {
    fn begin(&self) -> BoxFuture<'_, Result<Box<dyn ComponentWriter>, StorageError>> {
        let writer = MemoryWriter { bytes: Vec::new(), digest: DigestWriter::default(), into: Arc::clone(&self.0) };
        Box::pin(async { Ok(Box::new(writer) as _) })
    }

    fn read<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<Bytes, StorageError>> {
        let found = self.0.lock().unwrap().get(digest).cloned();
        Box::pin(async move { found.ok_or_else(|| StorageError::Missing(digest.to_string())) })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Digest>, StorageError>> {
        Box::pin(async { Ok(self.0.lock().unwrap().keys().copied().collect()) })
    }

    fn remove<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<(), StorageError>> {
        self.lose(digest);
        Box::pin(async { Ok(()) })
    }
}

impl ComponentWriter for MemoryWriter {
    fn write(&mut self, piece: Bytes) -> BoxFuture<'_, Result<(), StorageError>> {
        self.digest.update(&piece);
        self.bytes.extend_from_slice(&piece);
        Box::pin(async { Ok(()) })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<StoredComponent, StorageError>> {
        let stored = StoredComponent { digest: self.digest.finish(), size: self.bytes.len() as u64 };
        self.into.lock().unwrap().insert(stored.digest, self.bytes.into());
        Box::pin(async move { Ok(stored) })
    }
}

/// A registry in memory, whose medium can fail.
#[derive(Default)]
pub(crate) struct MemoryRegistry {
    saved: Mutex<RegistryRecord>,
    pub(crate) fails: AtomicBool,
}

impl MemoryRegistry {
    pub(crate) fn saved(&self) -> RegistryRecord {
        self.saved.lock().unwrap().clone()
    }
}

impl RegistryStore for MemoryRegistry {
    fn load(&self) -> BoxFuture<'_, Result<RegistryRecord, StorageError>> {
        Box::pin(async { Ok(self.saved()) })
    }

    fn save<'a>(&'a self, registry: &'a RegistryRecord) -> BoxFuture<'a, Result<(), StorageError>> {
        Box::pin(async move {
            if self.fails.load(Ordering::Relaxed) {
                return Err(StorageError::Medium { what: "registry.json".into(), problem: "disk full".into() });
            }
            *self.saved.lock().unwrap() = registry.clone();
            Ok(())
        })
    }
}

/// An executor that compiles nothing. The configuration of a revision says what goes wrong with it.
#[derive(Default)]
pub(crate) struct FakeExecutor {
    components: Arc<AtomicU64>,
    pub(crate) n_prepared: AtomicU64,
    /// The messages that instances of all revisions were handed, with their attempts.
    pub(crate) deliveries: Arc<Mutex<Vec<String>>>,
    /// The requests that came to instances of revisions whose configuration has `notes`.
    pub(crate) requests: Arc<Mutex<Vec<String>>>,
}

/// What an instance takes of memory, in bytes.
pub(crate) const FAKE_MEMORY: u64 = 1 << 16;

/// A revision whose instances answer with their `version` and `status`, after `delay` seconds.
struct FakePrepared {
    settings: Settings,
    secrets: BTreeMap<String, Arc<dyn OpenSecret>>,
    warm: AtomicBool,
    components: Arc<AtomicU64>,
    deliveries: Arc<Mutex<Vec<String>>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Drop for FakePrepared {
    fn drop(&mut self) {
        self.components.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Executor for FakeExecutor {
    fn prepare(&self, request: PrepareRequest) -> BoxFuture<'_, Result<Preparation, PrepareError>> {
        Box::pin(async move {
            self.n_prepared.fetch_add(1, Ordering::Relaxed);
            if request.settings.config.get("fails").is_some_and(|at| at == "compile") {
                return Err(PrepareError::Incompatible("it imports `acme:weather/forecast`".to_owned()));
            }
            self.components.fetch_add(1, Ordering::Relaxed);
            let prepared = FakePrepared {
                settings: request.settings,
                secrets: request.secrets,
                warm: AtomicBool::new(false),
                components: Arc::clone(&self.components),
                deliveries: Arc::clone(&self.deliveries),
                requests: Arc::clone(&self.requests),
            };
            Ok(Preparation { prepared: Arc::new(prepared), source: CodeSource::Compiled, elapsed: Duration::ZERO })
        })
    }

    fn usage(&self) -> Usage {
        Usage { components: self.components.load(Ordering::Relaxed), ..Usage::default() }
    }
}

impl FakePrepared {
    /// Notes a request with its body, and whether it is marked as mirrored.
    async fn note(&self, name: &str, request: http::Request<Body>) {
        let marked = request.headers().get("patchbay-mirror").map_or("", |_| " mirrored");
        let line = format!("{name}: {} {}{marked}", request.method(), request.uri());
        let body = request.into_body().collect().await.unwrap().to_bytes();
        self.requests.lock().unwrap().push(format!("{line} {}", String::from_utf8_lossy(&body)));
    }

    fn says(&self, key: &str) -> Option<&str> {
        self.settings.config.get(key).map(String::as_str)
    }
}

impl Prepared for FakePrepared {
    fn serve(&self, call: Call) -> BoxFuture<'_, Result<Reply, Fault>> {
        Box::pin(async move {
            let _hold = call.hold;
            if let Some(name) = self.says("notes") {
                self.note(name, *call.request).await;
                return Ok(Reply::new(full_body(self.says("version").unwrap_or_default().to_owned())));
            }
            if let Some(seconds) = self.says("delay") {
                tokio::time::sleep(Duration::from_secs_f64(seconds.parse().unwrap())).await;
            }
            if self.says("fails") == Some("unbegun") {
                return Err(Fault::new(FaultKind::Unavailable, "no instance").unprocessed());
            }
            if self.says("fails") == Some("call") && !call.request.uri().path().ends_with("/well") {
                return Err(Fault::new(FaultKind::Trapped, "the instance broke off"));
            }
            let status =
                if self.says("fails") == Some("health") { "500" } else { self.says("status").unwrap_or("200") };
            let secret = self.says("tells").and_then(|name| self.secrets.get(name));
            let version = match secret {
                Some(secret) => secret.value().expose().to_owned(),
                None => self.says("version").unwrap_or_default().to_owned(),
            };
            Ok(http::Response::builder().status(status).body(full_body(version)).unwrap().into())
        })
    }

    /// Its functions answer with their arguments, the other way round.
    fn invoke<'a>(&'a self, call: TypedCall<'a>) -> BoxFuture<'a, Result<Bytes, Fault>> {
        Box::pin(async move { Ok(call.arguments.iter().rev().copied().collect()) })
    }

    /// Messages say what is to become of them, unless the configuration does: `fails`, `retry`, `reject`, `sleep`.
    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Result<Verdict, Fault>> {
        Box::pin(async move {
            let _hold = delivery.hold;
            let data = String::from_utf8(delivery.message.data.to_vec()).unwrap();
            let says = self.says("version").unwrap_or_default();
            let of = delivery.context.user.as_ref().map_or_else(String::new, |user| format!(" for {user}"));
            let told = format!("{data}@{}{of} {says}", delivery.context.attempt);
            self.deliveries.lock().unwrap().push(told.trim().to_owned());
            match self.says("handles").unwrap_or(&data) {
                text if text.starts_with("retry") => Ok(Verdict::Retry { after: None, reason: Some(text.to_owned()) }),
                text if text.starts_with("reject") => Ok(Verdict::Reject { reason: text.to_owned() }),
                text if text.starts_with("fail") => Err(Fault::new(FaultKind::Trapped, "the instance broke off")),
                text => {
                    if let Some(seconds) = text.strip_prefix("sleep ") {
                        tokio::time::sleep(Duration::from_secs(seconds.parse().unwrap())).await;
                    }
                    Ok(Verdict::Acknowledge)
                }
            }
        })
    }

    fn warm(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async {
            if self.says("fails") == Some("warm") {
                return Err(Fault::new(FaultKind::Trapped, "the instance broke off"));
            }
            self.warm.store(true, Ordering::Relaxed);
            Ok(())
        })
    }

    fn cool(&self) {
        self.warm.store(false, Ordering::Relaxed);
    }

    fn instances(&self) -> InstanceCount {
        let live = u64::from(self.warm.load(Ordering::Relaxed));
        InstanceCount { live, idle: live, memory_bytes: live * FAKE_MEMORY }
    }
}

//! A host on fakes of the ports, with both listeners on ports of their own.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use patchbay_control::{Control, ControlConfig, DeclaredRoute, DeclaredService, DeployRequest, Journal, Places, Ports};
use patchbay_model::bus::{TopicSettings, Topics};
use patchbay_model::metrics::Metrics;
use patchbay_model::ports::{
    BoxFuture, Clock, CodeSource, ComponentStore, ComponentWriter, Executor, InstanceCount, NoSecrets, NoSpans,
    Preparation, PrepareError, PrepareRequest, Prepared, RegistryStore, StorageError, StoredComponent, Usage,
};
use patchbay_model::{Call, Digest, Fault, LogRecord, Origin, RegistryRecord, Reply, Settings, full_body};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::bus::{MemoryBus, Shared};
use crate::admin::AdminState;
use crate::{
    AdminApi, AdminConfig, AdminToken, Administered, HostFacts, HttpConfig, HttpGateway, HttpTuner, NotReloaded,
    NotReloadedKind, Readiness, Reload, Reloaded,
};

/// What an instance does with a call.
pub(crate) type Script = Arc<dyn Fn(Call) -> BoxFuture<'static, Result<Reply, Fault>> + Send + Sync>;

/// Makes a script of a function.
pub(super) fn script<F>(serve: impl Fn(Call) -> F + Send + Sync + 'static) -> Script
where
    F: Future<Output = Result<Reply, Fault>> + Send + 'static,
{
    Arc::new(move |call| Box::pin(serve(call)))
}

/// A script that answers every call with `text`.
pub(crate) fn says(text: &'static str) -> Script {
    script(move |_| std::future::ready(Ok(Reply::new(full_body(text)))))
}

struct Instances(Script);

impl Prepared for Instances {
    fn serve(&self, call: Call) -> BoxFuture<'_, Result<Reply, Fault>> {
        (self.0)(call)
    }

    fn warm(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn cool(&self) {}

    fn instances(&self) -> InstanceCount {
        InstanceCount { live: 2, idle: 1, memory_bytes: 3 << 20 }
    }
}

struct Runs(Script);

impl Executor for Runs {
    fn prepare(&self, _: PrepareRequest) -> BoxFuture<'_, Result<Preparation, PrepareError>> {
        let prepared = Arc::new(Instances(Arc::clone(&self.0)));
        let preparation = Preparation { prepared, source: CodeSource::Compiled, elapsed: Duration::ZERO };
        Box::pin(std::future::ready(Ok(preparation)))
    }

    fn usage(&self) -> Usage {
        Usage { instances: 2, memory_bytes: 3 << 20, components: 1, code_bytes: 4096, stuck_threads: 0 }
    }
}

/// Components in memory, and how many uploads are under way.
#[derive(Clone, Default)]
pub(super) struct Components {
    stored: Arc<Mutex<HashMap<Digest, Bytes>>>,
    n_writers: Arc<AtomicUsize>,
}

impl Components {
    pub(super) fn n_stored(&self) -> usize {
        self.stored.lock().unwrap().len()
    }

    /// Uploads that are neither finished nor dropped.
    pub(super) fn n_writers(&self) -> usize {
        self.n_writers.load(Ordering::SeqCst)
    }

    pub(super) fn put(&self, bytes: Bytes) -> StoredComponent {
        let stored = StoredComponent { digest: Digest::of(&bytes), size: bytes.len() as u64 };
        self.stored.lock().unwrap().insert(stored.digest, bytes);
        stored
    }
}

struct Writing {
    bytes: BytesMut,
    store: Components,
}

impl Drop for Writing {
    fn drop(&mut self) {
        self.store.n_writers.fetch_sub(1, Ordering::SeqCst);
    }
}

impl ComponentWriter for Writing {
    fn write(&mut self, piece: Bytes) -> BoxFuture<'_, Result<(), StorageError>> {
        self.bytes.extend_from_slice(&piece);
        Box::pin(std::future::ready(Ok(())))
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<StoredComponent, StorageError>> {
        let stored = self.store.put(self.bytes.clone().freeze());
        Box::pin(std::future::ready(Ok(stored)))
    }
}

impl ComponentStore for Components {
    fn begin(&self) -> BoxFuture<'_, Result<Box<dyn ComponentWriter>, StorageError>> {
        self.n_writers.fetch_add(1, Ordering::SeqCst);
        let writing = Writing { bytes: BytesMut::new(), store: self.clone() };
        Box::pin(std::future::ready(Ok(Box::new(writing) as Box<dyn ComponentWriter>)))
    }

    fn read<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<Bytes, StorageError>> {
        let found = self.stored.lock().unwrap().get(digest).cloned();
        Box::pin(std::future::ready(found.ok_or_else(|| StorageError::Missing(digest.to_string()))))
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Digest>, StorageError>> {
        let digests = self.stored.lock().unwrap().keys().copied().collect();
        Box::pin(std::future::ready(Ok(digests)))
    }

    fn remove<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<(), StorageError>> {
        self.stored.lock().unwrap().remove(digest);
        Box::pin(std::future::ready(Ok(())))
    }
}

#[derive(Default)]
struct Registry;

impl RegistryStore for Registry {
    fn load(&self) -> BoxFuture<'_, Result<RegistryRecord, StorageError>> {
        Box::pin(std::future::ready(Ok(RegistryRecord::default())))
    }

    fn save<'a>(&'a self, _: &'a RegistryRecord) -> BoxFuture<'a, Result<(), StorageError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

struct Midnight;

impl Clock for Midnight {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH
    }
}

/// The smallest component there is, told from others by a name in a custom section.
pub(super) fn component(name: &str) -> Bytes {
    let length = u8::try_from(name.len()).unwrap();
    let section = [&[0, length + 1, length][..], name.as_bytes()].concat();
    [b"\0asm\x0d\0\x01\0", section.as_slice()].concat().into()
}

/// A listener that serves until it is told to stop.
pub(super) struct Listening {
    pub(super) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
    /// Changes the limits of the listener for callers.
    pub(super) tuner: Option<HttpTuner>,
}

impl Listening {
    /// Tells it to stop, and does not wait.
    pub(super) fn stop(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until it has stopped.
    pub(super) async fn stopped(&mut self) {
        self.stop();
        (&mut self.task).await.unwrap();
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

/// A control, and what it stands on.
pub(crate) struct Host {
    pub(super) control: Arc<Control>,
    pub(super) components: Components,
    pub(super) bus: Arc<MemoryBus>,
    pub(super) logs: Arc<Journal<LogRecord>>,
    pub(super) readiness: Readiness,
}

/// A file of which one key is told, and which is taken unless it is only tried.
pub(super) struct Configured;

impl Reload for Configured {
    fn reload(&self, trial: bool) -> BoxFuture<'_, Result<Reloaded, NotReloaded>> {
        let refusal = NotReloaded { kind: NotReloadedKind::Refused, message: "runtime.toml:1:1: no".to_owned() };
        let needs_restart = self.needs_restart();
        let taken = Reloaded { applied: false, needs_restart, ..Reloaded::default() };
        Box::pin(std::future::ready(if trial { Ok(taken) } else { Err(refusal) }))
    }

    fn config(&self) -> BTreeMap<String, String> {
        BTreeMap::from([("control.retained".to_owned(), "3".to_owned())])
    }

    fn needs_restart(&self) -> Vec<String> {
        vec!["http.listen".to_owned()]
    }
}

fn facts(admin: SocketAddr) -> HostFacts {
    HostFacts {
        version: "0.1.0".to_owned(),
        started: UNIX_EPOCH,
        http: ([127, 0, 0, 1], 8080).into(),
        http_url: "http://127.0.0.1:8080".to_owned(),
        admin,
        admin_url: format!("http://{admin}"),
        state_dir: PathBuf::from("/var/lib/patchbay"),
    }
}

/// What the handlers of the admin API work with, for a test of the router alone.
pub(crate) fn admin_state(host: &Host) -> AdminState {
    let config = AdminConfig::default();
    let facts = facts(config.listen);
    AdminState::new(config, host.administered(facts))
}

/// Opens the admin API of [`Host::admin`].
pub(super) const TOKEN: &str = "0123456789abcdef0123456789abcdef";

impl Host {
    /// A host whose instances all follow `script`, without a service.
    pub(crate) async fn empty(script: Script) -> Self {
        Self::configured(script, ControlConfig::default(), Vec::new()).await
    }

    /// A host whose service `orders` is declared with these routes, and that has means to know who comes in.
    pub(super) async fn guarded(script: Script, routes: Vec<DeclaredRoute>, strict: bool) -> Self {
        let config = ControlConfig { open: false, strict, ..ControlConfig::default() };
        Self::configured(script, config, routes).await
    }

    pub(super) async fn configured(script: Script, config: ControlConfig, routes: Vec<DeclaredRoute>) -> Self {
        // The clients of the tests ask for it even where they speak no TLS; only the first one counts.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let components = Components::default();
        let declared = BTreeMap::from([("shop.>".parse().unwrap(), TopicSettings::default())]);
        let topics = Topics::new(declared).unwrap();
        let bus = MemoryBus::new(topics.clone());
        let ports = Ports {
            executor: Arc::new(Runs(script)),
            components: Arc::new(components.clone()),
            registry: Arc::new(Registry),
            clock: Arc::new(Midnight),
            bus: Arc::new(Shared(Arc::clone(&bus))),
            secrets: Arc::new(NoSecrets),
            spans: Arc::new(NoSpans),
            run: 7,
        };
        let logs = Arc::new(Journal::new(4));
        let control = Control::new(ControlConfig { topics, ..config }, ports, Arc::clone(&logs));
        let declared = (!routes.is_empty()).then(|| DeclaredService {
            name: "orders".parse().unwrap(),
            component: components.put(component("orders")),
            settings: Settings::default(),
            routes,
            places: Places::default(),
        });
        control.start(declared.into_iter().collect(), |_, _| {}).await.unwrap();
        Self { control, components, bus, logs, readiness: Readiness::default() }
    }

    /// A host with the service `orders` at `routes`.
    pub(super) async fn serving(script: Script, routes: &[&str]) -> Self {
        Self::with_settings(script, routes, Settings::default()).await
    }

    pub(super) async fn with_settings(script: Script, routes: &[&str], settings: Settings) -> Self {
        let host = Self::empty(script).await;
        let request = DeployRequest {
            service: "orders".parse().unwrap(),
            component: host.components.put(component("orders")).digest,
            settings,
            routes: Some(routes.iter().map(|route| route.parse().unwrap()).collect()),
            anonymous: false,
            origin: Origin::Api,
            allow_breaking: false,
            replace: false,
        };
        host.control.deploy(request).finished().await.unwrap();
        host
    }

    /// What is counted of control.
    fn metrics(&self) -> Arc<Metrics> {
        Arc::new(Metrics::new(vec![Arc::clone(&self.control) as _]))
    }

    pub(super) async fn http(&self) -> Listening {
        self.http_with(HttpConfig::default()).await
    }

    pub(super) async fn http_with(&self, config: HttpConfig) -> Listening {
        let gateway = HttpGateway::bind(HttpConfig { listen: ([127, 0, 0, 1], 0).into(), ..config }).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let (address, tuner) = (gateway.address(), gateway.tuner());
        let served = gateway.serve(Arc::clone(&self.control), async {
            let _ = stopped.await;
        });
        Listening { address, stop: Some(stop), task: tokio::spawn(served), tuner: Some(tuner) }
    }

    /// The host, as the admin API is told of it.
    fn administered(&self, facts: HostFacts) -> Administered {
        Administered {
            control: Arc::clone(&self.control),
            token: AdminToken::new(TOKEN).unwrap(),
            readiness: self.readiness.clone(),
            facts,
            reload: Arc::new(Configured),
            metrics: self.metrics(),
        }
    }

    pub(super) async fn admin_with(&self, config: AdminConfig) -> Listening {
        let api = AdminApi::bind(AdminConfig { listen: ([127, 0, 0, 1], 0).into(), ..config }).await.unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let address = api.address();
        let facts = facts(address);
        let served = api.serve(self.administered(facts), async {
            let _ = stopped.await;
        });
        Listening { address, stop: Some(stop), task: tokio::spawn(served), tuner: None }
    }
}

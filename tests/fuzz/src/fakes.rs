//! A host of fakes: everything is in memory, nothing is compiled, and every instance answers 200.

mod bus;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use patchbay_control::{Control, ControlConfig, Journal, Ports};
use patchbay_gateway::{AdminConfig, AdminToken, Administered, DirectAdmin, HostFacts, NoReload, Readiness};
use patchbay_model::metrics::Metrics;
use patchbay_model::ports::{
    BoxFuture, Clock, CodeSource, ComponentStore, ComponentWriter, Executor, InstanceCount, NoSecrets, NoSpans,
    Preparation, PrepareError, PrepareRequest, Prepared, RegistryStore, StorageError, StoredComponent, Usage,
};
use patchbay_model::{Call, Digest, Fault, RegistryRecord, Reply, empty_body};

/// The admin API of a host in which `component` is stored and nothing runs.
pub(crate) async fn admin(component: &'static [u8]) -> DirectAdmin {
    let components = Components::default();
    components.put(Bytes::from_static(component));
    let ports = Ports {
        executor: Arc::new(Answers),
        components: Arc::new(components),
        registry: Arc::<Registry>::default(),
        clock: Arc::new(Midnight),
        bus: Arc::new(bus::Void),
        secrets: Arc::new(NoSecrets),
        spans: Arc::new(NoSpans),
        run: 1,
    };
    let control = Control::new(ControlConfig::default(), ports, Arc::new(Journal::new(4)));
    control.start(Vec::new(), |_, _| {}).await.expect("nothing can fail");
    let config = AdminConfig { max_upload: 1 << 20, ..AdminConfig::default() };
    let facts = HostFacts {
        version: "0".to_owned(),
        started: UNIX_EPOCH,
        http: config.listen,
        http_url: format!("http://{}", config.listen),
        admin: config.listen,
        admin_url: format!("http://{}", config.listen),
        state_dir: "/state".into(),
    };
    let token = AdminToken::new("0123456789abcdef").expect("this is a token");
    let metrics = Arc::new(Metrics::new(vec![Arc::clone(&control) as _]));
    let (readiness, reload) = (Readiness::default(), Arc::new(NoReload));
    DirectAdmin::new(config, Administered { control, token, readiness, facts, reload, metrics })
}

struct Answers;

impl Executor for Answers {
    fn prepare(&self, _: PrepareRequest) -> BoxFuture<'_, Result<Preparation, PrepareError>> {
        let preparation =
            Preparation { prepared: Arc::new(Answers), source: CodeSource::Compiled, elapsed: Duration::ZERO };
        Box::pin(async { Ok(preparation) })
    }

    fn usage(&self) -> Usage {
        Usage::default()
    }
}

impl Prepared for Answers {
    fn serve(&self, _: Call) -> BoxFuture<'_, Result<Reply, Fault>> {
        Box::pin(async { Ok(Reply::new(empty_body())) })
    }

    fn warm(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async { Ok(()) })
    }

    fn cool(&self) {}

    fn instances(&self) -> InstanceCount {
        InstanceCount::default()
    }
}

struct Midnight;

impl Clock for Midnight {
    fn now(&self) -> SystemTime {
        UNIX_EPOCH
    }
}

/// The registry in memory; what is saved survives being written and read.
#[derive(Default)]
struct Registry(Mutex<Option<Vec<u8>>>);

impl RegistryStore for Registry {
    fn load(&self) -> BoxFuture<'_, Result<RegistryRecord, StorageError>> {
        let saved = self.0.lock().expect("nobody panics").clone();
        let record = saved.map(|text| serde_json::from_slice(&text).expect("what was written is read back"));
        Box::pin(async { Ok(record.unwrap_or_default()) })
    }

    fn save<'a>(&'a self, registry: &'a RegistryRecord) -> BoxFuture<'a, Result<(), StorageError>> {
        let text = serde_json::to_vec(registry).expect("a registry can be written");
        let read: RegistryRecord = serde_json::from_slice(&text).expect("what was written is read back");
        assert!(read == *registry, "what was read back differs");
        *self.0.lock().expect("nobody panics") = Some(text);
        Box::pin(async { Ok(()) })
    }
}

/// Components in memory.
#[derive(Clone, Default)]
struct Components(Arc<Mutex<HashMap<Digest, Bytes>>>);

impl Components {
    fn put(&self, bytes: Bytes) -> StoredComponent {
        let stored = StoredComponent { digest: Digest::of(&bytes), size: bytes.len() as u64 };
        self.0.lock().expect("nobody panics").insert(stored.digest, bytes);
        stored
    }
}

impl ComponentStore for Components {
    fn begin(&self) -> BoxFuture<'_, Result<Box<dyn ComponentWriter>, StorageError>> {
        let writer = Writer { bytes: BytesMut::new(), into: self.clone() };
        Box::pin(async { Ok(Box::new(writer) as Box<dyn ComponentWriter>) })
    }

    fn read<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<Bytes, StorageError>> {
        let found = self.0.lock().expect("nobody panics").get(digest).cloned();
        Box::pin(async move { found.ok_or_else(|| StorageError::Missing(digest.to_string())) })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Digest>, StorageError>> {
        let digests = self.0.lock().expect("nobody panics").keys().copied().collect();
        Box::pin(async { Ok(digests) })
    }

    fn remove<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<(), StorageError>> {
        self.0.lock().expect("nobody panics").remove(digest);
        Box::pin(async { Ok(()) })
    }
}

struct Writer {
    bytes: BytesMut,
    into: Components,
}

impl ComponentWriter for Writer {
    fn write(&mut self, piece: Bytes) -> BoxFuture<'_, Result<(), StorageError>> {
        self.bytes.extend_from_slice(&piece);
        Box::pin(async { Ok(()) })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<StoredComponent, StorageError>> {
        let stored = self.into.put(self.bytes.freeze());
        Box::pin(async move { Ok(stored) })
    }
}

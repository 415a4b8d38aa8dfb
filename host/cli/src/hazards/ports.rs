//! Ports that meet a hazard before and after each call. All that control does to the world goes through a port, so these
//! are the places between the steps of a change.

use std::sync::Arc;

use bytes::Bytes;
use patchbay_control::Ports;
use patchbay_model::bus::{Delivery, Verdict};
use patchbay_model::ports::{
    BoxFuture, ComponentStore, ComponentWriter, Executor, InstanceCount, Preparation, PrepareError, PrepareRequest,
    Prepared, RegistryStore, StorageError, Usage,
};
use patchbay_model::{Act, Call, Digest, Fault, Hazard, RegistryRecord, Reply, TypedCall};

/// The ports with `hazard` between them and control, if this is a host for tests.
pub(crate) fn around(ports: Ports, hazard: &Arc<dyn Hazard>) -> Ports {
    if !cfg!(debug_assertions) {
        return ports;
    }
    let Ports { executor, components, registry, clock, bus, secrets, spans, run } = ports;
    Ports {
        executor: Arc::new(Amid { port: executor, hazard: Arc::clone(hazard) }),
        components: Arc::new(Amid { port: components, hazard: Arc::clone(hazard) }),
        registry: Arc::new(Amid { port: registry, hazard: Arc::clone(hazard) }),
        clock,
        bus,
        secrets,
        spans,
        run,
    }
}

/// A port amid hazards.
struct Amid<P: ?Sized> {
    hazard: Arc<dyn Hazard>,
    port: Arc<P>,
}

impl<P: ?Sized> Amid<P> {
    /// Does `work`, which is the call that `name` names. What the hazard says is of no account: ports fail by their own
    /// errors, which come from the disk.
    async fn past<T>(&self, name: &'static str, work: impl Future<Output = T>) -> T {
        let _ = self.hazard.meet(Act::Call(name));
        let made = work.await;
        let _ = self.hazard.meet(Act::Return(name));
        made
    }
}

impl RegistryStore for Amid<dyn RegistryStore> {
    fn load(&self) -> BoxFuture<'_, Result<RegistryRecord, StorageError>> {
        Box::pin(self.past("registry.load", self.port.load()))
    }

    fn save<'a>(&'a self, registry: &'a RegistryRecord) -> BoxFuture<'a, Result<(), StorageError>> {
        Box::pin(self.past("registry.save", self.port.save(registry)))
    }
}

impl ComponentStore for Amid<dyn ComponentStore> {
    fn begin(&self) -> BoxFuture<'_, Result<Box<dyn ComponentWriter>, StorageError>> {
        Box::pin(self.past("components.begin", self.port.begin()))
    }

    fn read<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<Bytes, StorageError>> {
        Box::pin(self.past("components.read", self.port.read(digest)))
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Digest>, StorageError>> {
        Box::pin(self.past("components.list", self.port.list()))
    }

    fn remove<'a>(&'a self, digest: &'a Digest) -> BoxFuture<'a, Result<(), StorageError>> {
        Box::pin(self.past("components.remove", self.port.remove(digest)))
    }
}

impl Executor for Amid<dyn Executor> {
    fn prepare(&self, request: PrepareRequest) -> BoxFuture<'_, Result<Preparation, PrepareError>> {
        Box::pin(async move {
            let mut preparation = self.past("executor.prepare", self.port.prepare(request)).await?;
            let (port, hazard) = (preparation.prepared, Arc::clone(&self.hazard));
            preparation.prepared = Arc::new(Amid { port, hazard });
            Ok(preparation)
        })
    }

    fn usage(&self) -> Usage {
        self.port.usage()
    }
}

impl Prepared for Amid<dyn Prepared> {
    fn serve(&self, call: Call) -> BoxFuture<'_, Result<Reply, Fault>> {
        self.port.serve(call)
    }

    fn invoke<'a>(&'a self, call: TypedCall<'a>) -> BoxFuture<'a, Result<Bytes, Fault>> {
        self.port.invoke(call)
    }

    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Result<Verdict, Fault>> {
        self.port.deliver(delivery)
    }

    fn warm(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(self.past("prepared.warm", self.port.warm()))
    }

    fn cool(&self) {
        let _ = self.hazard.meet(Act::Call("prepared.cool"));
        self.port.cool();
        let _ = self.hazard.meet(Act::Return("prepared.cool"));
    }

    fn instances(&self) -> InstanceCount {
        self.port.instances()
    }
}

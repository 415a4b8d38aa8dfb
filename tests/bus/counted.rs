//! An executor that counts what was delivered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use patchbay_model::bus::{Delivery, Verdict};
use patchbay_model::ports::{
    BoxFuture, Executor, InstanceCount, Preparation, PrepareError, PrepareRequest, Prepared, Usage,
};
use patchbay_model::{Call, Fault, Reply, TypedCall};

/// Messages that were delivered.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// An executor that counts.
pub(crate) struct Counted {
    pub(crate) executor: Arc<dyn Executor>,
    pub(crate) count: Arc<Count>,
}

impl Executor for Counted {
    fn prepare(&self, request: PrepareRequest) -> BoxFuture<'_, Result<Preparation, PrepareError>> {
        Box::pin(async move {
            let preparation = self.executor.prepare(request).await?;
            let prepared = Arc::new(Counting { prepared: preparation.prepared, count: Arc::clone(&self.count) });
            Ok(Preparation { prepared, ..preparation })
        })
    }

    fn usage(&self) -> Usage {
        self.executor.usage()
    }
}

struct Counting {
    prepared: Arc<dyn Prepared>,
    count: Arc<Count>,
}

impl Prepared for Counting {
    fn serve(&self, call: Call) -> BoxFuture<'_, Result<Reply, Fault>> {
        self.prepared.serve(call)
    }

    fn invoke<'a>(&'a self, call: TypedCall<'a>) -> BoxFuture<'a, Result<Bytes, Fault>> {
        self.prepared.invoke(call)
    }

    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Result<Verdict, Fault>> {
        Box::pin(async move {
            let verdict = self.prepared.deliver(delivery).await;
            self.count.0.fetch_add(1, Ordering::Relaxed);
            verdict
        })
    }

    fn warm(&self) -> BoxFuture<'_, Result<(), Fault>> {
        self.prepared.warm()
    }

    fn cool(&self) {
        self.prepared.cool();
    }

    fn instances(&self) -> InstanceCount {
        self.prepared.instances()
    }
}

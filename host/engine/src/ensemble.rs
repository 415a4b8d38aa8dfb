//! Components whose instances may work on several calls at a time: those that handle requests with WASI 0.3
//! (`wasi:http/handler`), and those that handle none and use what needs concurrency, such as an `async func`.
//!
//! Every instance has a worker, which runs the instance's event loop and takes calls from an inbox, HTTP and typed ones
//! alike. So one instance can serve many calls. What is true of one instance is true of all its calls: a trap ends them
//! all, and CPU time is counted for all of them together.
//!
//! The host cannot stop one of several calls of an instance. When a caller goes away or its deadline passes, the
//! instance takes no further calls, serves the others to their end, and is then dropped, unless the forsaken call has
//! come to its end by itself before. What a forsaken call has asked of other services ends at once.

mod attend;
mod desk;
mod http;
mod life;
mod message;
mod pool;
mod serving;
mod typed;
mod worker;

use std::sync::Arc;

use bytes::Bytes;
use patchbay_model::bus::{Delivery, Verdict};
use patchbay_model::ports::{BoxFuture, InstanceCount, Prepared};
use patchbay_model::{Call, Fault, FaultKind, InstancePolicy, Reply, TypedCall};
use tokio::sync::oneshot;

use crate::on_demand::OnDemand;
use crate::revision::Revision;
use pool::Pool;

/// One prepared revision of such a component.
pub(crate) struct Ensemble {
    pool: Arc<Pool>,
}

impl Ensemble {
    pub(crate) fn new(revision: Arc<Revision>, code: Arc<OnDemand>) -> Self {
        Self { pool: Arc::new(Pool::new(revision, code)) }
    }
}

impl Drop for Ensemble {
    fn drop(&mut self) {
        self.pool.cool();
    }
}

impl Prepared for Ensemble {
    fn serve(&self, call: Call) -> BoxFuture<'_, Result<Reply, Fault>> {
        Box::pin(http::serve(&self.pool, call))
    }

    fn invoke<'a>(&'a self, call: TypedCall<'a>) -> BoxFuture<'a, Result<Bytes, Fault>> {
        Box::pin(typed::invoke(&self.pool, call))
    }

    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Result<Verdict, Fault>> {
        Box::pin(message::deliver(&self.pool, delivery))
    }

    fn warm(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async {
            self.pool.warm();
            if self.pool.revision.policy == InstancePolicy::Fresh {
                let deadline = self.pool.revision.start_deadline();
                return worker::start(&self.pool, deadline).await.map(drop);
            }
            let (started, outcome) = oneshot::channel();
            self.pool.hire(started);
            outcome.await.unwrap_or_else(|_| Err(vanished()))
        })
    }

    fn cool(&self) {
        self.pool.cool();
    }

    fn instances(&self) -> InstanceCount {
        self.pool.revision.instances.read()
    }
}

/// The task of an instance is gone without a word: the runtime is shutting down.
fn vanished() -> Fault {
    Fault::new(FaultKind::Internal, "The host failed.").with_details("the task of the instance was stopped")
}

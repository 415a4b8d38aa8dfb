//! HTTP calls of components that handle them with WASI 0.3 (`wasi:http/handler`).
//!
//! Every instance has a worker, which runs the instance's event loop and takes calls from an inbox. So one instance can
//! serve many calls. What is true of one instance is true of all its calls: a trap ends them all, and CPU
//! time is counted for all of them together.
//!
//! The host cannot stop one of several calls of an instance. When a caller goes away or its deadline passes, the
//! instance takes no further calls, serves the others to their end, and is then dropped, unless the forsaken call has
//! come to its end by itself before.

mod attend;
mod desk;
mod life;
mod pool;
mod serving;
mod worker;

use std::sync::Arc;

use patchbay_model::ports::{BoxFuture, InstanceCount, Prepared};
use patchbay_model::{Call, Fault, FaultKind, InstancePolicy, Reply};
use tokio::sync::oneshot;

use crate::code::Code;
use crate::revision::Revision;
use crate::{body, reply};
use pool::Pool;
use serving::{Job, Presence, Serving};

/// One prepared revision of a component that handles requests with WASI 0.3.
pub(crate) struct Handler03 {
    pool: Arc<Pool>,
}

impl Handler03 {
    pub(crate) fn new(revision: Arc<Revision>, code: Arc<Code>) -> Self {
        Self { pool: Arc::new(Pool::new(revision, code)) }
    }
}

impl Drop for Handler03 {
    fn drop(&mut self) {
        self.pool.cool();
    }
}

impl Prepared for Handler03 {
    fn serve(&self, call: Call) -> BoxFuture<'_, Result<Reply, Fault>> {
        Box::pin(serve(&self.pool, call))
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

async fn serve(pool: &Arc<Pool>, call: Call) -> Result<Reply, Fault> {
    let Call { id, deadline, hops, request, hold, .. } = call;
    let request = body::request_03(request)?;
    let bodyless = request.method() == http::Method::HEAD;
    let (answer, answered) = oneshot::channel();
    let serving = Arc::new(Serving::new(id, deadline, hops, answer, hold.clone()));
    // Tells the worker when this future is dropped.
    let presence = Presence::new(serving.clone());
    pool.dispatch(Job { serving, request });
    let response = answered.await.unwrap_or_else(|_| Err(vanished()))?;
    Ok(if presence.is_settled() {
        reply::settled(response, bodyless, presence, hold)
    } else {
        reply::reply(response, bodyless, presence, hold)
    })
}

/// The task of an instance is gone without a word: the runtime is shutting down.
fn vanished() -> Fault {
    Fault::new(FaultKind::Internal, "The host failed.").with_details("the task of the instance was stopped")
}

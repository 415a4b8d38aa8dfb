//! Components whose instances work on one call at a time: those that handle requests with WASI 0.2
//! (`wasi:http/incoming-handler`), and those that only export functions and use nothing that needs concurrency.
//!
//! The guest's work on a call is one future, which is polled by the caller's task. A typed call is over with it. An HTTP
//! call goes on in a task of its own if the head of the reply is there and the guest still has work to do, such as
//! writing the rest of the body; most guests are done with everything by then.

mod guest;
mod http;
mod message;
mod pool;
mod typed;

use std::sync::Arc;

use bytes::Bytes;
use patchbay_model::bus::{Delivery, Verdict};
use patchbay_model::ports::{BoxFuture, InstanceCount, Prepared};
use patchbay_model::{Call, Fault, InstancePolicy, Reply, TypedCall};
use patchbay_striped::Spread;
use tokio::task::AbortHandle;

use crate::on_demand::OnDemand;
use crate::revision::Revision;
use crate::turnstile::{Claim, Turnstile};
use guest::Guest;
use pool::Pool;

/// One prepared revision of such a component.
pub(crate) struct Solo {
    shared: Spread<Shared>,
    sweeper: Option<AbortHandle>,
}

/// What the calls of a revision share.
struct Shared {
    revision: Spread<Revision>,
    turnstile: Arc<Turnstile>,
    code: Arc<OnDemand>,
    pool: Pool,
}

/// Ticks of one call after which the next one of its service has its turn. Most calls that compute are over within them: taking
/// turns at every tick, as many as there are callers would be under way at a time, each with memory that is in no cache.
const TURN: u32 = 4;

impl Shared {
    /// The claim of a call on the places of its service.
    fn claim(&self) -> Claim<'_> {
        self.turnstile.claim().lasting(TURN)
    }
}

impl Solo {
    pub(crate) fn new(revision: Arc<Revision>, code: Arc<OnDemand>) -> Self {
        let keeps = revision.policy != InstancePolicy::Fresh;
        let (pool, turnstile) = (Pool::new(&revision), revision.turnstile());
        let shared = Arc::new(Shared { pool, turnstile, revision: Spread::new(revision), code });
        // Only while there is someone to hold the handle; the task itself holds nothing alive.
        let sweeper = keeps.then(|| tokio::spawn(pool::sweep(Arc::downgrade(&shared))).abort_handle());
        Self { shared: Spread::new(shared), sweeper }
    }
}

impl Drop for Solo {
    fn drop(&mut self) {
        if let Some(sweeper) = &self.sweeper {
            sweeper.abort();
        }
        self.shared.pool.cool();
    }
}

impl Prepared for Solo {
    fn serve(&self, call: Call) -> BoxFuture<'_, Result<Reply, Fault>> {
        http::serve(&self.shared, call)
    }

    fn invoke<'a>(&'a self, call: TypedCall<'a>) -> BoxFuture<'a, Result<Bytes, Fault>> {
        typed::invoke(&self.shared, call)
    }

    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Result<Verdict, Fault>> {
        Box::pin(message::deliver(&self.shared, delivery))
    }

    fn warm(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async {
            self.shared.pool.warm();
            let revision = &self.shared.revision;
            let guest = Guest::start(&self.shared, revision.start_deadline(), &mut self.shared.claim()).await?;
            self.shared.pool.put(guest);
            Ok(())
        })
    }

    fn cool(&self) {
        self.shared.pool.cool();
    }

    fn instances(&self) -> InstanceCount {
        self.shared.revision.instances.read()
    }
}

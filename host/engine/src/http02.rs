//! HTTP calls of components that handle them with WASI 0.2 (`wasi:http/incoming-handler`).
//!
//! The guest's work on a call is one future. It is polled by the caller's task until the head of the reply is there,
//! and most guests are done with everything by then: such a call costs no task of its own. A guest that still has
//! work to do, such as writing the rest of the body, goes on in a task.

mod guest;
mod pool;
mod progress;
mod reply;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use patchbay_model::ports::{BoxFuture, InstanceCount, Prepared};
use patchbay_model::{Call, Fault, InstancePolicy, Reply};
use tokio::task::AbortHandle;

use crate::code::Code;
use crate::revision::Revision;
use crate::{body, fault};
use guest::Guest;
use pool::Pool;
use progress::Progress;

/// What a guest still does, to be polled by whoever has time.
type GuestWork = Pin<Box<dyn Future<Output = ()> + Send>>;

/// One prepared revision of a component that handles requests with WASI 0.2.
pub(crate) struct Handler02 {
    shared: Arc<Shared>,
    sweeper: Option<AbortHandle>,
}

/// What the calls of a revision share.
struct Shared {
    revision: Arc<Revision>,
    code: Arc<Code>,
    pool: Pool,
}

impl Handler02 {
    pub(crate) fn new(revision: Arc<Revision>, code: Arc<Code>) -> Self {
        let keeps = revision.policy != InstancePolicy::Fresh;
        let shared = Arc::new(Shared { pool: Pool::new(&revision), revision, code });
        // Only while there is someone to hold the handle; the task itself holds nothing alive.
        let sweeper = keeps.then(|| tokio::spawn(pool::sweep(Arc::downgrade(&shared))).abort_handle());
        Self { shared, sweeper }
    }
}

impl Drop for Handler02 {
    fn drop(&mut self) {
        if let Some(sweeper) = &self.sweeper {
            sweeper.abort();
        }
        self.shared.pool.cool();
    }
}

impl Prepared for Handler02 {
    fn serve(&self, call: Call) -> BoxFuture<'_, Result<Reply, Fault>> {
        Box::pin(serve(&self.shared, call))
    }

    fn warm(&self) -> BoxFuture<'_, Result<(), Fault>> {
        Box::pin(async {
            self.shared.pool.warm();
            let guest = Guest::start(&self.shared, self.shared.revision.start_deadline()).await?;
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

async fn serve(shared: &Arc<Shared>, call: Call) -> Result<Reply, Fault> {
    let Call { id, deadline, hops, request, hold } = call;
    let request = body::request_02(request)?;
    let bodyless = request.method() == http::Method::HEAD;
    let progress = Arc::new(Progress::default());
    let mut work: GuestWork =
        Box::pin(guest::work(shared.clone(), (id, deadline, hops), request, progress.clone(), hold.clone()));
    let over = std::future::poll_fn(|cx| {
        let over = work.as_mut().poll(cx).is_ready();
        if over || progress.is_answered() { std::task::Poll::Ready(over) } else { std::task::Poll::Pending }
    })
    .await;
    let rest = (!over).then_some(work);
    match progress.take_answer() {
        Some(Ok(response)) => Ok(reply::reply(response, bodyless, progress, rest, hold)),
        Some(Err(code)) => {
            // It answered, if badly; what it still has to do it may do, until its deadline.
            drop(rest.map(tokio::spawn));
            Err(fault::no_answer(format_args!("it answered with the error code {code:?}")))
        }
        None => Err(progress.take_fault()),
    }
}

//! `patchbay:host/async-messaging`: the same without keeping the instance waiting.

use std::time::Duration;

use futures_util::future::{Either, pending, select};
use patchbay_model::bus::BusError;
use patchbay_model::ports::{BoxFuture, Messaging};
use patchbay_model::{Course, ServiceName};
use wasmtime::component::{Accessor, Linker};
use wasmtime::{AsContextMut, Result};

use super::types::WitPublication;
use super::{Published, Reply, Request, Requested, published, requested};
use crate::at_work;
use crate::publisher::{answers, outside};
use crate::state::State;
use crate::task::Task;

/// The interface, as components import it.
pub(crate) const INTERFACE: &str = "patchbay:host/async-messaging@0.1.0";

pub(in crate::host) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut interface = linker.instance(INTERFACE)?;
    interface.func_wrap_concurrent("publish", |accessor: &Accessor<State>, (publication,): (WitPublication,)| {
        Box::pin(publish(accessor, publication, None))
    })?;
    interface.func_wrap_concurrent("reply", |accessor: &Accessor<State>, (to, publication): Reply| {
        Box::pin(publish(accessor, publication, Some(to)))
    })?;
    interface.func_wrap_concurrent("request", |accessor: &Accessor<State>, request: Request| {
        Box::pin(request_beside(accessor, request))
    })
}

async fn publish(accessor: &Accessor<State>, publication: WitPublication, to: Option<String>) -> Result<Published> {
    let publication = match to {
        Some(to) => publication.into_reply(to),
        None => publication.into_publication(),
    };
    let publication = match publication {
        Ok(publication) => publication,
        Err(error) => return Ok(published(Err(error))),
    };
    beside(accessor, move |bus, service, course| bus.publish(service, course, publication)).await.map(published)
}

async fn request_beside(accessor: &Accessor<State>, request: Request) -> Result<Requested> {
    let (publication, wanted, timeout) = request;
    let (publication, wanted) = match (publication.into_publication(), answers(wanted)) {
        (Ok(publication), Ok(wanted)) => (publication, wanted),
        (Err(error), _) | (_, Err(error)) => return Ok(requested(Err(error))),
    };
    let timeout = timeout.map(Duration::from_nanos);
    beside(accessor, move |bus, service, course| bus.request(service, course, publication, wanted, timeout))
        .await
        .map(requested)
}

/// Has the bus do something while the instance goes on with other things, for as long as somebody waits for the call in
/// whose course it is done.
async fn beside<T: Send + 'static>(
    accessor: &Accessor<State>,
    work: impl for<'a> FnOnce(&'a dyn Messaging, &'a ServiceName, Course) -> BoxFuture<'a, std::result::Result<T, BusError>>
    + Send
    + 'static,
) -> Result<std::result::Result<T, BusError>> {
    let (revision, course) = accessor.with(|mut access| {
        let mut store = access.as_context_mut();
        let task = at_work::task(&mut store)?;
        let state = store.data();
        Result::<_>::Ok((state.revision.clone(), state.outgoing.at_work.course_of(task)))
    })?;
    let (course, forsaken) = course.ok_or_else(outside)?;
    // Who is subscribed may get the message at once, and event loops of instances do not nest.
    let task = Task::spawn(async move { work(revision.messaging(), &revision.id.service, course).await });
    match select(task, forsaken).await {
        Either::Left((done, _)) => {
            Ok(done.unwrap_or_else(|panic| Err(BusError::Storage(format!("the host failed: {panic}")))))
        }
        Either::Right(((), task)) => {
            // Which breaks it off.
            drop(task);
            pending().await
        }
    }
}

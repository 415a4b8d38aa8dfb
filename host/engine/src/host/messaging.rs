//! `patchbay:host/messaging` and `async-messaging`: publishing, asking and answering. A failure is part of the result, so it
//! never ends the call of its publisher.

mod asynchronous;
mod types;

use std::time::Duration;

use patchbay_model::bus::{BusError, Message, Receipt};
use patchbay_model::ports::Publication;
use wasmtime::component::Linker;
use wasmtime::{Result, StoreContextMut};

use super::nanos;
use crate::at_work::{self, Handling};
use crate::meter::now;
use crate::publisher::Publisher;
use crate::state::State;

pub(crate) use asynchronous::INTERFACE as ASYNC_INTERFACE;
pub(super) use asynchronous::add_to_linker as add_async_to_linker;
pub(crate) use types::{Delivery, Incoming};
use types::{Failure, WitPublication, WitReceipt};

/// The interface, as components import it.
pub(crate) const INTERFACE: &str = "patchbay:host/messaging@0.1.0";

/// What `request` is given.
type Request = (WitPublication, u32, Option<u64>);
/// What `reply` is given.
type Reply = (String, WitPublication);

/// What `publish` and `reply` return.
type Published = (std::result::Result<WitReceipt, Failure>,);
/// What `request` returns.
type Requested = (std::result::Result<Vec<Incoming>, Failure>,);

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut interface = linker.instance(INTERFACE)?;
    interface.func_wrap_async("publish", |store: StoreContextMut<'_, State>, (publication,): (WitPublication,)| {
        Box::new(publish(store, publication.into_publication()))
    })?;
    interface.func_wrap_async("reply", |store: StoreContextMut<'_, State>, (to, publication): Reply| {
        Box::new(publish(store, publication.into_reply(to)))
    })?;
    interface.func_wrap_async("request", |store: StoreContextMut<'_, State>, request: Request| {
        Box::new(ask(store, request))
    })?;
    interface.func_wrap("current", |mut store: StoreContextMut<'_, State>, (): ()| {
        let handling = handling(&mut store)?;
        Ok((handling.map(|(attempt, handling)| Delivery::new(attempt, &handling)),))
    })?;
    interface.func_wrap("extend", |mut store: StoreContextMut<'_, State>, (by,): (u64,)| {
        let handling = handling(&mut store)?;
        Ok((handling.map(|(_, handling)| nanos(extend(&store, &handling, Duration::from_nanos(by)))),))
    })
}

async fn publish(
    mut store: StoreContextMut<'_, State>,
    publication: std::result::Result<Publication, BusError>,
) -> Result<Published> {
    let publisher = Publisher::new(&mut store)?;
    let outcome = match publication {
        Ok(publication) => publisher.publish(publication).await,
        Err(error) => Err(error),
    };
    Ok(published(outcome))
}

async fn ask(mut store: StoreContextMut<'_, State>, (publication, wanted, timeout): Request) -> Result<Requested> {
    let publisher = Publisher::new(&mut store)?;
    let outcome = match publication.into_publication() {
        Ok(publication) => publisher.request(publication, wanted, timeout.map(Duration::from_nanos)).await,
        Err(error) => Err(error),
    };
    Ok(requested(outcome))
}

fn published(outcome: std::result::Result<Receipt, BusError>) -> Published {
    (outcome.map(WitReceipt::from).map_err(Failure::from),)
}

fn requested(outcome: std::result::Result<Vec<Message>, BusError>) -> Requested {
    (outcome.map(|messages| messages.into_iter().map(Incoming::from).collect()).map_err(Failure::from),)
}

/// How the message was handed over that the instance works on, and how often it was tried.
fn handling(store: &mut StoreContextMut<'_, State>) -> Result<Option<(u32, Handling)>> {
    Ok(at_work::look(store, at_work::Assignment::handed)?.flatten())
}

/// Gives the message more time; what it has then.
fn extend(store: &StoreContextMut<'_, State>, handling: &Handling, by: Duration) -> Duration {
    let left = handling.patience.extend(now(), by);
    store.data().meter.postpone(handling.patience.until());
    left
}

//! `wasi:messaging/request-reply`: asking others, and answering them.

use std::time::Duration;

use wasmtime::component::{Linker, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut};

use super::{Client, Outcome, Parcel, WasiError, parcel, refusal};
use crate::publisher::Publisher;
use crate::state::State;

pub(super) const INTERFACE: &str = "wasi:messaging/request-reply@0.2.0-draft";

/// How answers are waited for.
#[derive(Debug, Clone, Copy)]
struct Options {
    timeout: Option<Duration>,
    answers: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { timeout: None, answers: 1 }
    }
}

/// The guest's own store.
type Store<'s> = StoreContextMut<'s, State>;
/// What `request` is given.
type Request = (Resource<Client>, String, Resource<Parcel>, Option<Resource<Options>>);
/// What `reply` is given.
type Reply = (Resource<Parcel>, Resource<Parcel>);

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut interface = linker.instance(INTERFACE)?;
    interface.resource("request-options", ResourceType::host::<Options>(), |mut store, rep| {
        store.data_mut().table.delete(Resource::<Options>::new_own(rep))?;
        Ok(())
    })?;
    interface.func_wrap("[constructor]request-options", |mut store: Store<'_>, (): ()| {
        Ok((store.data_mut().table.push(Options::default())?,))
    })?;
    interface.func_wrap(
        "[method]request-options.set-timeout-ms",
        |mut store: Store<'_>, (options, ms): (Resource<Options>, u32)| {
            store.data_mut().table.get_mut(&options)?.timeout = Some(Duration::from_millis(ms.into()));
            Ok(())
        },
    )?;
    interface.func_wrap(
        "[method]request-options.set-expected-replies",
        |mut store: Store<'_>, (options, answers): (Resource<Options>, u32)| {
            store.data_mut().table.get_mut(&options)?.answers = answers;
            Ok(())
        },
    )?;
    interface.func_wrap_async("request", |store: Store<'_>, request: Request| {
        Box::new(async move { Ok((ask(store, request).await?,)) })
    })?;
    interface.func_wrap_async("reply", |store: Store<'_>, reply: Reply| {
        Box::new(async move { Ok((answer(store, reply).await?,)) })
    })
}

async fn ask(
    mut store: Store<'_>,
    (client, topic, message, options): Request,
) -> Result<Outcome<Vec<Resource<Parcel>>>> {
    let state = store.data_mut();
    let options = options.map(|options| state.table.delete(options)).transpose()?.unwrap_or_default();
    if let Some(error) = refusal(state, &client)? {
        return Ok(Err(error));
    }
    let publication = state.table.get(&message)?.publication(topic);
    let publisher = Publisher::new(&mut store)?;
    let outcome = match publication {
        Ok(publication) => publisher.request(publication, options.answers, options.timeout).await,
        Err(error) => Err(error),
    };
    let messages = match outcome {
        Ok(messages) => messages,
        Err(error) => return Ok(Err(error.into())),
    };
    let state = store.data_mut();
    let parcels = messages.into_iter().map(|message| parcel::push(state, Parcel::received(message.into())));
    Ok(Ok(parcels.collect::<Result<_>>()?))
}

async fn answer(mut store: Store<'_>, (asked, message): Reply) -> Result<Outcome<()>> {
    let state = store.data_mut();
    let parcel = parcel::remove(state, message)?;
    let Some(topic) = state.table.get(&asked)?.reply_to() else {
        return Ok(Err(WasiError::Other("nobody waits for an answer to this message".to_owned())));
    };
    let publisher = Publisher::new(&mut store)?;
    let outcome = match parcel.publication(topic) {
        Ok(publication) => publisher.publish(publication).await,
        Err(error) => Err(error),
    };
    Ok(outcome.map(drop).map_err(WasiError::from))
}

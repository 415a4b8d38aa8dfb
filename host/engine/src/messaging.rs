//! `wasi:messaging`, in the version of its draft: publishing, asking and answering.

mod parcel;
mod request_reply;
mod types;

use std::fmt;

use patchbay_model::bus::BusError;
use wasmtime::component::{Linker, Resource};
use wasmtime::{Result, StoreContextMut};

use crate::publisher::Publisher;
use crate::state::State;
pub(crate) use parcel::Parcel;
pub(crate) use wit::WasiError;

const PRODUCER: &str = "wasi:messaging/producer@0.2.0-draft";

/// The way to the bus, of which there is one.
pub(crate) struct Client {
    /// Whether it was closed.
    closed: bool,
}

/// What `send` is given.
type Send = (Resource<Client>, String, Resource<Parcel>);

/// What a function returns that may fail.
type Outcome<T> = std::result::Result<T, WasiError>;

/// Links the interfaces.
///
/// # Errors
/// If one of them is defined already.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    types::add_to_linker(linker)?;
    request_reply::add_to_linker(linker)?;
    linker.instance(PRODUCER)?.func_wrap_async("send", |store: StoreContextMut<'_, State>, arguments: Send| {
        Box::new(async move { Ok((send(store, arguments).await?,)) })
    })
}

async fn send(mut store: StoreContextMut<'_, State>, (client, topic, message): Send) -> Result<Outcome<()>> {
    let state = store.data_mut();
    let parcel = parcel::remove(state, message)?;
    if let Some(error) = refusal(state, &client)? {
        return Ok(Err(error));
    }
    let publisher = Publisher::new(&mut store)?;
    let outcome = match parcel.publication(topic) {
        Ok(publication) => publisher.publish(publication).await,
        Err(error) => Err(error),
    };
    Ok(outcome.map(drop).map_err(WasiError::from))
}

/// Why nothing can be sent with a client any more, if that is so.
fn refusal(state: &State, client: &Resource<Client>) -> Result<Option<WasiError>> {
    let closed = state.table.get(client)?.closed;
    Ok(closed.then(|| WasiError::Connection("the client was disconnected".to_owned())))
}

#[allow(unsafe_code, reason = "what the derivation writes: wasmtime trusts it to describe the types as they are")]
mod wit {
    use wasmtime::component::{ComponentType, Lift, Lower};

    /// Why the bus did not do what it was asked to, or why a message could not be handled.
    #[derive(Debug, ComponentType, Lift, Lower)]
    #[component(variant)]
    pub(crate) enum WasiError {
        #[component(name = "timeout")]
        Timeout,
        #[component(name = "connection")]
        Connection(String),
        #[component(name = "permission-denied")]
        PermissionDenied(String),
        #[component(name = "other")]
        Other(String),
    }
}

impl fmt::Display for WasiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("timeout"),
            Self::Connection(text) | Self::PermissionDenied(text) | Self::Other(text) => f.write_str(text),
        }
    }
}

impl From<BusError> for WasiError {
    fn from(error: BusError) -> Self {
        let text = error.to_string();
        match error {
            BusError::Timeout(_) => Self::Timeout,
            BusError::Unavailable(_) | BusError::Full { .. } | BusError::Storage(_) => Self::Connection(text),
            BusError::Denied(_) => Self::PermissionDenied(text),
            BusError::Invalid(_) | BusError::TooLarge { .. } | BusError::NoResponders(_) | BusError::NotFound(_) => {
                Self::Other(text)
            }
        }
    }
}

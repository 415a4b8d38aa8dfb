//! `wasi:messaging/types`: clients and messages.

use bytes::Bytes;
use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut};

use super::parcel::{self, Metadata};
use super::{Client, Outcome, Parcel};
use crate::state::State;

pub(super) const INTERFACE: &str = "wasi:messaging/types@0.2.0-draft";

/// The guest's own store.
type Store<'s> = StoreContextMut<'s, State>;
/// A message, in the guest's hands.
type Message = Resource<Parcel>;

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    let mut interface = linker.instance(INTERFACE)?;
    client(&mut interface)?;
    interface.resource("message", ResourceType::host::<Parcel>(), |mut store, rep| {
        parcel::remove(store.data_mut(), Resource::new_own(rep)).map(drop)
    })?;
    reading(&mut interface)?;
    changing(&mut interface)
}

fn client(interface: &mut LinkerInstance<'_, State>) -> Result<()> {
    interface.resource("client", ResourceType::host::<Client>(), |mut store, rep| {
        store.data_mut().table.delete(Resource::<Client>::new_own(rep))?;
        Ok(())
    })?;
    interface.func_wrap("[static]client.connect", |mut store: Store<'_>, (_name,): (String,)| {
        let client = store.data_mut().table.push(Client { closed: false })?;
        Ok((Outcome::Ok(client),))
    })?;
    interface.func_wrap("[method]client.disconnect", |mut store: Store<'_>, (client,): (Resource<Client>,)| {
        store.data_mut().table.get_mut(&client)?.closed = true;
        Ok((Outcome::Ok(()),))
    })
}

/// What can be asked of a message.
fn reading(interface: &mut LinkerInstance<'_, State>) -> Result<()> {
    interface.func_wrap("[method]message.topic", |store: Store<'_>, (message,): (Message,)| {
        Ok((store.data().table.get(&message)?.topic(),))
    })?;
    interface.func_wrap("[method]message.content-type", |store: Store<'_>, (message,): (Message,)| {
        Ok((store.data().table.get(&message)?.content_type(),))
    })?;
    interface.func_wrap("[method]message.data", |store: Store<'_>, (message,): (Message,)| {
        Ok((store.data().table.get(&message)?.data(),))
    })?;
    interface.func_wrap("[method]message.metadata", |store: Store<'_>, (message,): (Message,)| {
        Ok((store.data().table.get(&message)?.metadata(),))
    })
}

/// What can be done with one.
fn changing(interface: &mut LinkerInstance<'_, State>) -> Result<()> {
    interface.func_wrap("[constructor]message", |mut store: Store<'_>, (data,): (Bytes,)| {
        Ok((parcel::push(store.data_mut(), Parcel::new(data))?,))
    })?;
    interface.func_wrap(
        "[method]message.set-content-type",
        |mut store: Store<'_>, (message, content_type): (Message, String)| {
            parcel::change(store.data_mut(), &message, |parcel| parcel.set_content_type(content_type))
        },
    )?;
    interface.func_wrap("[method]message.set-data", |mut store: Store<'_>, (message, data): (Message, Bytes)| {
        parcel::change(store.data_mut(), &message, |parcel| parcel.set_data(data))
    })?;
    interface.func_wrap(
        "[method]message.set-metadata",
        |mut store: Store<'_>, (message, metadata): (Message, Metadata)| {
            parcel::change(store.data_mut(), &message, |parcel| parcel.set_metadata(metadata))
        },
    )?;
    interface.func_wrap(
        "[method]message.add-metadata",
        |mut store: Store<'_>, (message, name, value): (Message, String, String)| {
            parcel::change(store.data_mut(), &message, |parcel| parcel.add_metadata(name, value))
        },
    )?;
    interface.func_wrap(
        "[method]message.remove-metadata",
        |mut store: Store<'_>, (message, name): (Message, String)| {
            parcel::change(store.data_mut(), &message, |parcel| parcel.remove_metadata(&name))
        },
    )
}

//! `patchbay:host/secrets`: what the configuration grants to the service of the instance, and to no other.

use wasmtime::component::Linker;
use wasmtime::{Result, StoreContextMut};

use crate::state::State;

/// The interface, as components import it.
pub(crate) const INTERFACE: &str = "patchbay:host/secrets@0.1.0";

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    linker.instance(INTERFACE)?.func_wrap("get", |store: StoreContextMut<'_, State>, (name,): (String,)| {
        let secret = store.data().revision.secrets.get(&name);
        Ok((secret.map(|secret| secret.value().expose().to_owned()),))
    })
}

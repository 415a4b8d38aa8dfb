//! The functions that a component imports from other services: each is defined as one that hands its packed arguments to
//! the links of the host, and is answered with a packed result.

mod carrier;

use std::fmt;
use std::sync::Arc;

use patchbay_model::{Fault, FunctionName, InterfaceName};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, Linker, LinkerInstance};
use wasmtime::{Result, StoreContextMut, bail};

use crate::packed::{Arity, ByArity, Packed};
use crate::state::State;
use carrier::Carrier;

/// Whether a component may import the interface of this name from another service.
pub(crate) fn is_linkable(name: &str) -> bool {
    name.parse::<InterfaceName>().is_ok_and(|interface| !interface.package.starts_with("wasi:"))
}

/// Defines what `component` imports from other services.
///
/// # Errors
/// If it imports something that no function can stand for.
pub(crate) fn define(component: &Component, linker: &mut Linker<State>) -> Result<()> {
    let engine = linker.engine().clone();
    for (name, item) in component.component_type().imports(&engine) {
        if !is_linkable(name) {
            continue;
        }
        let (ComponentItem::ComponentInstance(items), Ok(interface)) = (item.ty, name.parse::<InterfaceName>()) else {
            continue;
        };
        let mut instance = linker.instance(name)?;
        for (function, item) in items.exports(&engine) {
            match item.ty {
                ComponentItem::ComponentFunc(ty) if ty.async_() => {
                    bail!("`{name}` has the `async func` `{function}`, which this version of Patchbay does not link")
                }
                ComponentItem::ComponentFunc(ty) => {
                    let wanted = FunctionName { interface: interface.clone(), function: function.to_owned() };
                    let carrier = Carrier::of(&ty).map(Arc::new);
                    let defining = Defining { instance: &mut instance, function: Arc::new(wanted), carrier };
                    Arity::of(&ty).choose(defining)?;
                }
                ComponentItem::Resource(_) => {
                    bail!("`{name}` has the resource `{function}`, which cannot cross between services")
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// A function that is to be defined.
struct Defining<'i, 'l> {
    instance: &'i mut LinkerInstance<'l, State>,
    function: Arc<FunctionName>,
    carrier: Option<Arc<Carrier>>,
}

impl ByArity for Defining<'_, '_> {
    type Output = Result<()>;

    fn with<const P: usize, const R: usize>(self) -> Self::Output {
        let Self { instance, function, carrier } = self;
        let name = function.function.clone();
        instance.func_wrap_async(&name, move |store: StoreContextMut<'_, State>, arguments: Packed<P>| {
            let (function, carrier) = (function.clone(), carrier.clone());
            Box::new(async move { call(store, &function, carrier.as_deref(), arguments.0).await.map(Packed::<R>) })
        })
    }
}

/// Calls what a function is linked to, in the course of the call that the instance works on.
async fn call(
    store: StoreContextMut<'_, State>,
    function: &Arc<FunctionName>,
    carrier: Option<&Carrier>,
    arguments: Vec<u8>,
) -> Result<Vec<u8>> {
    let state = store.data();
    let Some(course) = state.outgoing.at_work.course() else {
        bail!("`{function}` was called outside of a call, while the instance was made");
    };
    let (revision, meter) = (state.revision.clone(), state.meter.clone());
    let called = revision.links().call(&revision.id.service, course, function, arguments.into());
    match meter.apart(called).await {
        Ok(result) => Ok(result.into()),
        Err(fault) => match carrier.and_then(|carrier| carrier.carry(&fault)) {
            Some(result) => Ok(result),
            None => Err(CalleeFault { function: function.clone(), fault }.into()),
        },
    }
}

/// The fault of a call that a guest made, where the function's own error cannot carry it. It ends the guest's call.
#[derive(Debug)]
pub(crate) struct CalleeFault {
    function: Arc<FunctionName>,
    pub(crate) fault: Fault,
}

impl fmt::Display for CalleeFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "its call of `{}` ended in a fault: {}", self.function, self.fault)
    }
}

impl std::error::Error for CalleeFault {}

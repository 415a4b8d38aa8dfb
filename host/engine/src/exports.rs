//! The functions that a component exports, beside what WASI calls.

use patchbay_model::{Fault, FaultKind, FunctionName, InterfaceName};
use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex};

use crate::packed::Arity;

/// The exported functions of a component that can be called with packed values.
#[derive(Debug, Default)]
pub(crate) struct Exports(Vec<(FunctionName, Target)>);

/// One of them, as it is called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    /// Finds it in every instance.
    pub(crate) index: ComponentExportIndex,
    pub(crate) arity: Arity,
    /// Whether it is an `async func`.
    pub(crate) is_async: bool,
}

impl Exports {
    /// Those of `component`.
    pub(crate) fn of(component: &Component, engine: &Engine) -> Self {
        let mut all = Vec::new();
        for (name, item) in component.component_type().exports(engine) {
            let ComponentItem::ComponentInstance(items) = item.ty else { continue };
            let (Ok(interface), Some(instance)) =
                (name.parse::<InterfaceName>(), component.get_export_index(None, name))
            else {
                continue;
            };
            if is_called_by_the_host(&interface) {
                continue;
            }
            for (function, item) in items.exports(engine) {
                let ComponentItem::ComponentFunc(ty) = item.ty else { continue };
                let Some(index) = component.get_export_index(Some(&instance), function) else { continue };
                let name = FunctionName { interface: interface.clone(), function: function.to_owned() };
                all.push((name, Target { index, arity: Arity::of(&ty), is_async: ty.async_() }));
            }
        }
        Self(all)
    }

    /// The one that serves `wanted`.
    pub(crate) fn find(&self, wanted: &FunctionName) -> Option<Target> {
        self.0.iter().find(|(name, _)| name.serves(wanted)).map(|(_, target)| *target)
    }

    /// Whether one of them is an `async func`.
    pub(crate) fn any_async(&self) -> bool {
        self.0.iter().any(|(_, target)| target.is_async)
    }
}

/// The fault of a call of a function that is not exported.
pub(crate) fn no_such_function(wanted: &FunctionName) -> Fault {
    Fault::new(FaultKind::Invalid, format!("The service has no function `{wanted}`."))
}

/// Whether the interface is one of WASI, whose functions the host calls for what they are there for.
fn is_called_by_the_host(interface: &InterfaceName) -> bool {
    interface.is_of_the_host()
}

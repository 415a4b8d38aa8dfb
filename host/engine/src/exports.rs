//! The functions that a component exports, beside what WASI calls.

use patchbay_model::FunctionName;
use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex};

use crate::engines::Wasi;
use crate::packed::Arity;

/// The exported functions of a component that can be called with packed values.
#[derive(Debug, Default)]
pub(crate) struct Exports(Vec<Export>);

/// One of them.
#[derive(Debug)]
pub(crate) struct Export {
    name: FunctionName,
    /// Finds it in every instance.
    pub(crate) index: ComponentExportIndex,
    pub(crate) arity: Arity,
}

impl Exports {
    /// Those of `component`.
    ///
    /// # Errors
    /// What keeps one of them from being called. Whoever imports it would find out at a call otherwise.
    pub(crate) fn of(component: &Component, engine: &Engine, wasi: Wasi) -> Result<Self, String> {
        let mut all = Vec::new();
        for (name, item) in component.component_type().exports(engine) {
            let ComponentItem::ComponentInstance(items) = item.ty else { continue };
            let (Ok(interface), Some(instance)) = (name.parse(), component.get_export_index(None, name)) else {
                continue;
            };
            let interface: patchbay_model::InterfaceName = interface;
            if is_called_by_the_host(&interface) {
                continue;
            }
            for (function, item) in items.exports(engine) {
                let ComponentItem::ComponentFunc(ty) = item.ty else { continue };
                let arity = Arity::of(&ty);
                let obstacle = match wasi {
                    Wasi::P3 => "components that handle requests with WASI 0.3 cannot be called by others",
                    Wasi::P2 if ty.async_() => "an `async func` cannot be called by others",
                    Wasi::P2 if !arity.can_be_called() => {
                        "functions with more than 16 flat parameters cannot be called by others; give it a list or fewer \
                         fields"
                    }
                    Wasi::P2 => "",
                };
                if !obstacle.is_empty() {
                    return Err(format!(
                        "the component exports `{function}` of `{interface}`, and in this version of Patchbay {obstacle}"
                    ));
                }
                let Some(index) = component.get_export_index(Some(&instance), function) else { continue };
                let name = FunctionName { interface: interface.clone(), function: function.to_owned() };
                all.push(Export { name, index, arity });
            }
        }
        Ok(Self(all))
    }

    /// The one that serves `wanted`.
    pub(crate) fn find(&self, wanted: &FunctionName) -> Option<&Export> {
        self.0.iter().find(|export| export.name.serves(wanted))
    }
}

/// Whether the interface is one of WASI, whose functions the host calls for what they are there for.
fn is_called_by_the_host(interface: &patchbay_model::InterfaceName) -> bool {
    interface.package.starts_with("wasi:")
}

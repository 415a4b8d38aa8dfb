//! What types are called.

use std::collections::HashMap;

use wasmparser::component_types::{AliasableResourceId, ComponentAnyTypeId, ComponentDefinedTypeId, ResourceId};

/// What types are called. A type has an identity of its own wherever it is imported, exported or aliased.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    defined: HashMap<ComponentDefinedTypeId, &'a str>,
    resources: HashMap<ResourceId, &'a str>,
}

impl<'a> Names<'a> {
    /// Learns that the type `created`, which stands for `referenced`, is called `name`. The first name stays.
    pub(super) fn add(&mut self, name: &'a str, created: ComponentAnyTypeId, referenced: ComponentAnyTypeId) {
        for id in [created, referenced] {
            match id {
                ComponentAnyTypeId::Defined(id) => {
                    self.defined.entry(id).or_insert(name);
                }
                ComponentAnyTypeId::Resource(id) => {
                    self.resources.entry(id.resource()).or_insert(name);
                }
                ComponentAnyTypeId::Func(_) | ComponentAnyTypeId::Instance(_) | ComponentAnyTypeId::Component(_) => {}
            }
        }
    }

    /// The name of a type that is a value.
    pub(super) fn of_value(&self, id: ComponentDefinedTypeId) -> Option<&'a str> {
        self.defined.get(&id).copied()
    }

    /// The name of a resource.
    pub(super) fn of_resource(&self, id: AliasableResourceId) -> Option<&'a str> {
        self.resources.get(&id.resource()).copied()
    }
}

//! Signatures of functions in WIT notation.

use std::collections::HashMap;

use wasmparser::component_types::{
    AliasableResourceId, ComponentAnyTypeId, ComponentDefinedType, ComponentDefinedTypeId, ComponentFuncType,
    ComponentValType, ResourceId,
};
use wasmparser::types::TypesRef;

use super::DecodeError;
use super::budget::Budget;

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
}

/// Writes the signatures of one interface.
pub(super) struct Signature<'a, 'b> {
    pub(super) types: TypesRef<'a>,
    /// The names that the interface itself gives.
    pub(super) own: &'b Names<'a>,
    /// The names that all interfaces of the component give.
    pub(super) all: &'b Names<'a>,
    pub(super) budget: &'b mut Budget,
}

impl Signature<'_, '_> {
    /// Writes `name: func(parameters) -> result`.
    pub(super) fn write(mut self, name: &str, function: &ComponentFuncType) -> Result<String, DecodeError> {
        // Functions of resources are encoded as `[method]resource.name`, `[static]resource.name`, `[constructor]resource`.
        let (kind, name) = name.strip_prefix('[').and_then(|name| name.split_once(']')).unwrap_or(("", name));
        let mut text = String::new();
        self.put(&mut text, name)?;
        if kind == "constructor" {
            self.put(&mut text, ".constructor")?;
        }
        self.put(&mut text, if kind.contains("static") { ": static " } else { ": " })?;
        self.put(&mut text, if function.async_ { "async func(" } else { "func(" })?;
        // The first parameter of a method is the resource itself, which its name says.
        let own_parameters = function.params.iter().skip(usize::from(kind.contains("method")));
        for (index, (name, ty)) in own_parameters.enumerate() {
            self.put(&mut text, if index == 0 { "" } else { ", " })?;
            self.put(&mut text, name.as_str())?;
            self.put(&mut text, ": ")?;
            self.value(&mut text, ty)?;
        }
        self.put(&mut text, ")")?;
        if let Some(ty) = &function.result {
            self.put(&mut text, " -> ")?;
            self.value(&mut text, ty)?;
        }
        Ok(text)
    }

    fn put(&mut self, text: &mut String, piece: &str) -> Result<(), DecodeError> {
        self.budget.write(text, piece)
    }

    /// Writes a type by its name, or by its shape where it has none. The validator bounds how deep shapes go.
    fn value(&mut self, text: &mut String, ty: &ComponentValType) -> Result<(), DecodeError> {
        let id = match ty {
            ComponentValType::Primitive(primitive) => return self.put(text, &primitive.to_string()),
            ComponentValType::Type(id) => id,
        };
        if let Some(name) = self.own.defined.get(id).or_else(|| self.all.defined.get(id)).copied() {
            return self.put(text, name);
        }
        match self.types.get(*id) {
            Some(shape) => self.shape(text, shape),
            None => self.put(text, "_"),
        }
    }

    fn shape(&mut self, text: &mut String, shape: &ComponentDefinedType) -> Result<(), DecodeError> {
        use ComponentDefinedType as Shape;
        match shape {
            Shape::Primitive(primitive) => self.put(text, &primitive.to_string()),
            Shape::List { element, .. } => self.generic(text, "list", &[Some(element)], ""),
            Shape::FixedLengthList { element, length, .. } => {
                self.generic(text, "list", &[Some(element)], &format!(", {length}"))
            }
            Shape::Map { key, value, .. } => self.generic(text, "map", &[Some(key), Some(value)], ""),
            Shape::Tuple(tuple) => {
                let parts: Vec<_> = tuple.types.iter().map(Some).collect();
                self.generic(text, "tuple", &parts, "")
            }
            Shape::Option { ty, .. } => self.generic(text, "option", &[Some(ty)], ""),
            Shape::Result { ok: None, err: None, .. } => self.put(text, "result"),
            Shape::Result { ok, err: None, .. } => self.generic(text, "result", &[ok.as_ref()], ""),
            Shape::Result { ok, err, .. } => self.generic(text, "result", &[ok.as_ref(), err.as_ref()], ""),
            Shape::Future { ty: None, .. } => self.put(text, "future"),
            Shape::Future { ty, .. } => self.generic(text, "future", &[ty.as_ref()], ""),
            Shape::Stream { ty: None, .. } => self.put(text, "stream"),
            Shape::Stream { ty, .. } => self.generic(text, "stream", &[ty.as_ref()], ""),
            Shape::Own(id) => self.resource(text, *id),
            Shape::Borrow(id) => {
                self.put(text, "borrow<")?;
                self.resource(text, *id)?;
                self.put(text, ">")
            }
            // A contract names these: the component model has no anonymous ones in imports and exports.
            Shape::Record(_) => self.put(text, "record"),
            Shape::Variant(_) => self.put(text, "variant"),
            Shape::Flags(_) => self.put(text, "flags"),
            Shape::Enum(_) => self.put(text, "enum"),
        }
    }

    /// Writes `name<parts>`; a part that is not there is `_`.
    fn generic(
        &mut self,
        text: &mut String,
        name: &str,
        parts: &[Option<&ComponentValType>],
        end: &str,
    ) -> Result<(), DecodeError> {
        self.put(text, name)?;
        self.put(text, "<")?;
        for (index, part) in parts.iter().enumerate() {
            self.put(text, if index == 0 { "" } else { ", " })?;
            match part {
                Some(part) => self.value(text, part)?,
                None => self.put(text, "_")?,
            }
        }
        self.put(text, end)?;
        self.put(text, ">")
    }

    fn resource(&mut self, text: &mut String, id: AliasableResourceId) -> Result<(), DecodeError> {
        let id = id.resource();
        let name = self.own.resources.get(&id).or_else(|| self.all.resources.get(&id)).copied();
        self.put(text, name.unwrap_or("resource"))
    }
}

//! The functions of one import or export with their types, from what the validator knows of them.

use std::collections::HashMap;

use wasmparser::PrimitiveValType as Primitive;
use wasmparser::component_types::{
    AliasableResourceId, ComponentDefinedType as Defined, ComponentDefinedTypeId, ComponentFuncType, ComponentValType,
};
use wasmparser::names::KebabString;
use wasmparser::types::TypesRef;

use super::DecodeError;
use super::budget::{Budget, STEP};
use super::names::Names;
use crate::{Case, Field, Function, Local, Param, Shape, Type};

/// Makes the functions of one import or export. Each type is made once; the validator bounds how deep they go.
pub(super) struct Typing<'a, 'b> {
    types: TypesRef<'a>,
    /// The names that the import or export itself gives.
    own: &'b Names<'a>,
    /// The names that all imports and exports of the component give.
    all: &'b Names<'a>,
    budget: &'b mut Budget,
    made: HashMap<ComponentDefinedTypeId, Type>,
}

impl<'a, 'b> Typing<'a, 'b> {
    pub(super) fn new(types: TypesRef<'a>, own: &'b Names<'a>, all: &'b Names<'a>, budget: &'b mut Budget) -> Self {
        Self { types, own, all, budget, made: HashMap::new() }
    }

    /// The function `name`.
    pub(super) fn function(&mut self, name: &str, function: &ComponentFuncType) -> Result<Function, DecodeError> {
        let param = |(name, ty): &(KebabString, _)| Ok(Param { name: self.text(name)?, ty: self.value(ty)? });
        let params = function.params.iter().map(param).collect::<Result<Vec<_>, DecodeError>>()?;
        let result = self.payload(function.result.as_ref())?;
        let made = Function { name: self.text(name)?, is_async: function.async_, params, result };
        self.budget.charge(&made)?;
        let types = made.params.iter().map(|param| &param.ty).chain(&made.result);
        types.map(Type::size).try_for_each(|size| self.budget.write_out(size))?;
        Ok(made)
    }

    fn text(&mut self, text: &str) -> Result<String, DecodeError> {
        self.budget.spend(text.len())?;
        Ok(text.to_owned())
    }

    fn value(&mut self, ty: &ComponentValType) -> Result<Type, DecodeError> {
        self.budget.spend(STEP)?;
        let id = match ty {
            ComponentValType::Primitive(ty) => return Ok(Type::new(primitive(*ty))),
            ComponentValType::Type(id) => *id,
        };
        if let Some(made) = self.made.get(&id) {
            return Ok(made.clone());
        }
        let shape = match self.types.get(id) {
            Some(defined) => self.shape(defined)?,
            // The validator gave the id, so it knows it. If it did not, nothing could be said of values of the type.
            None => Shape::Local(Local::Own("_".to_owned())),
        };
        let made = match self.own.of_value(id).or_else(|| self.all.of_value(id)) {
            Some(name) => Type::named(self.text(name)?, shape),
            None => Type::new(shape),
        };
        self.made.insert(id, made.clone());
        Ok(made)
    }

    fn payload(&mut self, ty: Option<&ComponentValType>) -> Result<Option<Type>, DecodeError> {
        ty.map(|ty| self.value(ty)).transpose()
    }

    fn shape(&mut self, defined: &Defined) -> Result<Shape, DecodeError> {
        Ok(match defined {
            Defined::Primitive(ty) => primitive(*ty),
            Defined::List { element, .. } => Shape::List(self.value(element)?),
            Defined::FixedLengthList { element, length, .. } => Shape::FixedList(self.value(element)?, *length),
            Defined::Tuple(tuple) => {
                Shape::Tuple(tuple.types.iter().map(|ty| self.value(ty)).collect::<Result<_, _>>()?)
            }
            Defined::Record(record) => {
                let field = |(name, ty): (&KebabString, _)| Ok(Field { name: self.text(name)?, ty: self.value(ty)? });
                Shape::Record(record.fields.iter().map(field).collect::<Result<_, DecodeError>>()?)
            }
            Defined::Variant(variant) => {
                let cases = variant.cases.iter().map(|(name, case)| {
                    self.budget.spend(STEP)?;
                    Ok(Case { name: self.text(name)?, ty: self.payload(case.ty.as_ref())? })
                });
                Shape::Variant(cases.collect::<Result<_, DecodeError>>()?)
            }
            Defined::Enum(names) => Shape::Enum(self.texts(names)?),
            Defined::Flags(names) => Shape::Flags(self.texts(names)?),
            Defined::Option { ty, .. } => Shape::Option(self.value(ty)?),
            Defined::Result { ok, err, .. } => {
                Shape::Result { ok: self.payload(ok.as_ref())?, err: self.payload(err.as_ref())? }
            }
            Defined::Own(id) => Shape::Local(Local::Own(self.resource(*id)?)),
            Defined::Borrow(id) => Shape::Local(Local::Borrow(self.resource(*id)?)),
            Defined::Stream { ty, .. } => Shape::Local(Local::Stream(self.payload(ty.as_ref())?)),
            Defined::Future { ty, .. } => Shape::Local(Local::Future(self.payload(ty.as_ref())?)),
            Defined::Map { key, value, .. } => Shape::Local(Local::Map(self.value(key)?, self.value(value)?)),
        })
    }

    fn texts<'n>(&mut self, names: impl IntoIterator<Item = &'n KebabString>) -> Result<Vec<String>, DecodeError> {
        let name = |name: &KebabString| {
            self.budget.spend(STEP)?;
            self.text(name)
        };
        names.into_iter().map(name).collect()
    }

    fn resource(&mut self, id: AliasableResourceId) -> Result<String, DecodeError> {
        self.text(self.own.of_resource(id).or_else(|| self.all.of_resource(id)).unwrap_or("resource"))
    }
}

fn primitive(ty: Primitive) -> Shape {
    match ty {
        Primitive::Bool => Shape::Bool,
        Primitive::S8 => Shape::S8,
        Primitive::U8 => Shape::U8,
        Primitive::S16 => Shape::S16,
        Primitive::U16 => Shape::U16,
        Primitive::S32 => Shape::S32,
        Primitive::U32 => Shape::U32,
        Primitive::S64 => Shape::S64,
        Primitive::U64 => Shape::U64,
        Primitive::F32 => Shape::F32,
        Primitive::F64 => Shape::F64,
        Primitive::Char => Shape::Char,
        Primitive::String => Shape::String,
        Primitive::ErrorContext => Shape::Local(Local::ErrorContext),
    }
}

//! The imports and exports of a component, described for people.

use wasmparser::component_types::{ComponentAnyTypeId, ComponentEntityType, ComponentItem};
use wasmparser::types::{Types, TypesRef};

use super::DecodeError;
use super::budget::{Budget, STEP};
use super::names::Names;
use super::typing::Typing;
use crate::ContractItem;

/// The names of what the outermost component imports and exports.
#[derive(Debug, Default)]
pub(super) struct Externs<'a> {
    pub(super) imports: Vec<&'a str>,
    pub(super) exports: Vec<&'a str>,
}

/// One import or export with its type.
struct Extern<'a> {
    name: &'a str,
    item: &'a ComponentItem,
}

impl Externs<'_> {
    /// Whether the component is a WIT package in binary form: such a one exports types of components and nothing else.
    pub(super) fn are_a_wit_package(&self, types: &Types) -> bool {
        let is_world = |name: &&str| {
            matches!(
                types.as_ref().component_item_for_export(name).map(|item| item.ty),
                Some(ComponentEntityType::Type { created: ComponentAnyTypeId::Component(_), .. })
            )
        };
        self.imports.is_empty() && !self.exports.is_empty() && self.exports.iter().all(is_world)
    }

    /// Describes the imports and the exports.
    pub(super) fn describe(&self, types: &Types) -> Result<(Vec<ContractItem>, Vec<ContractItem>), DecodeError> {
        let types = types.as_ref();
        let imports = typed(&self.imports, |name| types.component_item_for_import(name));
        let exports = typed(&self.exports, |name| types.component_item_for_export(name));
        let mut budget = Budget::default();
        let mut names = Names::default();
        for Extern { name, item } in imports.iter().chain(&exports) {
            learn(&mut names, name, item, types, &mut budget)?;
        }
        let mut described = |externs: &[Extern<'_>]| {
            externs.iter().map(|one| describe(one, &names, types, &mut budget)).collect::<Result<Vec<_>, _>>()
        };
        Ok((described(&imports)?, described(&exports)?))
    }
}

fn typed<'a>(names: &[&'a str], find: impl Fn(&str) -> Option<&'a ComponentItem>) -> Vec<Extern<'a>> {
    names.iter().filter_map(|&name| find(name).map(|item| Extern { name, item })).collect()
}

/// Learns the names of the types that an extern brings: its own, or those in its interface.
fn learn<'a>(
    names: &mut Names<'a>,
    name: &'a str,
    item: &'a ComponentItem,
    types: TypesRef<'a>,
    budget: &mut Budget,
) -> Result<(), DecodeError> {
    budget.spend(STEP)?;
    match item.ty {
        ComponentEntityType::Type { created, referenced } => names.add(name, created, referenced),
        ComponentEntityType::Instance(id) => {
            for (name, item) in types.get(id).into_iter().flat_map(|instance| &instance.exports) {
                budget.spend(STEP)?;
                if let ComponentEntityType::Type { created, referenced } = item.ty {
                    names.add(name, created, referenced);
                }
            }
        }
        ComponentEntityType::Func(_)
        | ComponentEntityType::Value(_)
        | ComponentEntityType::Module(_)
        | ComponentEntityType::Component(_) => {}
    }
    Ok(())
}

fn describe<'a>(
    one: &Extern<'a>,
    names: &Names<'a>,
    types: TypesRef<'a>,
    budget: &mut Budget,
) -> Result<ContractItem, DecodeError> {
    // An interface may have another name for a type than the interface that defines it; its own is what its WIT says.
    let mut own = Names::default();
    learn(&mut own, one.name, one.item, types, budget)?;
    budget.spend(one.name.len())?;
    let mut typing = Typing::new(types, &own, names, budget);
    let mut functions = Vec::new();
    match one.item.ty {
        ComponentEntityType::Func(id) => {
            if let Some(function) = types.get(id) {
                functions.push(typing.function(one.name, function)?);
            }
        }
        ComponentEntityType::Instance(id) => {
            for (name, item) in types.get(id).into_iter().flat_map(|instance| &instance.exports) {
                if let ComponentEntityType::Func(id) = item.ty
                    && let Some(function) = types.get(id)
                {
                    functions.push(typing.function(name, function)?);
                }
            }
        }
        ComponentEntityType::Type { .. }
        | ComponentEntityType::Value(_)
        | ComponentEntityType::Module(_)
        | ComponentEntityType::Component(_) => {}
    }
    Ok(ContractItem { name: one.name.to_owned(), functions: functions.into() })
}

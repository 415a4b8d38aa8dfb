//! The types that an import or an export gives names to, each with what it is made of.

use std::fmt::{self, Display, Formatter};

use super::{Shape, Type, notation::listed};
use crate::{ContractItem, Function};

impl ContractItem {
    /// The named types of its functions as WIT declares them, each before those that use it:
    /// `record item { sku: string, qty: u16 }`. Two types of one name are both there: an interface may use a type that
    /// another one calls like one of its own. Resources are left out, since they have no shape.
    pub fn definitions(&self) -> Vec<String> {
        let mut found = Vec::new();
        for ty in self.functions.iter().flat_map(Function::types) {
            collect(ty, &mut found);
        }
        found.iter().map(|(name, ty)| Definition(name, ty.shape()).to_string()).collect()
    }
}

impl Function {
    /// The types of its parameters, and then that of its result.
    fn types(&self) -> impl Iterator<Item = &Type> {
        self.params.iter().map(|param| &param.ty).chain(&self.result)
    }
}

/// Adds the named types in `ty` that are not there yet. The decoder bounds how many types there are to walk.
fn collect<'a>(ty: &'a Type, found: &mut Vec<(&'a str, &'a Type)>) {
    let name = ty.name();
    if name.is_some_and(|name| found.iter().any(|(known, other)| *known == name && (other.is(ty) || *other == ty))) {
        return;
    }
    ty.shape().each_part(&mut |part| collect(part, found));
    if let Some(name) = name
        && !matches!(ty.shape(), Shape::Local(_))
    {
        found.push((name, ty));
    }
}

/// A declaration. WIT has the name behind the keyword where there is one, and `type name = ...` elsewhere.
struct Definition<'a>(&'a str, &'a Shape);

impl Display for Definition<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self(name, shape) = self;
        match shape {
            Shape::Record(fields) => listed(f, &format!("record {name} {{ "), fields, " }"),
            Shape::Variant(cases) => listed(f, &format!("variant {name} {{ "), cases, " }"),
            Shape::Enum(cases) => listed(f, &format!("enum {name} {{ "), cases, " }"),
            Shape::Flags(flags) => listed(f, &format!("flags {name} {{ "), flags, " }"),
            shape => write!(f, "type {name} = {shape}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Case, Field, Local, Param};

    fn function(params: &[Type], result: Option<Type>) -> Function {
        let params = params.iter().map(|ty| Param { name: "p".to_owned(), ty: ty.clone() }).collect();
        Function { name: "f".to_owned(), is_async: false, params, result }
    }

    #[test]
    fn named_types_are_declared_before_they_are_used() {
        let field = |name: &str, ty: &Type| Field { name: name.to_owned(), ty: ty.clone() };
        let sku = Type::named("sku", Shape::String);
        let color = Type::named("color", Shape::Enum(vec!["red".to_owned(), "blue".to_owned()]));
        let rights = Type::named("rights", Shape::Flags(vec!["read".to_owned()]));
        let list = Type::new(Shape::List(sku));
        let item = Type::named("item", Shape::Record(vec![field("skus", &list), field("color", &color)]));
        let case = Case { name: "gone".to_owned(), ty: Some(item.clone()) };
        let refusal = Type::named("refusal", Shape::Variant(vec![case]));
        let resource = Type::named("cart", Shape::Local(Local::Own("cart".to_owned())));
        let result = Type::new(Shape::Result { ok: Some(rights), err: Some(refusal) });
        let functions = [function(&[item, resource], Some(result))].into();
        let item = ContractItem { name: "shop:a/b".to_owned(), functions };
        assert_eq!(
            item.definitions(),
            [
                "type sku = string",
                "enum color { red, blue }",
                "record item { skus: list<sku>, color: color }",
                "flags rights { read }",
                "variant refusal { gone(item) }",
            ]
        );
    }

    #[test]
    fn two_types_of_one_name_are_both_there_and_one_type_is_there_once() {
        let code = |shape| Type::named("code", shape);
        let functions = [function(&[code(Shape::U8), code(Shape::U16)], Some(code(Shape::U8)))].into();
        let item = ContractItem { name: "shop:a/b".to_owned(), functions };
        assert_eq!(item.definitions(), ["type code = u8", "type code = u16"]);
    }
}

//! What keeps a function from being called by another service.

use std::fmt;

use serde::Serialize;

use super::{Local, Shape, Type};
use crate::Function;
use crate::path::{Path, Step};
use crate::short::short;

/// Why a function cannot be called by another service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Obstacle {
    /// The function, as [`Function::shown_name`] has it.
    pub function: String,
    /// Where in its parameters or its result: `order.invoice`.
    pub path: String,
    /// The type there, in WIT notation.
    #[serde(rename = "type")]
    pub ty: String,
    /// What to use instead, for the author of the contract.
    pub advice: &'static str,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { function, path, ty, advice } = self;
        write!(f, "`{function}` cannot be called by another service: `{path}` is `{ty}`; {advice}")
    }
}

impl Function {
    /// The first thing that keeps it from being called by another service, if there is one.
    pub fn obstacle(&self) -> Option<Obstacle> {
        let in_params = self.params.iter().find_map(|param| find(&param.ty, Path::root(&param.name)));
        let found = in_params.or_else(|| find(self.result.as_ref()?, Path::root(Path::RESULT)));
        found.map(|(path, local)| Obstacle {
            function: short(&self.shown_name()),
            path,
            ty: short(local),
            advice: local.advice(),
        })
    }
}

/// The first local type in `ty`, and where it is. Goes only into what has one, so that it takes one way down.
fn find<'a>(ty: &'a Type, path: Path<'_>) -> Option<(String, &'a Local)> {
    if ty.crosses() {
        return None;
    }
    match ty.shape() {
        Shape::Local(local) => Some((short(&path), local)),
        Shape::List(element) | Shape::FixedList(element, _) => find(element, path.then(Step::Every)),
        Shape::Option(some) => find(some, path.then(Step::Some)),
        Shape::Tuple(parts) => {
            parts.iter().enumerate().find_map(|(index, part)| find(part, path.then(Step::Position(index))))
        }
        Shape::Record(fields) => fields.iter().find_map(|field| find(&field.ty, path.then(Step::Name(&field.name)))),
        Shape::Variant(cases) => {
            cases.iter().find_map(|case| find(case.ty.as_ref()?, path.then(Step::Name(&case.name))))
        }
        Shape::Result { ok, err } => [("ok", ok), ("err", err)]
            .into_iter()
            .find_map(|(name, payload)| find(payload.as_ref()?, path.then(Step::Name(name)))),
        // These have no parts, so they cross.
        Shape::Bool
        | Shape::S8
        | Shape::U8
        | Shape::S16
        | Shape::U16
        | Shape::S32
        | Shape::U32
        | Shape::S64
        | Shape::U64
        | Shape::F32
        | Shape::F64
        | Shape::Char
        | Shape::String
        | Shape::Enum(_)
        | Shape::Flags(_) => None,
    }
}

impl Local {
    /// What to use instead, for the author of the contract.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Own(_) | Self::Borrow(_) => {
                "a resource stays in the instance that made it: pass a key that names it, such as a `string` or a `u64`"
            }
            Self::Stream(_) => {
                "a stream ends at its instance: pass a `list`, in several calls if it is long, or publish to a topic"
            }
            Self::Future(_) => "a future ends at its instance: make the function `async` and let it return the value",
            Self::ErrorContext => "it means nothing in another instance: return `result<_, string>`",
            Self::Map(..) => "a map has no packed form: use `list<tuple<k, v>>`",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Field, Param};

    #[test]
    fn the_obstacle_is_named_with_its_place() {
        let wallet = Type::new(Shape::Local(Local::Borrow("wallet".to_owned())));
        let payment = Type::named(
            "payment",
            Shape::Record(vec![
                Field { name: "sum".to_owned(), ty: Type::new(Shape::U64) },
                Field { name: "from".to_owned(), ty: Type::new(Shape::Option(wallet)) },
            ]),
        );
        let payments = Type::new(Shape::List(payment));
        let param = |name: &str, ty: Type| Param { name: name.to_owned(), ty };
        let mut function = Function {
            name: "pay".to_owned(),
            is_async: false,
            params: vec![param("id", Type::new(Shape::U8)), param("all", payments)],
            result: Some(Type::new(Shape::Result {
                ok: Some(Type::new(Shape::Local(Local::Stream(None)))),
                err: None,
            })),
        };
        let obstacle = function.obstacle().unwrap();
        assert_eq!((obstacle.path.as_str(), obstacle.ty.as_str()), ("all[].from?", "borrow<wallet>"));
        assert_eq!(
            obstacle.to_string(),
            "`pay` cannot be called by another service: `all[].from?` is `borrow<wallet>`; a resource stays in the \
             instance that made it: pass a key that names it, such as a `string` or a `u64`"
        );
        function.params.pop();
        assert_eq!(function.obstacle().unwrap().path, "result.ok");
        function.result = None;
        assert_eq!(function.obstacle(), None);
    }
}

//! Types and functions in WIT notation.

use std::fmt::{self, Display, Formatter};

use super::{Case, Field, Local, Shape, Type};

impl Display for Type {
    /// By its name, or by its shape where it has none.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => self.shape().fmt(f),
        }
    }
}

impl Display for Shape {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::S8 => "s8",
            Self::U8 => "u8",
            Self::S16 => "s16",
            Self::U16 => "u16",
            Self::S32 => "s32",
            Self::U32 => "u32",
            Self::S64 => "s64",
            Self::U64 => "u64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Char => "char",
            Self::String => "string",
            Self::List(element) => return write!(f, "list<{element}>"),
            Self::FixedList(element, length) => return write!(f, "list<{element}, {length}>"),
            Self::Option(some) => return write!(f, "option<{some}>"),
            Self::Tuple(parts) => return listed(f, "tuple<", parts, ">"),
            Self::Record(fields) => return listed(f, "record { ", fields, " }"),
            Self::Variant(cases) => return listed(f, "variant { ", cases, " }"),
            Self::Enum(cases) => return listed(f, "enum { ", cases, " }"),
            Self::Flags(names) => return listed(f, "flags { ", names, " }"),
            Self::Result { ok: None, err: None } => "result",
            Self::Result { ok: Some(ok), err: None } => return write!(f, "result<{ok}>"),
            Self::Result { ok: None, err: Some(err) } => return write!(f, "result<_, {err}>"),
            Self::Result { ok: Some(ok), err: Some(err) } => return write!(f, "result<{ok}, {err}>"),
            Self::Local(local) => return local.fmt(f),
        })
    }
}

impl Display for Local {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(resource) => f.write_str(resource),
            Self::Borrow(resource) => write!(f, "borrow<{resource}>"),
            Self::Stream(None) => f.write_str("stream"),
            Self::Stream(Some(ty)) => write!(f, "stream<{ty}>"),
            Self::Future(None) => f.write_str("future"),
            Self::Future(Some(ty)) => write!(f, "future<{ty}>"),
            Self::ErrorContext => f.write_str("error-context"),
            Self::Map(key, value) => write!(f, "map<{key}, {value}>"),
        }
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.ty)
    }
}

impl Display for Case {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.ty {
            Some(ty) => write!(f, "{}({ty})", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// Writes `parts` with commas between them.
pub(crate) fn listed<T: Display>(f: &mut Formatter<'_>, begin: &str, parts: &[T], end: &str) -> fmt::Result {
    f.write_str(begin)?;
    for (index, part) in parts.iter().enumerate() {
        f.write_str(if index == 0 { "" } else { ", " })?;
        part.fmt(f)?;
    }
    f.write_str(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_read_as_their_wit() {
        let number = Type::new(Shape::U32);
        let named = Type::named("quantity", Shape::U32);
        let strings = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let field = |name: &str, ty: &Type| Field { name: name.to_owned(), ty: ty.clone() };
        let case = |name: &str, ty: Option<&Type>| Case { name: name.to_owned(), ty: ty.cloned() };
        for (shape, wanted) in [
            (Shape::List(named.clone()), "list<quantity>"),
            (Shape::FixedList(number.clone(), 3), "list<u32, 3>"),
            (Shape::Tuple(vec![number.clone(), named.clone()]), "tuple<u32, quantity>"),
            (Shape::Record(vec![field("a", &number), field("b", &named)]), "record { a: u32, b: quantity }"),
            (Shape::Variant(vec![case("a", None), case("b", Some(&number))]), "variant { a, b(u32) }"),
            (Shape::Enum(strings(&["a", "b"])), "enum { a, b }"),
            (Shape::Flags(strings(&["a"])), "flags { a }"),
            (Shape::Result { ok: None, err: None }, "result"),
            (Shape::Result { ok: None, err: Some(number.clone()) }, "result<_, u32>"),
            (Shape::Result { ok: Some(number.clone()), err: None }, "result<u32>"),
            (Shape::Result { ok: Some(number.clone()), err: Some(named.clone()) }, "result<u32, quantity>"),
            (Shape::Option(named), "option<quantity>"),
            (Shape::Local(Local::Stream(Some(number.clone()))), "stream<u32>"),
            (Shape::Local(Local::Map(number.clone(), number)), "map<u32, u32>"),
            (Shape::Local(Local::ErrorContext), "error-context"),
        ] {
            assert_eq!(Type::new(shape).to_string(), wanted);
        }
    }
}

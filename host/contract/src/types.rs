//! The types of WIT, as values that can be walked.
//!
//! A type is shared wherever it is used, so a contract holds each once, however often it is written out in a signature.
//! A few bytes of a component can stand for a type that is huge when it is written out: a tuple of two tuples of two
//! tuples. Each type therefore knows its [`size`](Type::size) and [`depth`](Type::depth), and what is decoded has a
//! bound on both, so that every walk has an end.

mod crossing;
mod definitions;
mod notation;

use std::fmt;
use std::sync::Arc;

pub use crossing::Obstacle;

/// A type, with the name that its interface gives it.
#[derive(Clone, PartialEq, Eq)]
pub struct Type(Arc<Node>);

#[derive(PartialEq, Eq)]
struct Node {
    name: Option<String>,
    shape: Shape,
    size: usize,
    depth: usize,
    crosses: bool,
    /// The positions of its fields, cases or flags in the order of their names, if it has many: values of others name
    /// them, and the types may be those of others, too.
    by_name: Vec<usize>,
}

/// Fields, cases or flags that are looked for one by one.
const FEW: usize = 16;

/// What a type is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// `bool`
    Bool,
    /// `s8`
    S8,
    /// `u8`
    U8,
    /// `s16`
    S16,
    /// `u16`
    U16,
    /// `s32`
    S32,
    /// `u32`
    U32,
    /// `s64`
    S64,
    /// `u64`
    U64,
    /// `f32`
    F32,
    /// `f64`
    F64,
    /// `char`: a Unicode scalar value.
    Char,
    /// `string`
    String,
    /// `list<t>`
    List(Type),
    /// `list<t, n>`: as many elements as the type says.
    FixedList(Type, u32),
    /// `tuple<a, b>`
    Tuple(Vec<Type>),
    /// `record { a: t, b: u }`, its fields in the order of the contract.
    Record(Vec<Field>),
    /// `variant { a, b(t) }`, its cases in the order of the contract.
    Variant(Vec<Case>),
    /// `enum { a, b }`, its cases in the order of the contract.
    Enum(Vec<String>),
    /// `flags { a, b }`, their names in the order of the contract.
    Flags(Vec<String>),
    /// `option<t>`
    Option(Type),
    /// `result<t, e>`; either may have no payload.
    Result {
        /// The payload of `ok`.
        ok: Option<Type>,
        /// The payload of `err`.
        err: Option<Type>,
    },
    /// What means something only inside the instance that has it.
    Local(Local),
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// A case of a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// The type of its payload, if it has one.
    pub ty: Option<Type>,
}

/// What cannot cross between services: it stands for something inside one instance, or has no packed form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Local {
    /// A resource, given away, by its name.
    Own(String),
    /// `borrow<r>`: a resource, lent, by its name.
    Borrow(String),
    /// `stream<t>`
    Stream(Option<Type>),
    /// `future<t>`
    Future(Option<Type>),
    /// `error-context`
    ErrorContext,
    /// `map<k, v>`
    Map(Type, Type),
}

impl Type {
    /// The type of this shape that has no name.
    pub fn new(shape: Shape) -> Self {
        Self::build(None, shape)
    }

    /// The type of this shape that its interface calls `name`.
    pub fn named(name: impl Into<String>, shape: Shape) -> Self {
        Self::build(Some(name.into()), shape)
    }

    fn build(name: Option<String>, shape: Shape) -> Self {
        let (mut size, mut depth) = (1usize, 0);
        let mut crosses = !matches!(shape, Shape::Local(_));
        shape.each_part(&mut |part: &Self| {
            size = size.saturating_add(part.size());
            depth = depth.max(part.depth());
            crosses &= part.crosses();
        });
        let mut by_name = Vec::new();
        if shape.names().nth(FEW).is_some() {
            let mut names: Vec<_> = shape.names().zip(0..).collect();
            names.sort_unstable();
            by_name = names.into_iter().map(|(_, position)| position).collect();
        }
        Self(Arc::new(Node { name, shape, size, depth: depth + 1, crosses, by_name }))
    }

    /// What it is made of.
    pub fn shape(&self) -> &Shape {
        &self.0.shape
    }

    /// The name that its interface gives it.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// How many types it has when it is written out, itself included; `usize::MAX` stands for that many or more.
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// How many types are nested in each other, itself included.
    pub fn depth(&self) -> usize {
        self.0.depth
    }

    /// Whether its values can go from one service to another.
    pub fn crosses(&self) -> bool {
        self.0.crosses
    }

    /// The position of its field, case or flag of this name.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        let Node { shape, by_name, .. } = &*self.0;
        if by_name.is_empty() {
            return shape.names().position(|other| other == name);
        }
        let found = by_name.binary_search_by(|position| shape.name_at(*position).cmp(&Some(name))).ok()?;
        by_name.get(found).copied()
    }

    /// Whether both are the same value, which is cheaper than comparing them.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Type {
    /// In WIT notation: what is shared would be written out again and again otherwise.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Shape {
    /// Whether it is made of nothing else: a number, `bool`, `char` or `string`.
    pub(crate) fn is_plain(&self) -> bool {
        use Shape::{Bool, Char, F32, F64, S8, S16, S32, S64, String, U8, U16, U32, U64};
        matches!(self, Bool | S8 | U8 | S16 | U16 | S32 | U32 | S64 | U64 | F32 | F64 | Char | String)
    }

    /// The names of its fields, cases or flags.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        (0..).map_while(|position| self.name_at(position))
    }

    fn name_at(&self, position: usize) -> Option<&str> {
        match self {
            Self::Record(fields) => fields.get(position).map(|field| field.name.as_str()),
            Self::Variant(cases) => cases.get(position).map(|case| case.name.as_str()),
            Self::Enum(names) | Self::Flags(names) => names.get(position).map(String::as_str),
            _ => None,
        }
    }

    /// Shows `look` the types that it is made of.
    fn each_part<'a>(&'a self, look: &mut dyn FnMut(&'a Type)) {
        match self {
            Self::List(part) | Self::FixedList(part, _) | Self::Option(part) => look(part),
            Self::Tuple(parts) => parts.iter().for_each(look),
            Self::Record(fields) => fields.iter().map(|field| &field.ty).for_each(look),
            Self::Variant(cases) => cases.iter().filter_map(|case| case.ty.as_ref()).for_each(look),
            Self::Result { ok, err } => ok.iter().chain(err).for_each(look),
            Self::Local(Local::Stream(part) | Local::Future(part)) => part.iter().for_each(look),
            Self::Local(Local::Map(key, value)) => [key, value].into_iter().for_each(look),
            Self::Local(Local::Own(_) | Local::Borrow(_) | Local::ErrorContext)
            | Self::Bool
            | Self::S8
            | Self::U8
            | Self::S16
            | Self::U16
            | Self::S32
            | Self::U32
            | Self::S64
            | Self::U64
            | Self::F32
            | Self::F64
            | Self::Char
            | Self::String
            | Self::Enum(_)
            | Self::Flags(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_knows_how_large_it_is() {
        let byte = Type::new(Shape::U8);
        assert_eq!((byte.size(), byte.depth(), byte.crosses()), (1, 1, true));
        let mut doubled = byte;
        for _ in 0..80 {
            doubled = Type::new(Shape::Tuple(vec![doubled.clone(), doubled]));
        }
        assert_eq!((doubled.size(), doubled.depth(), doubled.crosses()), (usize::MAX, 81, true));
        assert!(doubled == doubled.clone());

        let wallet = Type::new(Shape::Local(Local::Own("wallet".to_owned())));
        let list = Type::named("wallets", Shape::List(wallet));
        assert_eq!((list.size(), list.depth(), list.crosses()), (2, 2, false));
    }

    #[test]
    fn names_have_positions() {
        for count in [0, 1, 16, 17, 300] {
            let names: Vec<_> = (0..count).map(|n| format!("n{n}")).collect();
            let ty = Type::new(Shape::Flags(names.clone()));
            for (position, name) in names.iter().enumerate() {
                assert_eq!(ty.position(name), Some(position));
            }
            assert_eq!(ty.position("n"), None);
        }
        assert_eq!(Type::new(Shape::U8).position("n"), None);
    }
}

//! Functions of a contract.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

use serde::{Serialize, Serializer};

use crate::Type;

/// A function that a component imports or exports.
///
/// It is shown, and serialised, in WIT notation: `reserve: func(sku: string) -> result<u32, error>`. A function of a
/// resource is shown with the names of both: `fields.get`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name as the component has it, by which it is linked: `reserve`, or `[method]fields.get` for one of a
    /// resource.
    pub name: String,
    /// Whether it is an `async func` of WASI 0.3.
    pub is_async: bool,
    /// Its parameters, in their order. The first parameter of a method is the resource itself.
    pub params: Vec<Param>,
    /// The type of what it returns, if it returns something.
    pub result: Option<Type>,
}

/// A parameter of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Param {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

impl Function {
    /// Its name for people: `reserve`, `fields.get`, `fields.constructor`.
    pub fn shown_name(&self) -> Cow<'_, str> {
        match self.kind_and_name() {
            ("constructor", resource) => Cow::Owned(format!("{resource}.constructor")),
            (_, name) => Cow::Borrowed(name),
        }
    }

    /// Its signature without the name: `func(sku: string) -> u32`.
    pub fn signature(&self) -> impl Display + '_ {
        Signature(self)
    }

    /// Functions of resources are encoded as `[method]resource.name`, `[static]resource.name`, `[constructor]resource`.
    fn kind_and_name(&self) -> (&str, &str) {
        let name = self.name.as_str();
        name.strip_prefix('[').and_then(|name| name.split_once(']')).unwrap_or(("", name))
    }
}

impl Display for Function {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (kind, name) = self.kind_and_name();
        f.write_str(name)?;
        if kind == "constructor" {
            f.write_str(".constructor")?;
        }
        write!(f, ": {}", self.signature())
    }
}

struct Signature<'a>(&'a Function);

impl Display for Signature<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (kind, _) = self.0.kind_and_name();
        f.write_str(if kind.contains("static") { "static " } else { "" })?;
        f.write_str(if self.0.is_async { "async func(" } else { "func(" })?;
        // The first parameter of a method is the resource itself, which its name says.
        let own_params = self.0.params.iter().skip(usize::from(kind.contains("method")));
        for (index, Param { name, ty }) in own_params.enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            write!(f, "{name}: {ty}")?;
        }
        f.write_str(")")?;
        self.0.result.as_ref().map_or(Ok(()), |ty| write!(f, " -> {ty}"))
    }
}

impl Serialize for Function {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

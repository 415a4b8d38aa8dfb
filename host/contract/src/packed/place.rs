//! A place in a value: what is there by its type, and the way to it.

use super::PackedError;
use super::layout::MAX_DEPTH;
use crate::path::{Path, Step};
use crate::short::short;
use crate::{Shape, Type};

#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) ty: &'a Type,
    pub(super) path: Path<'a>,
}

impl<'a> Place<'a> {
    /// The place of a whole value that is called `name`.
    pub(super) fn root(ty: &'a Type, name: &'a str) -> Self {
        Self { ty, path: Path::root(name) }
    }

    /// The place one step on, where there is a `ty`.
    pub(super) fn then(&'a self, ty: &'a Type, step: Step<'a>) -> Self {
        Self { ty, path: self.path.then(step) }
    }

    /// Whether there can be a value at all.
    ///
    /// Types without parts do not exist in WIT. Were they let in, a few bytes could stand for a list of four billion
    /// of them.
    ///
    /// # Errors
    /// If the type cannot cross, has no parts, or is nested too deep.
    pub(super) fn check(&self) -> Result<(), PackedError> {
        if self.path.depth() > MAX_DEPTH {
            return Err(PackedError::unsupported(&self.path, self.ty, "values are nested too deep here"));
        }
        let is_empty = match self.ty.shape() {
            Shape::Local(local) => return Err(PackedError::local(&self.path, local)),
            Shape::Tuple(parts) => parts.is_empty(),
            Shape::Record(fields) => fields.is_empty(),
            Shape::Flags(names) => names.is_empty(),
            Shape::FixedList(_, length) => *length == 0,
            _ => false,
        };
        if is_empty {
            return Err(PackedError::unsupported(&self.path, self.ty, "a type has at least one part"));
        }
        Ok(())
    }

    /// The error that something else is here.
    pub(super) fn wrong(&self, found: impl Into<String>) -> PackedError {
        PackedError::unexpected(&self.path, self.expected(), found)
    }

    /// What should be here, in WIT notation.
    pub(super) fn expected(&self) -> String {
        match self.ty.name() {
            Some(name) => format!("`{}` ({})", short(name), short(self.ty.shape())),
            None => format!("`{}`", short(self.ty)),
        }
    }
}

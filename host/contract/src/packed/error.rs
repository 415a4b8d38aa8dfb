//! Why something is no value of a type.

use crate::path::Path;
use crate::short::short;
use crate::{Local, Type};

/// Why bytes, JSON or WAVE text are no value of a type, for the person who wrote them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackedError {
    /// Something else is there than the type says.
    #[error("`{path}`: expected {expected}, found {found}")]
    Unexpected {
        /// Where in the value: `order.lines[3].qty`.
        path: String,
        /// What should be there; types in WIT notation.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The type cannot cross between services, or its values are nested too deep.
    #[error("`{path}` is `{ty}`, which has no packed values: {reason}")]
    Unsupported {
        /// Where in the value.
        path: String,
        /// The type, in WIT notation.
        ty: String,
        /// Why not, and what to use instead.
        reason: &'static str,
    },
    /// Bytes are left over behind the last value.
    #[error("{count} bytes are left over behind the last value")]
    LeftOver {
        /// How many.
        count: usize,
    },
    /// The value would come to more than [`MAX_BYTES`](super::MAX_BYTES).
    #[error("the value comes to more than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The text is no WAVE.
    #[error("line {line}, column {column}, in `{path}`: expected {expected}, found {found}")]
    Syntax {
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// Where in the value.
        path: String,
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
    },
}

impl PackedError {
    pub(super) fn unexpected(path: &Path<'_>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self::Unexpected { path: short(path), expected: expected.into(), found: found.into() }
    }

    pub(super) fn local(path: &Path<'_>, local: &Local) -> Self {
        Self::Unsupported { path: short(path), ty: short(local), reason: local.advice() }
    }

    pub(super) fn unsupported(path: &Path<'_>, ty: &Type, reason: &'static str) -> Self {
        Self::Unsupported { path: short(path), ty: short(ty), reason }
    }
}

//! The bounds on the size of a contract.
//!
//! A few bytes of a component can stand for much: a tuple of two tuples of two tuples, or a thousand imports of one
//! large instance type. All text and all steps that make a contract are paid from one budget, and what its types come
//! to when they are written out wherever they are used from another. So whoever walks a contract comes to an end.

use std::fmt::{self, Display, Write};

use super::DecodeError;

/// Text that a contract may have, in bytes. That of all of WASI has 40 thousand.
const TEXT: usize = 1 << 20;

/// Types that a contract may have, written out wherever they are used. A component with 27 imports of WASI has 1,260.
const TYPES: usize = 1 << 19;

/// What one look at something costs in bytes of text, so that what has no text is not free.
pub(super) const STEP: usize = 8;

/// What is left to spend.
#[derive(Debug)]
pub(super) struct Budget {
    text: usize,
    types: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { text: TEXT, types: TYPES }
    }
}

impl Budget {
    /// Pays for `cost` bytes of text.
    ///
    /// # Errors
    /// [`DecodeError::TooLarge`] if less is left.
    pub(super) fn spend(&mut self, cost: usize) -> Result<(), DecodeError> {
        self.text = self.text.checked_sub(cost).ok_or(DecodeError::TooLarge { limit: TEXT })?;
        Ok(())
    }

    /// Pays for the text of `shown`, as much of it as can be paid for.
    ///
    /// # Errors
    /// [`DecodeError::TooLarge`] if less is left.
    pub(super) fn charge(&mut self, shown: &impl Display) -> Result<(), DecodeError> {
        write!(Meter(self), "{shown}").map_err(|_| DecodeError::TooLarge { limit: TEXT })
    }

    /// Pays for a type that comes to `size` types when it is written out.
    ///
    /// # Errors
    /// [`DecodeError::TooComplex`] if less is left.
    pub(super) fn write_out(&mut self, size: usize) -> Result<(), DecodeError> {
        self.types = self.types.checked_sub(size).ok_or(DecodeError::TooComplex { limit: TYPES })?;
        Ok(())
    }
}

/// Pays for what is written to it, and keeps nothing.
struct Meter<'a>(&'a mut Budget);

impl Write for Meter<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.0.spend(piece.len()).map_err(|_| fmt::Error)
    }
}

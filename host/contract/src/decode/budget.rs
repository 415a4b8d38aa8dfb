//! The bound on the text of a contract.
//!
//! A few bytes of a component can stand for much text: a tuple of two tuples of two tuples, or a thousand imports of
//! one large instance type. All text and all steps that make it are paid from one budget.

use super::DecodeError;

/// Text that a contract may have, in bytes. That of all of WASI has 40 thousand.
const LIMIT: usize = 1 << 20;

/// What is left to spend.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(LIMIT)
    }
}

impl Budget {
    /// Pays for `cost` bytes.
    ///
    /// # Errors
    /// [`DecodeError::TooLarge`] if less is left.
    pub(super) fn spend(&mut self, cost: usize) -> Result<(), DecodeError> {
        self.0 = self.0.checked_sub(cost).ok_or(DecodeError::TooLarge { limit: LIMIT })?;
        Ok(())
    }

    /// Adds `piece` to `text` and pays for it.
    ///
    /// # Errors
    /// [`DecodeError::TooLarge`] if less is left.
    pub(super) fn write(&mut self, text: &mut String, piece: &str) -> Result<(), DecodeError> {
        self.spend(piece.len())?;
        text.push_str(piece);
        Ok(())
    }
}

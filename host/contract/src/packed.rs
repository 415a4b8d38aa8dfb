//! Packed values.

pub(crate) mod layout;

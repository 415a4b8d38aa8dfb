//! Random numbers of the operating system.

use std::io;

/// A number that nobody can guess, and that no other call returns.
///
/// # Errors
/// If the operating system has none to give.
pub fn random() -> io::Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(u64::from_le_bytes(bytes))
}

//! Hazards: what can go wrong in the midst of the host's work, so that tests can bring it about.
//!
//! A host may be killed between any two writes, and any write may fail. Whoever writes to the state directory, or calls
//! a port, comes past a [`Hazard`] first. In service it is [`NoHazard`]; a test puts one there that ends the process,
//! reports a full disk, or takes its time.

use std::fmt;
use std::io;
use std::path::Path;

/// Something that the host is about to do and that has an effect beyond its own memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act<'a> {
    /// Makes a folder.
    CreateFolder(&'a Path),
    /// Makes a file that was not there before.
    CreateFile(&'a Path),
    /// Adds bytes to a file that it made.
    Write(&'a Path, &'a [u8]),
    /// Makes the content of a file durable.
    Sync(&'a Path),
    /// Gives the first file the name of the second, which is replaced if it is there.
    Rename(&'a Path, &'a Path),
    /// Makes the names in a folder durable.
    SyncFolder(&'a Path),
    /// Removes a file.
    Remove(&'a Path),
    /// Calls a port, such as `registry.save`.
    Call(&'static str),
    /// Goes on after a call of a port.
    Return(&'static str),
}

/// What can go wrong. Asked before each act, on the thread that does it.
pub trait Hazard: fmt::Debug + Send + Sync {
    /// Lets the act be done, or fails in its place. May block, and may not come back at all.
    ///
    /// # Errors
    /// What the operating system would say of the act. Of a call of a port it is ignored.
    fn meet(&self, act: Act<'_>) -> io::Result<()>;
}

/// Nothing goes wrong but what goes wrong by itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoHazard;

impl Hazard for NoHazard {
    fn meet(&self, _: Act<'_>) -> io::Result<()> {
        Ok(())
    }
}

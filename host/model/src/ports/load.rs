//! What the process takes of the machine.

/// Tells how much memory the host has, and how much it may have. Asked ten times a second while calls come.
pub trait HostLoad: Send + Sync {
    /// What the process has of memory that it cannot give back by itself, in bytes. `None` where that cannot be told.
    fn memory(&self) -> Option<u64>;

    /// What it may have, in bytes: what the operating system enforces, or what the machine has. `None` where that cannot be
    /// told.
    fn memory_limit(&self) -> Option<u64>;
}

//! Load shedding: a host that cannot serve all calls in time refuses some of them at once, the least important first,
//! before memory or waiting times run away.
//!
//! How much is refused is one number, the level (`level.rs`). What sets it is a state machine that hears how the host
//! fares, ten times a second (`controller.rs`). Here is what each call asks: while all is well that is one load.

mod controller;
mod level;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use patchbay_model::policy::Priority;
use patchbay_model::{Fault, FaultKind};
use tokio::sync::Notify;

pub use controller::{Controller, LoadSample, ShedNews, ShedTargets};
pub use level::Level;

use crate::chance::chance;

/// Nobody watches the load: the next call has to wake whoever does.
const UNWATCHED: u32 = 1 << 31;
/// Which one of the random numbers of a call it is.
const ROUND: u32 = 0x5eed;

/// Refuses calls while the host is saturated.
#[derive(Debug)]
pub struct Shedder {
    /// The level, and [`UNWATCHED`]. Zero while all is well.
    state: AtomicU32,
    called: Notify,
    refused: [AtomicU64; Priority::ALL.len()],
}

/// How a shedder stands, and what it has refused since the host runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShedStatus {
    /// What is refused now.
    pub level: Level,
    /// Calls that were refused, of each priority: low, normal, high.
    pub refused: [u64; Priority::ALL.len()],
}

impl Default for Shedder {
    fn default() -> Self {
        Self { state: AtomicU32::new(UNWATCHED), called: Notify::new(), refused: Default::default() }
    }
}

impl Shedder {
    /// Lets a call in, or not. `seed` names the call: asked twice for the same one, the answer is the same, as long as the
    /// level is.
    ///
    /// # Errors
    /// [`FaultKind::Overloaded`]: the host is saturated, and others come first.
    pub fn admit(&self, priority: Priority, seed: u64) -> Result<(), Fault> {
        match self.state.load(Ordering::Relaxed) {
            0 => Ok(()),
            state => self.admit_under(state, priority, seed),
        }
    }

    #[cold]
    fn admit_under(&self, state: u32, priority: Priority, seed: u64) -> Result<(), Fault> {
        if state & UNWATCHED != 0 && self.state.fetch_and(!UNWATCHED, Ordering::Relaxed) & UNWATCHED != 0 {
            self.called.notify_one();
        }
        let number = chance(seed, ROUND);
        if !Level::from_bits(state & !UNWATCHED).refuses(priority, number) {
            return Ok(());
        }
        if let Some(count) = self.refused.get(priority as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        // Those that are refused together do not come back together.
        let wait = Duration::from_secs(1 + (number >> 32) % 4);
        Err(Fault::new(FaultKind::Overloaded, "the host has more calls than it can serve now; this one was not begun")
            .with_retry_after(wait)
            .unprocessed())
    }

    /// Sets the level.
    pub fn set(&self, level: Level) {
        self.state.store(level.bits(), Ordering::Relaxed);
    }

    /// Waits until a call comes. Until then nobody has to watch the load: a host that has nothing to do does nothing.
    pub async fn called(&self) {
        self.state.fetch_or(UNWATCHED, Ordering::Relaxed);
        self.called.notified().await;
    }

    /// How it stands.
    pub fn status(&self) -> ShedStatus {
        let level = Level::from_bits(self.state.load(Ordering::Relaxed) & !UNWATCHED);
        ShedStatus { level, refused: self.refused.each_ref().map(|count| count.load(Ordering::Relaxed)) }
    }
}

#[cfg(test)]
mod tests;

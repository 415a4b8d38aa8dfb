//! Whether the host wants traffic: set by the one who starts and stops it, read by `/readyz`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use serde::Serialize;
use utoipa::ToSchema;

/// Where the host stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReadinessState {
    /// It brings up its services.
    Starting,
    /// It takes calls.
    Ready,
    /// It drains and takes no new calls.
    Stopping,
}

/// A shared [`ReadinessState`]. Clones share it; a new one is [`ReadinessState::Starting`].
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicU8>);

const STARTING: u8 = 0;
const READY: u8 = 1;
const STOPPING: u8 = 2;

impl Readiness {
    /// Changes the state.
    pub fn set(&self, state: ReadinessState) {
        let state = match state {
            ReadinessState::Starting => STARTING,
            ReadinessState::Ready => READY,
            ReadinessState::Stopping => STOPPING,
        };
        self.0.store(state, Ordering::Release);
    }

    /// The state now.
    pub fn state(&self) -> ReadinessState {
        match self.0.load(Ordering::Acquire) {
            STARTING => ReadinessState::Starting,
            READY => ReadinessState::Ready,
            _ => ReadinessState::Stopping,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_the_state() {
        let readiness = Readiness::default();
        assert_eq!(readiness.state(), ReadinessState::Starting);
        for state in [ReadinessState::Ready, ReadinessState::Stopping, ReadinessState::Starting] {
            readiness.clone().set(state);
            assert_eq!(readiness.state(), state);
        }
    }
}

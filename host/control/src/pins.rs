//! Components that must not be forgotten, because a change under way is about to need them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use patchbay_model::Digest;

/// Counts, per component, who needs it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pins(Arc<Mutex<HashMap<Digest, u32>>>);

/// Keeps one component until dropped.
#[derive(Debug)]
pub(crate) struct Pin {
    digest: Digest,
    pins: Pins,
}

impl Pins {
    /// Keeps a component until the pin is dropped.
    pub(crate) fn pin(&self, digest: Digest) -> Pin {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(digest).or_default() += 1;
        Pin { digest, pins: self.clone() }
    }

    /// Whether someone needs it.
    pub(crate) fn holds(&self, digest: &Digest) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains_key(digest)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut pins = self.pins.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = pins.get_mut(&self.digest) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&self.digest);
            }
        }
    }
}

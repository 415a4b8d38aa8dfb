//! Components that must not be forgotten, because a change that is under way or announced is about to need them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use patchbay_model::Digest;

/// Counts, per component, who needs it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pins {
    /// By changes under way.
    changes: Counts,
    /// By uploads that no deployment has followed yet.
    uploads: Counts,
}

/// How often a component is needed; never 0.
#[derive(Debug, Clone, Default)]
struct Counts(Arc<Mutex<HashMap<Digest, u32>>>);

impl Counts {
    fn add(&self, digest: Digest) {
        *self.lock().entry(digest).or_default() += 1;
    }

    fn remove(&self, digest: &Digest) {
        let mut counts = self.lock();
        if let Some(count) = counts.get_mut(digest) {
            *count -= 1;
            if *count == 0 {
                counts.remove(digest);
            }
        }
    }

    fn has(&self, digest: &Digest) -> bool {
        self.lock().contains_key(digest)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps one component until dropped.
#[derive(Debug)]
pub struct Pin {
    digest: Digest,
    pins: Pins,
}

impl Pins {
    /// Keeps a component until the pin is dropped.
    pub(crate) fn pin(&self, digest: Digest) -> Pin {
        self.changes.add(digest);
        Pin { digest, pins: self.clone() }
    }

    /// Keeps a component that was uploaded until it is deployed: meanwhile the last revision with the same bytes may
    /// go, and whoever uploaded it was told that it is there.
    pub(crate) fn uploaded(&self, digest: Digest) {
        self.uploads.add(digest);
    }

    /// Ends what one upload of a component began.
    pub(crate) fn deployed(&self, digest: &Digest) {
        self.uploads.remove(digest);
    }

    /// Whether someone needs it.
    pub(crate) fn holds(&self, digest: &Digest) -> bool {
        self.changes.has(digest) || self.uploads.has(digest)
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        self.pins.changes.remove(&self.digest);
    }
}

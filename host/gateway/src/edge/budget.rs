//! How much of bodies may be in memory at a time, because something has to be known of all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A bound on bytes that several hold together.
#[derive(Debug)]
pub(super) struct Budget {
    most: u64,
    used: AtomicU64,
}

/// What one of them holds. It is given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    budget: Arc<Budget>,
    size: u64,
}

impl Budget {
    pub(super) fn new(most: u64) -> Arc<Self> {
        Arc::new(Self { most, used: AtomicU64::new(0) })
    }

    /// A share of nothing, to begin with.
    pub(super) fn share(self: &Arc<Self>) -> Share {
        Share { budget: Arc::clone(self), size: 0 }
    }
}

impl Share {
    /// Takes some bytes more. Returns whether there were as many.
    pub(super) fn grow(&mut self, bytes: u64) -> bool {
        let most = self.budget.most;
        let more = |used: u64| used.checked_add(bytes).filter(|used| *used <= most);
        let taken = self.budget.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok();
        if taken {
            self.size += bytes;
        }
        taken
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.size, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_given_back_and_never_more_than_there_is() {
        let budget = Budget::new(10);
        let (mut one, mut two) = (budget.share(), budget.share());
        assert!(one.grow(6) && two.grow(4));
        assert!(!one.grow(1) && !two.grow(u64::MAX));
        drop(one);
        assert!(two.grow(6) && !two.grow(1));
        drop(two);
        assert!(budget.share().grow(10));
    }
}

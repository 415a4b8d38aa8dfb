//! Turns: one change of a service at a time, from its first step until it is published.
//!
//! What a change leaves to be done afterwards, when the calls on the old revision have ended, must not meet a change
//! that is just about to activate that revision again. It waits for the end of that turn.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use patchbay_model::ServiceName;

type Work = Box<dyn FnOnce() + Send>;

/// Whose turn it is, per service.
#[derive(Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    taken: HashSet<ServiceName>,
    waiting: Vec<(ServiceName, Work)>,
}

/// The turn of one change. Given back when dropped.
pub(crate) struct Turn {
    service: ServiceName,
    turns: Turns,
}

impl Turns {
    /// Takes the turn of a service; `None` if another change has it.
    pub(crate) fn take(&self, service: &ServiceName) -> Option<Turn> {
        let taken = self.lock().taken.insert(service.clone());
        taken.then(|| Turn { service: service.clone(), turns: self.clone() })
    }

    /// Does something short between two turns of a service: now, or at the end of the present one.
    pub(crate) fn between(&self, service: &ServiceName, work: impl FnOnce() + Send + 'static) {
        // Done under the lock, so that no turn begins meanwhile.
        let mut state = self.lock();
        if state.taken.contains(service) {
            state.waiting.push((service.clone(), Box::new(work)));
        } else {
            work();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.turns.lock();
        state.taken.remove(&self.service);
        let (mine, others): (Vec<_>, Vec<_>) =
            state.waiting.drain(..).partition(|(service, _)| *service == self.service);
        state.waiting = others;
        for (_, work) in mine {
            work();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn work_between_turns_waits_for_the_turn_of_its_own_service() {
        let (turns, done) = (Turns::default(), Arc::<AtomicU32>::default());
        let add = |service: &ServiceName| {
            let done = Arc::clone(&done);
            turns.between(service, move || {
                done.fetch_add(1, Ordering::Relaxed);
            });
        };
        let (orders, payments) = ("orders".parse().unwrap(), "payments".parse().unwrap());
        let turn = turns.take(&orders).unwrap();
        assert!(turns.take(&orders).is_none());
        add(&orders);
        assert_eq!(done.load(Ordering::Relaxed), 0);
        add(&payments);
        assert_eq!(done.load(Ordering::Relaxed), 1);
        drop(turn);
        assert_eq!(done.load(Ordering::Relaxed), 2);
        add(&orders);
        assert_eq!(done.load(Ordering::Relaxed), 3);
        assert!(turns.take(&orders).is_some());
    }
}

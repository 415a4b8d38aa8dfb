//! The bulkhead: how many calls a service has at a time, and how many more may wait for a place.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use patchbay_model::{Fault, FaultKind, Limits};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// Places for the calls of one service. Outlives its revisions, so that a swap does not double them.
#[derive(Debug)]
pub struct Bulkhead {
    places: Arc<Semaphore>,
    size: Mutex<Size>,
    /// Places that were taken away while calls sat on them; the next ones to leave take them along.
    debt: Arc<AtomicUsize>,
    waiting: AtomicU32,
}

#[derive(Debug, Clone, Copy)]
struct Size {
    concurrency: u32,
    queue: u32,
    queue_wait: Duration,
}

impl Size {
    const fn of(limits: &Limits) -> Self {
        Self { concurrency: limits.concurrency, queue: limits.queue, queue_wait: limits.queue_wait }
    }
}

/// How full a bulkhead is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occupancy {
    /// Calls that have a place.
    pub calls: u32,
    /// Calls that wait for one.
    pub waiting: u32,
}

/// One place. Given back when dropped.
#[derive(Debug)]
pub struct Permit {
    place: Option<OwnedSemaphorePermit>,
    debt: Arc<AtomicUsize>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let owed = self.debt.fetch_update(Ordering::AcqRel, Ordering::Acquire, |debt| debt.checked_sub(1)).is_ok();
        if owed && let Some(place) = self.place.take() {
            place.forget();
        }
    }
}

/// Counts a waiting call for as long as it waits, also if its future is dropped.
struct Waiting<'a>(&'a AtomicU32);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Bulkhead {
    /// A bulkhead with the places that `limits` give.
    pub fn new(limits: &Limits) -> Self {
        Self {
            places: Arc::new(Semaphore::new(limits.concurrency as usize)),
            size: Mutex::new(Size::of(limits)),
            debt: Arc::default(),
            waiting: AtomicU32::new(0),
        }
    }

    /// Takes over the limits of another revision. Calls that have a place keep it.
    pub fn resize(&self, limits: &Limits) {
        let mut size = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        let (old, new) = (size.concurrency as usize, limits.concurrency as usize);
        if new < old {
            let taken = self.places.forget_permits(old - new);
            self.debt.fetch_add(old - new - taken, Ordering::AcqRel);
        }
        for _ in old..new {
            // A place that is still owed is paid back instead of being added twice.
            let repaid = self.debt.fetch_update(Ordering::AcqRel, Ordering::Acquire, |debt| debt.checked_sub(1));
            if repaid.is_err() {
                self.places.add_permits(1);
            }
        }
        *size = Size::of(limits);
    }

    /// Takes a place, waiting for one in the queue if there is room, and never past `deadline`.
    ///
    /// # Errors
    /// [`FaultKind::Overloaded`] if the queue is full or the wait was in vain, [`FaultKind::Deadline`] if the
    /// deadline passed first. Either way the call was not begun.
    pub async fn enter(&self, deadline: Instant) -> Result<Permit, Fault> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Ok(self.permit(place));
        }
        let size = *self.size.lock().unwrap_or_else(PoisonError::into_inner);
        let _waiting = self.queue(size.queue)?;
        let patience = Instant::now() + size.queue_wait;
        match timeout_at(patience.min(deadline), Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(place)) => Ok(self.permit(place)),
            Ok(Err(closed)) => Err(Fault::new(FaultKind::Internal, "the service takes no calls").with_details(closed)),
            Err(_) if deadline <= patience => {
                Err(Fault::new(FaultKind::Deadline, "the deadline passed while the call waited for its turn"))
            }
            Err(_) => {
                Err(Fault::new(FaultKind::Overloaded, "the service is busy; the call waited for its turn in vain")
                    .with_details(format_args!(
                        "queue_wait = {:?}, concurrency = {}",
                        size.queue_wait, size.concurrency
                    )))
            }
        }
    }

    /// How full it is now.
    pub fn occupancy(&self) -> Occupancy {
        let size = self.size.lock().unwrap_or_else(PoisonError::into_inner).concurrency as usize;
        let total = size + self.debt.load(Ordering::Acquire);
        let calls = total.saturating_sub(self.places.available_permits());
        Occupancy { calls: u32::try_from(calls).unwrap_or(u32::MAX), waiting: self.waiting.load(Ordering::Acquire) }
    }

    fn permit(&self, place: OwnedSemaphorePermit) -> Permit {
        Permit { place: Some(place), debt: Arc::clone(&self.debt) }
    }

    fn queue(&self, room: u32) -> Result<Waiting<'_>, Fault> {
        let joined = self
            .waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |waiting| (waiting < room).then_some(waiting + 1));
        match joined {
            Ok(_) => Ok(Waiting(&self.waiting)),
            Err(_) => Err(Fault::new(FaultKind::Overloaded, "the service is busy and its queue is full")
                .with_details(format_args!("queue = {room}"))),
        }
    }
}

#[cfg(test)]
mod tests;

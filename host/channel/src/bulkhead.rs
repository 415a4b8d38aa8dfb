//! The bulkhead: how many calls a service has at a time, and how many more may wait for a place.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use patchbay_model::metrics::HistogramReading;
use patchbay_model::{Fault, FaultKind, Limits};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use crate::measured::Histogram;

/// Places for the calls of one service. Outlives its revisions, so that a swap does not double them.
#[derive(Debug)]
pub struct Bulkhead {
    places: Arc<Places>,
    size: Mutex<Size>,
    waiting: AtomicU32,
    waits: Histogram,
}

#[derive(Debug)]
struct Places {
    free: Semaphore,
    /// Places that were taken away while calls sat on them; the next ones to leave take them along.
    debt: AtomicUsize,
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
pub struct Permit(Arc<Places>);

impl Places {
    /// Takes one place away that was owed. `false` if none is.
    fn repay(&self) -> bool {
        self.debt.fetch_update(Ordering::AcqRel, Ordering::Acquire, |debt| debt.checked_sub(1)).is_ok()
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.0.repay() {
            self.0.free.add_permits(1);
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
            places: Arc::new(Places { free: Semaphore::new(limits.concurrency as usize), debt: AtomicUsize::new(0) }),
            size: Mutex::new(Size::of(limits)),
            waiting: AtomicU32::new(0),
            waits: Histogram::default(),
        }
    }

    /// Takes over the limits of another revision. Calls that have a place keep it.
    pub fn resize(&self, limits: &Limits) {
        let mut size = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        let (old, new) = (size.concurrency as usize, limits.concurrency as usize);
        if new < old {
            let taken = self.places.free.forget_permits(old - new);
            self.places.debt.fetch_add(old - new - taken, Ordering::AcqRel);
        }
        for _ in old..new {
            // A place that is still owed is paid back instead of being added twice.
            if !self.places.repay() {
                self.places.free.add_permits(1);
            }
        }
        *size = Size::of(limits);
    }

    /// Takes a place, if one is free.
    pub fn try_enter(&self) -> Option<Permit> {
        self.places.free.try_acquire().ok().map(|place| self.permit(place))
    }

    /// Takes a place, waiting for one in the queue if there is room, and never past `deadline`.
    ///
    /// # Errors
    /// [`FaultKind::Overloaded`] if the queue is full or the wait was in vain, [`FaultKind::Deadline`] if the
    /// deadline passed first. Either way the call was not begun.
    pub async fn enter(&self, deadline: Instant) -> Result<Permit, Fault> {
        if let Some(place) = self.try_enter() {
            return Ok(place);
        }
        let size = *self.size.lock().unwrap_or_else(PoisonError::into_inner);
        let _waiting = self.queue(size.queue)?;
        let begun = Instant::now();
        let patience = begun + size.queue_wait;
        let acquired = timeout_at(patience.min(deadline), self.places.free.acquire()).await;
        self.waits.count(begun.elapsed());
        match acquired {
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

    /// How long those had to wait that found no place at once, and came to the end of their wait.
    pub fn waits(&self) -> HistogramReading {
        self.waits.read()
    }

    /// How full it is now.
    pub fn occupancy(&self) -> Occupancy {
        let size = self.size.lock().unwrap_or_else(PoisonError::into_inner).concurrency as usize;
        let total = size + self.places.debt.load(Ordering::Acquire);
        let calls = total.saturating_sub(self.places.free.available_permits());
        Occupancy { calls: u32::try_from(calls).unwrap_or(u32::MAX), waiting: self.waiting.load(Ordering::Acquire) }
    }

    /// What gives the place back in time. One reference for both counters, because all calls of the service share them.
    fn permit(&self, place: SemaphorePermit<'_>) -> Permit {
        place.forget();
        Permit(Arc::clone(&self.places))
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

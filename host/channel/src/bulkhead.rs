//! The bulkhead: how many calls a service has at a time, and how many more may wait for a place.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crossbeam_utils::CachePadded;
use patchbay_model::metrics::HistogramReading;
use patchbay_model::{Fault, FaultKind, Limits};
use patchbay_striped::{Lent, Places, Spread, Waiting};
use tokio::time::{Instant, timeout_at};

use crate::measured::Histogram;

/// Places for the calls of one service. Outlives its revisions, so that a swap does not double them.
#[derive(Debug)]
pub struct Bulkhead {
    /// In cache lines of their own: while nobody waits, calls only read what all of them share there.
    places: Spread<CachePadded<Places>>,
    size: Mutex<Size>,
    waits: Histogram,
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
pub struct Permit(Lent<CachePadded<Places>>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.give();
    }
}

impl Bulkhead {
    /// A bulkhead with the places that `limits` give.
    pub fn new(limits: &Limits) -> Self {
        Self {
            places: CachePadded::new(Places::new(limits.concurrency as usize)).into(),
            size: Mutex::new(Size::of(limits)),
            waits: Histogram::default(),
        }
    }

    /// Takes over the limits of another revision. Calls that have a place keep it.
    pub fn resize(&self, limits: &Limits) {
        let mut size = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        let (old, new) = (size.concurrency as usize, limits.concurrency as usize);
        match new.checked_sub(old) {
            Some(more) => self.places.add(more),
            None => self.places.remove(old - new),
        }
        *size = Size::of(limits);
    }

    /// Takes a place, if one is free.
    pub fn try_enter(&self) -> Option<Permit> {
        self.places.try_take().then(|| self.permit())
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
        let waiting = self.queue(size.queue)?;
        let begun = Instant::now();
        let patience = begun + size.queue_wait;
        let acquired = timeout_at(patience.min(deadline), waiting.take()).await;
        self.waits.count(begun.elapsed());
        match acquired {
            Ok(()) => Ok(self.permit()),
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
        let calls = self.places.n_taken(size);
        Occupancy { calls: u32::try_from(calls).unwrap_or(u32::MAX), waiting: self.places.n_waiting() }
    }

    /// What gives back a place that was taken.
    fn permit(&self) -> Permit {
        Permit(self.places.lend())
    }

    fn queue(&self, room: u32) -> Result<Waiting<'_>, Fault> {
        self.places.wait(room).ok_or_else(|| {
            Fault::new(FaultKind::Overloaded, "the service is busy and its queue is full")
                .with_details(format_args!("queue = {room}"))
        })
    }
}

#[cfg(test)]
mod tests;

//! The turnstile of a service: how many of its instances may have a thread, or a place in the queue for one, at a time.
//!
//! The runtime polls tasks in the order in which they become ready, and a guest gives its thread back at every tick. So
//! a service with hundreds of calls that compute would put hundreds of tasks before the one call of another service,
//! and the runtime looks for news from the network only when it has gone through them. Here the calls of one service
//! wait for each other instead, in a queue of their own, and of every service only as many stand in the queue of the
//! runtime as there are threads.
//!
//! A place is taken for one poll. Where a tick fell into that poll, it is kept until the runtime has gone through
//! everything else that is ready: given on at once, it would let the next call of the same service run before them, and
//! so all of them. The tick thereby bounds short calls, too, of which it finds one now and then.
//!
//! Whoever may have a longer turn goes on in its place after that, and gives it on a few ticks later.
//!
//! No place is held across a wait for anything but a thread: a guest that waits for another service is not polled and
//! has none, so that services that call each other do not wait for each other's places. A guest that is polled by another
//! one, because that waits for it, goes on under the place of the first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Poll;

use patchbay_model::ServiceName;
use patchbay_striped::Places;

use crate::meter::is_guest_here;

/// Places of one service, for all its revisions.
#[derive(Debug)]
pub(crate) struct Turnstile {
    /// First come, first served; a place that is given back belongs to who has waited for longest.
    places: Places,
}

/// A place, until it is dropped.
#[derive(Debug)]
struct Turn<'a>(&'a Places);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.give();
    }
}

/// The claim of a call on places of a turnstile, of which it has one or none. It is staked before the call takes an instance, so
/// that those who wait for their turn hold none, and the few instances that are at work stay in the caches.
#[derive(Debug)]
pub(crate) struct Claim<'a> {
    turnstile: &'a Turnstile,
    turn: Option<Turn<'a>>,
    /// Ticks that may fall into a turn, at least one.
    length: u32,
    /// Ticks that fell into this one.
    ticks: u32,
}

impl Claim<'_> {
    /// Waits for a place, unless it has one, or this thread is inside another guest, whose turn it is. `waits` is told that
    /// somebody has to wait, and that it is over.
    pub(crate) async fn stake(&mut self, waits: impl Fn(bool)) {
        if self.turn.is_some() || is_guest_here() {
            return;
        }
        self.turn = self.turnstile.try_enter();
        if self.turn.is_none() {
            waits(true);
            self.turn = self.turnstile.enter().await;
            waits(false);
        }
    }

    /// Whether it has a place.
    pub(crate) const fn has_place(&self) -> bool {
        self.turn.is_some()
    }

    /// Keeps its place for so many ticks that find the guest running, as long as that waits for nothing.
    pub(crate) const fn lasting(mut self, ticks: u32) -> Self {
        self.length = ticks;
        self
    }

    /// A tick found the guest running. Whether it may keep its place, for after everybody else had theirs.
    pub(crate) const fn goes_on(&mut self) -> bool {
        self.ticks += 1;
        self.ticks < self.length
    }

    /// Gives back the place.
    pub(crate) fn give_back(&mut self) {
        self.turn = None;
        self.ticks = 0;
    }
}

impl Turnstile {
    /// One with so many places, at least one.
    pub(crate) fn new(places: usize) -> Self {
        Self { places: Places::new(places.max(1)) }
    }

    /// The claim of a call on its places.
    pub(crate) const fn claim(&self) -> Claim<'_> {
        Claim { turnstile: self, turn: None, length: 1, ticks: 0 }
    }

    /// A place, if one is free.
    fn try_enter(&self) -> Option<Turn<'_>> {
        self.places.try_take().then_some(()).map(|()| Turn(&self.places))
    }

    /// Waits for a place. `None` on a thread that is inside a guest already: whoever polls there has a place.
    async fn enter(&self) -> Option<Turn<'_>> {
        let waiting = self.places.wait(u32::MAX)?;
        let mut place = std::pin::pin!(waiting.take());
        std::future::poll_fn(|cx| {
            if is_guest_here() {
                return Poll::Ready(None);
            }
            place.as_mut().poll(cx).map(|()| Some(Turn(&self.places)))
        })
        .await
    }
}

/// The turnstiles of all services that have a revision.
#[derive(Debug, Default)]
pub(crate) struct Turnstiles(Mutex<HashMap<ServiceName, Weak<Turnstile>>>);

impl Turnstiles {
    /// That of a service, the same for as long as anybody has it.
    pub(crate) fn of(&self, service: &ServiceName) -> Arc<Turnstile> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turnstile) = all.get(service).and_then(Weak::upgrade) {
            return turnstile;
        }
        all.retain(|_, turnstile| turnstile.strong_count() > 0);
        let turnstile = Arc::new(Turnstile::new(threads()));
        all.insert(service.clone(), Arc::downgrade(&turnstile));
        turnstile
    }
}

/// Threads that poll tasks.
fn threads() -> usize {
    tokio::runtime::Handle::try_current().map_or(1, |runtime| runtime.metrics().num_workers())
}

#[cfg(test)]
mod tests;

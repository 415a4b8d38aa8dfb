//! What a worker has on its desk: the calls that its instance works on, and what is to be done about them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use patchbay_model::ports::BoxFuture;
use patchbay_model::{Blame, Course, Fault};
use tokio::sync::oneshot;
use wasmtime::Store;
use wasmtime::component::GuestTaskId;

use super::pool::Pool;
use super::serving::{Phase, Serving};
use super::worker::Worker;
use crate::at_work::{Assignment, Calls};
use crate::fault;
use crate::meter::{Meter, now};
use crate::state::State;
use crate::stdio::Output;
use crate::usage::Idle;

/// The calls of one instance.
pub(super) struct Desk {
    pool: Arc<Pool>,
    worker: Arc<Worker>,
    meter: Arc<Meter>,
    output: Arc<Output>,
    late: Fault,
    /// Calls that the instance may serve in turn.
    uses: u32,
    /// Calls that it may serve at a time.
    places: usize,
    /// CPU time of one call.
    cpu_time: Duration,
    /// Calls that the instance may be at work on.
    calls: Vec<Arc<Serving>>,
    begun: u32,
    /// Whether the instance has nothing at all to do.
    quiet: bool,
    /// Whether the event loop asked for calls in its last turn. It does not while a guest blocks it.
    attentive: bool,
    /// Whether that turn was taken only to find this out.
    testing: bool,
    /// Whether a call was forsaken that the instance may still be at work on.
    tainted: bool,
    /// When work that nobody waits for any more has gone on for long enough.
    patience: Instant,
    /// The most hops of a call that the instance may still be at work on, forsaken or not.
    deepest: u32,
    idle: Option<(Idle, Instant)>,
    /// Told when the instance is there and waits for calls.
    started: Option<Started>,
}

/// Hears whether an instance that was made without a call could start.
pub(super) type Started = oneshot::Sender<Result<(), Fault>>;

/// What the worker does next.
pub(super) enum Verdict {
    /// Give the event loop another turn.
    LookAgain,
    /// Wait for something to happen, or for this time.
    Wait(Option<Instant>),
    /// Drop the instance.
    End,
}

impl Desk {
    pub(super) fn new(store: &Store<State>, pool: Arc<Pool>, worker: Arc<Worker>, started: Option<Started>) -> Self {
        let state = store.data();
        let (uses, places) = pool.revision.capacity();
        Self {
            worker,
            meter: state.meter.clone(),
            output: state.output.clone(),
            late: state.late(),
            uses,
            places: places as usize,
            cpu_time: pool.revision.settings.limits.cpu_time,
            calls: Vec::new(),
            begun: 0,
            quiet: false,
            attentive: false,
            testing: false,
            tainted: false,
            patience: now(),
            deepest: 0,
            idle: None,
            started,
            pool,
        }
    }

    /// A call is begun. `true` if the instance had nothing to do before.
    pub(super) fn begin(&mut self, serving: &Arc<Serving>) -> bool {
        let first = self.calls.is_empty();
        if first {
            // Wall time is enforced from outside of the event loop, for each call by itself.
            self.meter.begin(serving.deadline() + Duration::from_secs(48 * 60 * 60), self.cpu_time);
        }
        self.quiet = false;
        self.idle = None;
        self.begun += 1;
        self.patience = self.patience.max(serving.deadline());
        self.deepest = self.deepest.max(serving.assignment.begun().hops);
        self.calls.push(serving.clone());
        self.recount();
        first
    }

    /// The event loop took its turn, and found the instance with or without anything to do.
    pub(super) const fn report(&mut self, quiet: bool) {
        self.attentive = true;
        self.quiet = quiet;
    }

    /// Decides what comes next, after a turn of the event loop.
    pub(super) fn look(&mut self, now: Instant) -> Verdict {
        if self.quiet {
            return self.rest(now);
        }
        let wanted = self.sort(now);
        let inbox = self.worker.expire(now, &self.late);
        if wanted == 0 && (self.tainted || self.patience <= now) {
            if !self.tainted {
                self.pool.revision.report(None, &self.late);
            }
            return Verdict::End;
        }
        if self.test_attention(wanted) {
            return Verdict::LookAgain;
        }
        let deadline = match wanted {
            0 => Some(self.patience),
            _ => self.calls.iter().map(|call| call.deadline()).filter(|deadline| *deadline > now).min(),
        };
        Verdict::Wait(deadline.into_iter().chain(inbox).min())
    }

    /// Goes through the calls while the instance waits for its turn to have a thread. The earliest deadline of them.
    pub(super) fn wait(&mut self, now: Instant) -> Option<Instant> {
        self.sort(now);
        let inbox = self.worker.expire(now, &self.late);
        let begun = self.calls.iter().map(|call| call.deadline()).filter(|deadline| *deadline > now).min();
        begun.into_iter().chain(inbox).min()
    }

    /// The instance has nothing to do: all its calls are over, forsaken or not.
    fn rest(&mut self, now: Instant) -> Verdict {
        if !self.calls.is_empty() {
            self.calls.drain(..).for_each(|call| call.settle());
            self.recount();
        }
        self.tainted = false;
        self.deepest = 0;
        let since = self.idle.as_ref().map_or(now, |(_, since)| *since);
        let old = since + self.pool.revision.settings.instance_idle;
        if self.begun >= self.uses || old <= now || self.pool.is_cold() {
            // A call that came at the last moment is still served.
            return if self.pool.retire(&self.worker) { Verdict::End } else { Verdict::LookAgain };
        }
        self.pool.advertise(&self.worker);
        // Only now, so that an instance that is seen to wait for calls also gets the next one.
        self.idle.get_or_insert_with(|| (Idle::new(self.pool.revision.instances.lend()), since));
        if let Some(started) = self.started.take() {
            // Whoever waited may be gone.
            let _ = started.send(Ok(()));
        }
        Verdict::Wait(Some(old))
    }

    /// Goes through the calls; the number of those that someone still waits for.
    fn sort(&mut self, now: Instant) -> usize {
        let before = self.calls.len();
        let mut wanted = 0;
        let (late, tainted, shared) = (&self.late, &mut self.tainted, self.places > 1);
        let patience = &mut self.patience;
        self.calls.retain(|call| {
            // It may have got more time.
            *patience = call.deadline().max(*patience);
            match call.phase() {
                Phase::Waiting | Phase::Reading if call.deadline() <= now => {
                    call.expire(late.clone());
                    *tainted = true;
                }
                Phase::Waiting | Phase::Reading => wanted += 1,
                Phase::Gone => *tainted = true,
                // Of several calls it cannot be told whose work goes on after the replies, so none is waited for.
                Phase::Complete if shared => {
                    call.settle();
                    return false;
                }
                Phase::Complete => {}
            }
            true
        });
        if self.calls.len() < before {
            for calls in (self.calls.len() + 1..=before).rev() {
                self.meter.release_share(calls);
            }
            self.recount();
        }
        wanted
    }

    /// Offers the free places of an instance at work. `true` if the event loop has to take a turn first, to show that
    /// no guest blocks it: a call that was given to it then would wait for that guest.
    fn test_attention(&mut self, wanted: usize) -> bool {
        let free = !self.tainted && self.begun < self.uses && self.calls.len() < self.places && wanted > 0;
        let attentive = std::mem::take(&mut self.attentive);
        let tested = std::mem::take(&mut self.testing);
        let advertised = self.worker.is_advertised();
        if !free || (tested && !attentive) {
            if advertised {
                self.pool.withdraw(&self.worker);
            }
        } else if !advertised && tested {
            self.pool.advertise(&self.worker);
        } else if !advertised {
            self.testing = true;
        }
        self.testing
    }

    /// The number of calls changed: budget and log go by it.
    fn recount(&self) {
        self.meter.budget(self.cpu_time * u32::try_from(self.calls.len().max(1)).unwrap_or(u32::MAX));
        if self.calls.is_empty() {
            self.output.flush();
        }
        self.output.attribute(match self.calls.as_slice() {
            [call] => Some(&call.assignment),
            _ => None,
        });
    }

    /// Whether the instance has nothing at all to do.
    pub(super) const fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// The worker came out of the event loop: readers may believe what they saw.
    pub(super) fn tell_readers(&self) {
        self.calls.iter().for_each(|call| call.tell_reader());
    }

    /// The instance came to its end, in a fault or because nobody needs it.
    pub(super) fn close(&mut self, fault: Option<Fault>) {
        let Some(fault) = fault else { return };
        if let Some(started) = self.started.take() {
            // As above.
            let _ = started.send(Err(fault.clone()));
        }
        let fault = if self.places == 1 { fault::hint(fault, self.begun) } else { fault };
        let mut told = false;
        for call in &self.calls {
            let heard = matches!(call.phase(), Phase::Waiting | Phase::Reading);
            // The loss of one instance counts once, whoever of those that shared it was to blame.
            call.fail(if told { fault.clone().blamed_on(Blame::Shared) } else { fault.clone() });
            told |= heard;
        }
        if !told {
            self.pool.revision.report(self.calls.last().map(|call| call.assignment.begun().id), &fault);
        }
    }

    /// Lets go of the calls.
    pub(super) fn leave(&mut self) {
        self.calls.drain(..).for_each(|call| call.settle());
    }
}

impl Calls for Mutex<Desk> {
    /// The one call that the instance works on. Of several, it cannot be told which it sends for: so as long as the
    /// last of them has time, and as if for the one that came by the most hops.
    fn course(&self) -> Option<Course> {
        let desk = self.lock().unwrap_or_else(PoisonError::into_inner);
        match desk.calls.as_slice() {
            [call] => Some(Course { hops: desk.deepest, ..call.assignment.course() }),
            _ if desk.quiet => None,
            _ => Some(Course {
                call: None,
                deadline: desk.patience,
                hops: desk.deepest,
                cause: None,
                trace: None,
                user: None,
            }),
        }
    }

    fn look(&self, task: Option<GuestTaskId>, look: &mut dyn FnMut(&Assignment)) {
        let desk = self.lock().unwrap_or_else(PoisonError::into_inner);
        let of_task = |task| desk.calls.iter().rev().find(|call| call.is(task));
        let call = match desk.calls.as_slice() {
            [call] => Some(call),
            _ => task.and_then(of_task),
        };
        if let Some(call) = call {
            look(&call.assignment);
        }
    }

    fn call_of(&self, task: GuestTaskId) -> Option<(Course, BoxFuture<'static, ()>)> {
        let desk = self.lock().unwrap_or_else(PoisonError::into_inner);
        // The youngest: tasks that are over leave their names to others.
        let call = desk.calls.iter().rev().find(|call| call.is(task))?.clone();
        let course = call.assignment.course();
        Some((course, Box::pin(async move { call.forsaken().await })))
    }
}

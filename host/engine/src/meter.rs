//! Measures the CPU time of guests, and stops those that use too much of it or run past their deadline.
//!
//! Measured is the time that the thread really spent on the guest, as the kernel counts it, not the time that passed:
//! a guest must not be punished because the machine is busy with something else. Asking the kernel costs a system
//! call, so it is not asked for a call that ends before the first tick of the epoch, which is nearly every call. The
//! first tick charges its own length, which is the most that can have gone by unmeasured; from then on both ends of
//! every poll are measured.

use std::any::Any;
use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use patchbay_model::ports::Stopwatch;
use patchbay_striped::{Lent, Spread};
use wasmtime::UpdateDeadline;

use crate::sampled::Sample;
use crate::tally::ServiceTally;
use crate::ticker::Pulse;
use crate::turnstile::Claim;
use crate::watchdog::{self, Ticket};

/// Why a guest was interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Stop {
    /// The deadline of its call passed.
    #[error("the deadline of the call passed")]
    Deadline,
    /// Its CPU time is used up.
    #[error("the CPU time is used up")]
    CpuTime,
}

/// What the instances of a revision are measured by.
#[derive(Debug)]
pub(crate) struct Gauge {
    pub(crate) pulse: Pulse,
    pub(crate) ticket: Ticket,
    /// Where the time of all instances of the service is counted.
    pub(crate) tally: Spread<ServiceTally>,
    pub(crate) tick: Duration,
}

/// The CPU time of one instance. Its parts are atomic only because the guest's future and the epoch's callback both
/// reach them; they are never used by two threads at once.
#[derive(Debug)]
pub(crate) struct Meter {
    gauge: Lent<Gauge>,
    origin: Instant,
    /// Nanoseconds after `origin`.
    deadline: AtomicU64,
    /// Nanoseconds of CPU time, as all that follow.
    budget: AtomicU64,
    used: AtomicU64,
    /// What the thread had used when the guest was last charged.
    charged: AtomicU64,
    /// What the thread had used when this poll began, or when it was found running for the first time.
    entered: AtomicU64,
    /// Whether a tick has found the guest running.
    measuring: AtomicBool,
    /// Whether the guest was polled for this call before.
    has_run: AtomicBool,
    /// The ticks there were when this poll began.
    entered_at: AtomicU64,
    /// Whether the guest waits for its turn to have a thread.
    queued: AtomicBool,
}

/// Now, by the clock that deadlines are given in.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Meter {
    pub(crate) fn new(gauge: Lent<Gauge>) -> Self {
        Self {
            gauge,
            origin: now(),
            deadline: AtomicU64::new(u64::MAX),
            budget: AtomicU64::new(u64::MAX),
            used: AtomicU64::new(0),
            charged: AtomicU64::new(0),
            entered: AtomicU64::new(0),
            measuring: AtomicBool::new(false),
            has_run: AtomicBool::new(false),
            entered_at: AtomicU64::new(0),
            queued: AtomicBool::new(false),
        }
    }

    /// Starts afresh for one call.
    pub(crate) fn begin(&self, deadline: Instant, cpu_time: Duration) {
        let deadline = deadline.saturating_duration_since(self.origin);
        self.deadline.store(nanos(deadline), Ordering::Relaxed);
        self.budget(cpu_time);
        self.used.store(0, Ordering::Relaxed);
        self.measuring.store(false, Ordering::Relaxed);
        self.has_run.store(false, Ordering::Relaxed);
    }

    /// The deadline of the call is a later one now.
    pub(crate) fn postpone(&self, deadline: Instant) {
        let deadline = deadline.saturating_duration_since(self.origin);
        self.deadline.fetch_max(nanos(deadline), Ordering::Relaxed);
    }

    /// Sets what may be used since [`Meter::begin`], whatever was used of it already.
    pub(crate) fn budget(&self, cpu_time: Duration) {
        self.budget.store(nanos(cpu_time), Ordering::Relaxed);
    }

    /// Takes off the share of one of `calls` calls, when that one is over and the others go on.
    pub(crate) fn release_share(&self, calls: usize) {
        let used = self.used.load(Ordering::Relaxed);
        let share = used / (calls.max(1) as u64);
        self.used.store(used - share, Ordering::Relaxed);
    }

    /// To be called from the epoch's callback.
    ///
    /// # Errors
    /// If the guest has to be stopped.
    pub(crate) fn tick(&self) -> Result<UpdateDeadline, Stop> {
        self.gauge.pulse.beat();
        // One that fell while the guest waited, be it for its turn, is noticed only now that it has the thread.
        let fell_before = self.gauge.pulse.ticks() == self.entered_at.load(Ordering::Relaxed);
        if !fell_before {
            TICK_FELL.set(true);
        }
        if nanos(now().saturating_duration_since(self.origin)) >= self.deadline.load(Ordering::Relaxed) {
            return Err(Stop::Deadline);
        }
        if fell_before && !self.has_run.load(Ordering::Relaxed) {
            // It has used nothing yet. If it were measured all the same, and had to make room, so would everybody who waits
            // for a turn behind it, and each of them after having waited for longer.
            return Ok(UpdateDeadline::Continue(1));
        }
        let cpu = thread_cpu_time();
        let charge = if self.measuring.swap(true, Ordering::Relaxed) {
            cpu.saturating_sub(self.charged.load(Ordering::Relaxed))
        } else {
            self.entered.store(cpu, Ordering::Relaxed);
            nanos(self.gauge.tick)
        };
        self.charged.store(cpu, Ordering::Relaxed);
        let used = self.used.fetch_add(charge, Ordering::Relaxed).saturating_add(charge);
        self.gauge.tally.worked(Duration::from_nanos(charge));
        if used > self.budget.load(Ordering::Relaxed) {
            return Err(Stop::CpuTime);
        }
        // A guest that was only just given the thread may keep it; one that had it for a tick makes room for others.
        let ran = cpu.saturating_sub(self.entered.load(Ordering::Relaxed));
        if ran < nanos(self.gauge.tick) / 2 {
            return Ok(UpdateDeadline::Continue(1));
        }
        // Tokio's own yield lets sockets and timers have their turn; a plain one would only let other tasks.
        Ok(UpdateDeadline::YieldCustom(1, Box::pin(tokio::task::yield_now())))
    }

    fn enter(&self) {
        self.gauge.pulse.beat();
        self.entered_at.store(self.gauge.pulse.ticks(), Ordering::Relaxed);
        if self.measuring.load(Ordering::Relaxed) {
            let cpu = thread_cpu_time();
            self.entered.store(cpu, Ordering::Relaxed);
            self.charged.store(cpu, Ordering::Relaxed);
        }
    }

    /// Charges what was used since the last tick. `false` if no tick has found the guest running yet, and so nothing is known.
    fn leave(&self) -> bool {
        self.has_run.store(true, Ordering::Relaxed);
        let measuring = self.measuring.load(Ordering::Relaxed);
        if measuring {
            let ran = thread_cpu_time().saturating_sub(self.charged.load(Ordering::Relaxed));
            self.used.fetch_add(ran, Ordering::Relaxed);
            self.gauge.tally.worked(Duration::from_nanos(ran));
        }
        measuring
    }

    /// Polls a future in which the guest runs. A panic of the host on the guest's behalf is an error of this call and
    /// of nothing else.
    fn poll<F: Future>(&self, guest: Pin<&mut F>, cx: &mut Context<'_>) -> Poll<Result<F::Output, Panic>> {
        self.enter();
        let stretch = watchdog::enter(&self.gauge.ticket);
        let outer = GUEST_IS_HERE.replace(true);
        if !outer {
            TICK_FELL.set(false);
        }
        let sample = Sample::begin(!outer);
        // Not what the closure returns: that would be moved once more.
        let mut polled = Poll::Pending;
        let caught = catch_unwind(AssertUnwindSafe(|| polled = guest.poll(cx)));
        let stands_for = sample.end();
        GUEST_IS_HERE.set(outer);
        drop(stretch);
        if !self.leave() && !stands_for.is_zero() {
            self.gauge.tally.worked(stands_for);
        }
        match caught {
            Ok(()) => polled.map(Ok),
            Err(payload) => Poll::Ready(Err(Panic::new(payload.as_ref()))),
        }
    }

    /// Polls something that is not this guest's CPU time, although it is waited for inside of it: what another guest does.
    ///
    /// It is taken off by the time that passed: the kernel would have to be asked twice, which costs as much as a short
    /// call. If the thread has to wait for a core meanwhile, that time is taken off, too, at the most until the next tick.
    pub(crate) async fn apart<F: Future>(&self, other: F) -> F::Output {
        self.poll_apart(None, other).await
    }

    /// The same for what begins now, by a watch that may know when it ended, too.
    pub(crate) async fn apart_by<F: Future>(&self, watch: &Stopwatch, other: F) -> F::Output {
        self.poll_apart(Some(watch), other).await
    }

    async fn poll_apart<F: Future>(&self, watch: Option<&Stopwatch>, other: F) -> F::Output {
        let mut other = std::pin::pin!(other);
        let mut first = watch.map(Stopwatch::begun);
        std::future::poll_fn(|cx| {
            let begun = first.take();
            let begun = self.measuring.load(Ordering::Relaxed).then(|| begun.unwrap_or_else(real_now));
            let polled = other.as_mut().poll(cx);
            if let Some(begun) = begun {
                let end = watch.filter(|_| polled.is_ready()).and_then(Stopwatch::end);
                self.spare(nanos(end.unwrap_or_else(real_now).saturating_duration_since(begun)));
            }
            // The ticker may have gone to sleep meanwhile, and this guest has the thread again.
            self.gauge.pulse.beat();
            polled
        })
        .await
    }

    /// Leaves out so many nanoseconds of this poll.
    fn spare(&self, time: u64) {
        for mark in [&self.charged, &self.entered] {
            mark.store(mark.load(Ordering::Relaxed).saturating_add(time), Ordering::Relaxed);
        }
    }

    /// Polls a guest until it is done, whenever it is the turn of its service. When it is done, the place that it had last is
    /// still that of the claim.
    pub(crate) async fn run<F: Future>(&self, claim: &mut Claim<'_>, guest: F) -> Result<F::Output, Panic> {
        let mut guest = std::pin::pin!(guest);
        loop {
            claim.stake(|waits| self.queued.store(waits, Ordering::Relaxed)).await;
            let mut used_up = false;
            let polled = std::future::poll_fn(|cx| {
                let polled = self.poll(guest.as_mut(), cx);
                used_up = claim.has_place() && TICK_FELL.get();
                Poll::Ready(polled)
            })
            .await;
            if used_up {
                // The others have theirs first, and only then the next call of this service.
                tokio::task::yield_now().await;
            }
            match polled {
                Poll::Ready(output) => return output,
                Poll::Pending if used_up && claim.goes_on() => {}
                Poll::Pending => claim.give_back(),
            }
            if !used_up {
                until_woken().await;
            }
        }
    }

    /// Whether the guest was not polled because it is not its turn.
    pub(crate) fn is_queued(&self) -> bool {
        self.queued.load(Ordering::Relaxed)
    }
}

/// Lets go of the thread until something that was polled before wakes the task.
async fn until_woken() {
    let mut asked = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut asked, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

thread_local! {
    static GUEST_IS_HERE: Cell<bool> = const { Cell::new(false) };
    /// Whether a tick fell into what the outermost guest on this thread does, or did last.
    static TICK_FELL: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread is inside a guest, or in the host on a guest's behalf.
pub(crate) fn is_guest_here() -> bool {
    GUEST_IS_HERE.get()
}

/// Whether a tick fell into what the outermost guest on this thread does, or did last: then it makes room for others, and must not
/// be polled again at once.
pub(crate) fn tick_fell() -> bool {
    TICK_FELL.get()
}

/// The host panicked while it worked for a guest.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the host panicked while it worked for the instance: {0}")]
pub(crate) struct Panic(String);

impl Panic {
    /// The panic with this payload.
    pub(crate) fn new(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self(text.unwrap_or("no message").to_owned())
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Now, by a clock that never pauses, as CPU time does not.
#[expect(clippy::disallowed_methods, reason = "it stands for CPU time, which passes under a paused clock, too")]
pub(crate) fn real_now() -> Instant {
    Instant::now()
}

fn thread_cpu_time() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap_or(0).saturating_mul(1_000_000_000) + u64::try_from(time.tv_nsec).unwrap_or(0)
}

#[cfg(test)]
mod tests;

//! What one instance does in its life: it is made, it runs, and its end is judged.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use patchbay_model::{Fault, FaultKind};
use wasmtime::{Store, component};
use wasmtime_wasi_http::p3::bindings;

use super::attend::attend;
use super::desk::{Desk, Started, Verdict};
use super::life::Life;
use super::pool::Pool;
use super::serving::{Job, Phase};
use crate::at_work::AtWork;
use crate::code::{Code, Service};
use crate::fault;
use crate::message_handler::MessageHandler;
use crate::meter::{Panic, now};
use crate::patience::within;
use crate::state::State;

/// The far side of a worker: what others need to give it calls.
#[derive(Default)]
pub(super) struct Worker {
    inbox: Mutex<VecDeque<Job>>,
    task: AtomicWaker,
    inside: AtomicBool,
    /// Whether the pool may give it calls, and in which shard of the pool it then is.
    advertised: AtomicBool,
    shard: AtomicUsize,
    life: Arc<Life>,
}

impl Worker {
    /// Makes the instance, which looks at its inbox as soon as it is there.
    pub(super) fn begin(self: &Arc<Self>, pool: &Arc<Pool>, started: Option<Started>, deadline: Instant) {
        self.life.begin(run(pool.clone(), self.clone(), started, deadline));
    }

    /// Has the instance look at its inbox: on this thread if that is possible, or else soon.
    pub(super) fn attend(&self) {
        if !self.life.assist() {
            self.wake();
        }
    }

    pub(super) fn push(&self, job: Job) {
        self.lock().push_back(job);
    }

    /// The next call whose caller still waits.
    pub(super) fn next_job(&self) -> Option<Job> {
        let mut inbox = self.lock();
        while let Some(job) = inbox.pop_front() {
            if job.serving.phase() == Phase::Waiting {
                return Some(job);
            }
        }
        None
    }

    pub(super) fn has_jobs(&self) -> bool {
        !self.lock().is_empty()
    }

    pub(super) fn take_jobs(&self) -> Vec<Job> {
        self.lock().drain(..).collect()
    }

    /// Ends the calls that waited in the inbox to their deadline. The earliest deadline of the others.
    pub(super) fn expire(&self, now: Instant, late: &Fault) -> Option<Instant> {
        let mut inbox = self.lock();
        inbox.retain(|job| {
            let expired = job.serving.deadline() <= now;
            if expired {
                job.serving.fail(late.clone());
            }
            !expired
        });
        inbox.iter().map(|job| job.serving.deadline()).min()
    }

    /// Whether the pool may give calls to this worker. Changed only by the pool.
    pub(super) fn is_advertised(&self) -> bool {
        self.advertised.load(Ordering::Acquire)
    }

    /// The pool may give it calls. To be called under the lock of that shard.
    pub(super) fn advertised(&self, shard: usize) {
        self.shard.store(shard, Ordering::Relaxed);
        self.advertised.store(true, Ordering::Release);
    }

    /// The pool may give it no calls. To be called under the lock of its shard.
    pub(super) fn withdrawn(&self) {
        self.advertised.store(false, Ordering::Release);
    }

    /// The shard of the pool that it was put in last. Changes only while the worker says so itself.
    pub(super) fn shard(&self) -> usize {
        self.shard.load(Ordering::Relaxed)
    }

    pub(super) fn wake(&self) {
        self.task.wake();
    }

    /// Whether the worker is in the instance's event loop now, or has not yet told what came of it.
    pub(super) fn is_inside(&self) -> bool {
        self.inside.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An instance.
pub(super) struct Instance {
    store: Store<State>,
    parts: Parts,
}

/// What can be called of an instance.
pub(super) struct Parts {
    /// What it was made of.
    pub(super) code: Arc<Code>,
    pub(super) instance: component::Instance,
    /// Handles HTTP requests, if the component does.
    pub(super) service: Option<bindings::Service>,
    /// Handles messages, if the component does.
    pub(super) handler: Option<MessageHandler>,
}

/// Makes an instance.
///
/// # Errors
/// The fault of a component that cannot start.
pub(super) async fn start(pool: &Pool, deadline: Instant) -> Result<Instance, Fault> {
    let code = pool.code.obtain(deadline).await?;
    let Service::Ensemble { pre, handler } = &code.service else {
        return Err(Fault::new(FaultKind::Internal, "The host failed.")
            .with_details("instances of the component work on one call at a time"));
    };
    let mut store = State::store(pre.engine(), &pool.revision.lend());
    let meter = store.data().meter.clone();
    meter.begin(deadline, pool.revision.settings.limits.cpu_time);
    let make = async {
        let instance = pre.instantiate_async(&mut store).await?;
        let service = handler.as_ref().map(|handler| handler.load(&mut store, &instance)).transpose()?;
        let handler = code.message_handler.as_ref();
        let handler = handler.map(|handler| handler.load(&mut store, &instance)).transpose()?;
        Ok((instance, service, handler))
    };
    let mut claim = pool.revision.claim();
    let made = within(deadline, meter.run(&mut claim, make)).await;
    let fault = match made {
        Ok(Ok(Ok((instance, service, handler)))) => {
            return Ok(Instance { store, parts: Parts { code, instance, service, handler } });
        }
        Ok(Ok(Err(error))) => store.data().fault(&error),
        Ok(Err(panic)) => fault::of_panic(&panic),
        Err(_) => store.data().late(),
    };
    store.data().output.flush();
    Err(fault)
}

/// How an instance came to its end.
enum End {
    /// It is not needed any more, or no longer wanted; its calls know.
    Dismissed,
    Broken(wasmtime::Error),
    Panicked(Panic),
}

/// The whole life of an instance.
async fn run(pool: Arc<Pool>, worker: Arc<Worker>, started: Option<Started>, deadline: Instant) {
    let Instance { mut store, parts } = match start(&pool, deadline).await {
        Ok(instance) => instance,
        Err(fault) => {
            if let Some(started) = started {
                // Whoever waited may be gone.
                let _ = started.send(Err(fault.clone()));
            }
            pool.lose(&worker).into_iter().for_each(|job| job.serving.fail(fault.clone()));
            return;
        }
    };
    let desk = Arc::new(Mutex::new(Desk::new(&store, pool.clone(), worker.clone(), started)));
    store.data_mut().outgoing.at_work = AtWork::Calls(desk.clone());
    store.data_mut().errands = Some(worker.life.errands());
    let end = drive(&mut store, &parts, &worker, &desk).await;
    // Before the ends of its streams go with the store.
    match &end {
        End::Dismissed if desk.lock().unwrap_or_else(PoisonError::into_inner).is_quiet() => {
            store.data_mut().outgoing.finish();
        }
        End::Dismissed | End::Broken(_) | End::Panicked(_) => store.data_mut().outgoing.lose(),
    }
    let state = store.data();
    let fault = match &end {
        End::Dismissed => None,
        End::Broken(error) => Some(state.fault(error)),
        End::Panicked(panic) => Some(fault::of_panic(panic)),
    };
    state.output.flush();
    {
        let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
        desk.close(fault);
        worker.inside.store(false, Ordering::SeqCst);
        desk.leave();
    }
    let left = pool.lose(&worker);
    drop(store);
    // These were not begun: another instance can serve them.
    left.into_iter().for_each(|job| pool.dispatch(job));
}

async fn drive(store: &mut Store<State>, parts: &Parts, worker: &Arc<Worker>, desk: &Mutex<Desk>) -> End {
    let (meter, revision) = (store.data().meter.clone(), store.data().revision.clone());
    let running = store.run_concurrent(async |accessor| -> wasmtime::Result<Infallible> {
        attend(accessor, parts, worker, desk).await
    });
    let mut claim = revision.claim();
    let mut running = pin!(meter.run(&mut claim, running));
    let mut timer = pin!(Timer::new());
    std::future::poll_fn(|cx| {
        worker.task.register(cx.waker());
        loop {
            worker.inside.store(true, Ordering::SeqCst);
            match running.as_mut().poll(cx) {
                Poll::Ready(Ok(Ok(Ok(never)))) => match never {},
                Poll::Ready(Ok(Ok(Err(error)) | Err(error))) => return Poll::Ready(End::Broken(error)),
                Poll::Ready(Err(panic)) => return Poll::Ready(End::Panicked(panic)),
                Poll::Pending => {}
            }
            let mut desk = desk.lock().unwrap_or_else(PoisonError::into_inner);
            // An instance that waits for its turn was not asked for anything, and cannot be judged by what it did.
            let verdict = if meter.is_queued() { Verdict::Wait(desk.wait(now())) } else { desk.look(now()) };
            match verdict {
                Verdict::End => return Poll::Ready(End::Dismissed),
                Verdict::LookAgain => {}
                Verdict::Wait(until) => {
                    worker.inside.store(false, Ordering::SeqCst);
                    desk.tell_readers();
                    if timer.as_mut().poll_until(until, cx).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    })
    .await
}

/// A timer that is set to another time only where it has to be: deadlines mostly lie far ahead and never come.
struct Timer {
    sleep: std::pin::Pin<Box<tokio::time::Sleep>>,
}

impl Timer {
    /// Far enough to be no time at all.
    const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

    fn new() -> Self {
        Self { sleep: Box::pin(tokio::time::sleep(Self::NEVER)) }
    }

    /// Ready if `until` has passed. A wake-up may come before that.
    fn poll_until(
        mut self: std::pin::Pin<&mut Self>,
        until: Option<Instant>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<()> {
        let until = until.unwrap_or_else(|| now() + Self::NEVER);
        if until < self.sleep.deadline().into_std() || self.sleep.is_elapsed() {
            self.sleep.as_mut().reset(until.into());
        }
        match self.sleep.as_mut().poll(cx) {
            Poll::Ready(()) if until <= now() => Poll::Ready(()),
            Poll::Ready(()) => {
                self.sleep.as_mut().reset(until.into());
                self.sleep.as_mut().poll(cx)
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

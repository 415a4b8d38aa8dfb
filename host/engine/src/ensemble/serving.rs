//! One call, as its caller and the worker of its instance see it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use patchbay_model::bus::{Message, Verdict};
use patchbay_model::{Body, Fault, FunctionName, Hold};
use tokio::sync::{Notify, oneshot};
use wasmtime::component::GuestTaskId;

use super::worker::Worker;
use crate::at_work::Assignment;
use crate::reply::{self, Answered};

/// What a caller waits for.
pub(super) enum Answer {
    /// The head of a reply, whose body may still be on its way.
    Response(Answered),
    /// The result of a function, packed.
    Result(Bytes),
    /// What becomes of a message.
    Verdict(Verdict),
}

/// What a call asks for.
pub(super) enum Work {
    /// To handle a request.
    Request(Box<http::Request<Body>>),
    /// To call a function with these arguments, packed.
    Function(Arc<FunctionName>, Bytes),
    /// To handle a message.
    Message(Arc<Message>),
}

/// A call on its way to an instance.
pub(super) struct Job {
    pub(super) serving: Arc<Serving>,
    pub(super) work: Work,
}

/// One call. Shared by its caller, the reply's body and the worker.
pub(super) struct Serving {
    pub(super) assignment: Assignment,
    state: Mutex<State>,
    /// Told when nobody waits for the call any more.
    forsaken: Notify,
}

struct State {
    phase: Phase,
    answer: Option<oneshot::Sender<Result<Answer, Fault>>>,
    /// The guest's task that it is, once that has begun.
    task: Option<GuestTaskId>,
    /// What ended the instance before the body was complete.
    fault: Option<Fault>,
    /// Whether the instance has nothing more to do with this call.
    settled: bool,
    /// Wakes the reader of the body when there is a fault, or when it is settled that there is none.
    reader: Option<Waker>,
    /// Whether the reader has come to the end of the body and waits only to hear how it ended.
    ending: bool,
    /// Wakes the worker when the phase changes on the caller's side.
    worker: Option<Arc<Worker>>,
    hold: Option<Hold>,
}

/// How far a call is, from the caller's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The caller waits for an answer.
    Waiting,
    /// It has the head of the reply, and reads the body.
    Reading,
    /// It has everything, or a fault.
    Complete,
    /// It went away before.
    Gone,
}

impl Serving {
    /// A call that begins, and what its caller hears of it.
    pub(super) fn new(
        assignment: impl Into<Assignment>,
        hold: Hold,
    ) -> (Arc<Self>, oneshot::Receiver<Result<Answer, Fault>>) {
        let (answer, answered) = oneshot::channel();
        let state = State {
            phase: Phase::Waiting,
            answer: Some(answer),
            task: None,
            fault: None,
            settled: false,
            reader: None,
            ending: false,
            worker: None,
            hold: Some(hold),
        };
        let serving = Self { assignment: assignment.into(), state: Mutex::new(state), forsaken: Notify::new() };
        (Arc::new(serving), answered)
    }

    /// When nobody waits for it any more.
    pub(super) fn deadline(&self) -> Instant {
        self.assignment.deadline()
    }

    pub(super) fn phase(&self) -> Phase {
        self.lock().phase
    }

    /// The worker takes the call into its inbox.
    pub(super) fn assign(&self, worker: Arc<Worker>) {
        self.lock().worker = Some(worker);
    }

    /// The guest's task that works on it from now on.
    pub(super) fn begun_as(&self, task: GuestTaskId) {
        self.lock().task = Some(task);
    }

    /// Whether it is this task of the guest.
    pub(super) fn is(&self, task: GuestTaskId) -> bool {
        self.lock().task == Some(task)
    }

    /// Waits until nobody waits for the call any more: its caller went away before it had everything, or its deadline
    /// passed.
    pub(super) async fn forsaken(&self) {
        loop {
            let told = self.forsaken.notified();
            if self.phase() == Phase::Gone {
                return;
            }
            told.await;
        }
    }

    /// The guest answered.
    pub(super) fn answer(&self, answer: Answer) {
        let mut state = self.lock();
        let Some(caller) = state.answer.take() else { return };
        state.phase = match answer {
            Answer::Response(_) => Phase::Reading,
            Answer::Result(_) | Answer::Verdict(_) => Phase::Complete,
        };
        drop(state);
        if caller.send(Ok(answer)).is_err() {
            self.forsake();
        }
    }

    fn forsake(&self) {
        self.lock().phase = Phase::Gone;
        self.forsaken.notify_waiters();
    }

    /// The call, or the body of its reply, ends in this fault, unless it came to an end before.
    pub(super) fn fail(&self, fault: Fault) {
        let mut state = self.lock();
        match (state.phase, state.answer.take()) {
            (Phase::Waiting, Some(answer)) => {
                state.phase = Phase::Complete;
                drop(state);
                // Nobody to tell if the caller is just leaving.
                let _ = answer.send(Err(fault));
            }
            (Phase::Reading, _) if !state.settled => {
                state.fault = Some(fault);
                wake(state);
            }
            _ => {}
        }
    }

    /// The deadline passed. The instance may still be at work on the call, but nobody waits for it any more.
    pub(super) fn expire(&self, late: Fault) {
        self.fail(late);
        self.forsake();
    }

    /// The instance has nothing more to do with this call.
    pub(super) fn settle(&self) {
        let mut state = self.lock();
        state.settled = true;
        state.worker = None;
        state.hold = None;
        wake(state);
    }

    /// What the worker did is done, and what a reader saw is what there is.
    pub(super) fn tell_reader(&self) {
        let state = self.lock();
        if state.ending {
            wake(state);
        }
    }

    fn change(&self, from: &[Phase], to: Phase) {
        let mut state = self.lock();
        if !from.contains(&state.phase) {
            return;
        }
        state.phase = to;
        let worker = state.worker.clone();
        drop(state);
        if to == Phase::Gone {
            self.forsaken.notify_waiters();
        }
        if let Some(worker) = worker {
            worker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(mut state: MutexGuard<'_, State>) {
    if let Some(reader) = state.reader.take() {
        drop(state);
        reader.wake();
    }
}

/// The caller's hold on its call: when it is dropped before the reply is complete, the caller is gone.
pub(super) struct Presence(Arc<Serving>);

impl Presence {
    pub(super) const fn new(serving: Arc<Serving>) -> Self {
        Self(serving)
    }

    /// Whether the instance has nothing more to do with the call, and did not fail in it.
    pub(super) fn is_settled(&self) -> bool {
        let state = self.0.lock();
        state.settled && state.fault.is_none()
    }
}

impl reply::Work for Presence {
    /// The writer of a body may be gone because its instance is. That is known only when the worker has come out of
    /// the instance's event loop, in which it may be at this moment, on another thread.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Option<Fault>> {
        let mut state = self.0.lock();
        if state.fault.is_none() && !state.settled && state.worker.as_ref().is_some_and(|worker| worker.is_inside()) {
            state.reader = Some(cx.waker().clone());
            state.ending = true;
            // Asked again, because the worker comes out first and wakes readers then.
            if state.worker.as_ref().is_some_and(|worker| worker.is_inside()) {
                return Poll::Pending;
            }
        }
        Poll::Ready(state.fault.clone())
    }

    fn poll_fault(&mut self, cx: &mut Context<'_>) -> Poll<Fault> {
        let mut state = self.0.lock();
        match state.fault.clone() {
            Some(fault) => Poll::Ready(fault),
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn fault(&self) -> Option<Fault> {
        self.0.lock().fault.clone()
    }

    fn complete(&mut self) {
        self.0.change(&[Phase::Reading], Phase::Complete);
    }

    fn abandon(&mut self) {
        self.0.change(&[Phase::Waiting, Phase::Reading], Phase::Gone);
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        reply::Work::abandon(self);
    }
}

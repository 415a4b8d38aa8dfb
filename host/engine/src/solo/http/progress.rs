//! How far a guest has come with a call: what its work and the reply to its caller tell each other.

use std::sync::{Mutex, MutexGuard, PoisonError};

use patchbay_model::Fault;
use wasmtime_wasi_http::p2::bindings::http::types::ErrorCode;

use crate::fault;
use crate::reply::Answered;

/// What a guest answered.
pub(super) type Answer = Result<Answered, ErrorCode>;

/// Shared by the guest's work and the reply.
#[derive(Default)]
pub(super) struct Progress(Mutex<State>);

#[derive(Default)]
struct State {
    answer: Option<Answer>,
    answered: bool,
    ending: Option<Ending>,
}

/// How the guest's work ended.
#[derive(Debug, Clone)]
pub(super) struct Ending {
    /// What went wrong, if something did.
    pub(super) fault: Option<Fault>,
    /// Whether a body was left that the guest began and did not finish.
    pub(super) unfinished: bool,
}

impl Ending {
    /// What the reader of a body has to be told that ends where the guest's work ended.
    pub(super) fn broken_body(&self) -> Option<Fault> {
        self.unfinished.then(|| {
            self.fault.clone().unwrap_or_else(|| fault::no_answer("it returned without finishing the body it began"))
        })
    }
}

impl Progress {
    /// The guest answers.
    pub(super) fn answer(&self, answer: Answer) {
        let mut state = self.lock();
        state.answer = Some(answer);
        state.answered = true;
    }

    /// The guest's work is over. To be called while what the guest wrote can still be read.
    pub(super) fn end(&self, ending: Ending) {
        self.lock().ending = Some(ending);
    }

    pub(super) fn is_answered(&self) -> bool {
        self.lock().answered
    }

    pub(super) fn take_answer(&self) -> Option<Answer> {
        self.lock().answer.take()
    }

    /// How the guest's work ended, if it did. It has, wherever the guest's end of a body is gone unfinished.
    pub(super) fn ending(&self) -> Option<Ending> {
        self.lock().ending.clone()
    }

    /// Why a guest that is done has not answered.
    pub(super) fn take_fault(&self) -> Fault {
        self.lock()
            .ending
            .take()
            .and_then(|ending| ending.fault)
            .unwrap_or_else(|| fault::no_answer("it returned without setting a response"))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

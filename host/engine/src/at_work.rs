//! What an instance is at work on: in whose course it does what it does, and for how long it may.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Instant, SystemTime};

use patchbay_model::bus::Patience;
use patchbay_model::ports::BoxFuture;
use patchbay_model::trace::{OwnPlace, OwnSpans, SpanContext, SpanId, ToldContext, ToldError, ToldSpan};
use patchbay_model::{CallContext, Course};
use wasmtime::component::GuestTaskId;
use wasmtime::{AsContextMut, Result, StoreContextMut};

use crate::state::State;

/// How a message was handed to an instance.
#[derive(Debug, Clone)]
pub(crate) struct Handling {
    /// The consumer group that it was delivered to.
    pub(crate) group: Arc<str>,
    /// How long the instance may go on.
    pub(crate) patience: Arc<Patience>,
}

/// One call, as its instance has it.
#[derive(Debug)]
pub(crate) struct Assignment {
    context: Box<CallContext>,
    handling: Option<Handling>,
    /// The spans that the guest makes itself. Most make none, and cost nothing.
    own: OnceLock<Mutex<OwnSpans>>,
}

impl From<Box<CallContext>> for Assignment {
    fn from(context: Box<CallContext>) -> Self {
        Self { context, handling: None, own: OnceLock::new() }
    }
}

impl Assignment {
    /// The handling of a message.
    pub(crate) const fn handling(context: Box<CallContext>, handling: Handling) -> Self {
        Self { context, handling: Some(handling), own: OnceLock::new() }
    }

    /// What is known of the call. Its deadline is the one that it began with.
    pub(crate) fn begun(&self) -> &CallContext {
        &self.context
    }

    /// What is known of the call now.
    pub(crate) fn context(&self) -> CallContext {
        CallContext { deadline: self.deadline(), ..(*self.context).clone() }
    }

    /// When it has to be over. That of a message can be moved.
    pub(crate) fn deadline(&self) -> Instant {
        self.handling.as_ref().map_or(self.context.deadline, |handling| handling.patience.until())
    }

    /// What is done in the course of it. It follows from the span that the guest is in.
    pub(crate) fn course(&self) -> Course {
        let mut course = self.context.course();
        course.deadline = self.deadline();
        if let (Some(trace), Some(span)) = (&mut course.trace, self.own_span()) {
            trace.span = span;
        }
        course
    }

    /// How the message was handed over that it is about, and how often it was tried, if it is about one.
    pub(crate) fn handed(&self) -> Option<(u32, Handling)> {
        self.handling.clone().map(|handling| (self.context.attempt, handling))
    }

    /// The span that the guest began last of its own that are under way.
    pub(crate) fn own_span(&self) -> Option<SpanId> {
        self.own.get().and_then(|own| lock(own).current())
    }

    /// The span that the guest is in: one of its own, or that of the call.
    pub(crate) fn span(&self) -> Option<SpanId> {
        self.own_span().or_else(|| self.context.trace.as_ref().map(|trace| trace.span))
    }

    /// The guest begins a span of its own.
    pub(crate) fn begin_span(&self, told: &ToldContext, now: SystemTime) {
        if let Some(call) = &self.context.trace {
            self.own().begin(call, told, now);
        }
    }

    /// A span of the guest is over: where it stands.
    ///
    /// # Errors
    /// [`ToldError`] if it is to be dropped.
    pub(crate) fn end_span(&self, told: &ToldSpan, now: SystemTime) -> std::result::Result<OwnPlace, ToldError> {
        let call: &SpanContext = self.context.trace.as_ref().ok_or(ToldError::NoCall)?;
        self.own().end(call, told, now)
    }

    fn own(&self) -> MutexGuard<'_, OwnSpans> {
        lock(self.own.get_or_init(Mutex::default))
    }
}

fn lock(own: &Mutex<OwnSpans>) -> MutexGuard<'_, OwnSpans> {
    own.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells in the course of which call an instance acts.
pub(crate) trait Calls: Send + Sync {
    /// The call, or `None` if there is none.
    fn course(&self) -> Option<Course>;

    /// Looks at the call that this task of the guest works on, once; not at all if it cannot be told which one that is.
    fn look(&self, task: Option<GuestTaskId>, look: &mut dyn FnMut(&Assignment));

    /// The course of the call that this task of the guest works on, and when nobody waits for it any more; `None` if it
    /// works on none.
    fn call_of(&self, task: GuestTaskId) -> Option<(Course, BoxFuture<'static, ()>)>;
}

/// What an instance is working on.
pub(crate) enum AtWork {
    /// No call.
    Nothing,
    /// One call.
    Call(Assignment),
    /// Calls that come and go.
    Calls(Arc<dyn Calls>),
}

impl AtWork {
    pub(crate) fn course(&self) -> Option<Course> {
        match self {
            Self::Nothing => None,
            Self::Call(assignment) => Some(assignment.course()),
            Self::Calls(calls) => calls.course(),
        }
    }

    /// The course of a task of the guest, and when nobody waits for what it does any more. Where it cannot be told what
    /// it works on, it is the course of all that the instance does.
    pub(crate) fn course_of(&self, task: Option<GuestTaskId>) -> Option<(Course, BoxFuture<'static, ()>)> {
        let call = match self {
            Self::Calls(calls) => task.and_then(|task| calls.call_of(task)),
            Self::Nothing | Self::Call(_) => None,
        };
        call.or_else(|| Some((self.course()?, Box::pin(pending()) as BoxFuture<'static, ()>)))
    }
}

/// The task of the guest that a function of the host is called by: the first one that led there, which is the call that the
/// host made. Only engines with concurrency know tasks, and only theirs works on several calls.
///
/// # Errors
/// If wasmtime does not tell.
pub(crate) fn task(store: &mut StoreContextMut<'_, State>) -> Result<Option<GuestTaskId>> {
    match store.data().outgoing.at_work {
        AtWork::Calls(_) => Ok(store.as_context_mut().async_call_stack()?.last()),
        AtWork::Nothing | AtWork::Call(_) => Ok(None),
    }
}

/// Looks at the call that a function of the host is called for; `None` if there is none, or it cannot be told which.
///
/// # Errors
/// If wasmtime does not tell who calls.
pub(crate) fn look<T>(
    store: &mut StoreContextMut<'_, State>,
    look: impl FnOnce(&Assignment) -> T,
) -> Result<Option<T>> {
    let task = task(store)?;
    Ok(match &store.data().outgoing.at_work {
        AtWork::Nothing => None,
        AtWork::Call(assignment) => Some(look(assignment)),
        AtWork::Calls(calls) => {
            let (mut look, mut seen) = (Some(look), None);
            calls.look(task, &mut |assignment| seen = look.take().map(|look| look(assignment)));
            seen
        }
    })
}

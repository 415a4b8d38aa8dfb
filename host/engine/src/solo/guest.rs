//! One instance, between calls or at work on one.

use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use patchbay_model::ports::BoxFuture;
use patchbay_model::{Fault, FaultKind, FunctionName};
use wasmtime::Store;
use wasmtime::component::{Func, Instance};
use wasmtime_wasi_http::p2::bindings::Proxy;
use wasmtime_wasi_http::p2::body::HostOutgoingBody;

use super::Shared;
use crate::at_work::{Assignment, AtWork};
use crate::code::{Code, Service};
use crate::exports::Target;
use crate::fault;
use crate::message_handler::MessageHandler;
use crate::meter::{Meter, Panic, Stop};
use crate::patience::{Late, within};
use crate::state::State;
use crate::turnstile::Claim;

/// An instance.
pub(super) struct Guest {
    pub(super) store: Store<State>,
    /// That of the store, for whoever polls what borrows the store.
    pub(super) meter: Arc<Meter>,
    /// What it was made of.
    pub(super) code: Arc<Code>,
    pub(super) instance: Instance,
    /// Handles HTTP requests, if the component does.
    pub(super) proxy: Option<Proxy>,
    /// Handles messages, if the component does.
    pub(super) handler: Option<MessageHandler>,
    /// The function that was called last, for whoever calls it again.
    pub(super) last: Option<Last>,
    /// Calls begun, the present one among them.
    pub(super) uses: u32,
}

/// A function that was found in an instance. Whoever asks for it by the same name in the same place asks for the same: to compare
/// names and versions takes a fiftieth of a short call.
pub(super) struct Last {
    name: Arc<FunctionName>,
    target: Target,
    function: Func,
}

impl Guest {
    /// Makes an instance, in a box, because it goes from hand to hand. The CPU time of the call that it is made for begins to count.
    ///
    /// # Errors
    /// The fault of a component that cannot start.
    pub(super) async fn start(shared: &Shared, deadline: Instant, claim: &mut Claim<'_>) -> Result<Box<Self>, Fault> {
        let code = shared.code.obtain(deadline).await?;
        let Service::Solo { pre, handler } = &code.service else { return Err(other_service()) };
        let mut store = State::store(pre.engine(), &shared.revision.lend());
        let meter = store.data().meter.clone();
        meter.begin(deadline, shared.revision.settings.limits.cpu_time);
        let make = async {
            let instance = pre.instantiate_async(&mut store).await?;
            let proxy = handler.as_ref().map(|handler| handler.load(&mut store, &instance)).transpose()?;
            let handler = code.message_handler.as_ref();
            let handler = handler.map(|handler| handler.load(&mut store, &instance)).transpose()?;
            Ok((instance, proxy, handler))
        };
        let made = within(deadline, meter.run(claim, make)).await;
        match judge(made, store.data()) {
            Ok((instance, proxy, handler)) => {
                Ok(Box::new(Self { store, meter, code, instance, proxy, handler, last: None, uses: 0 }))
            }
            Err(fault) => {
                store.data().output.flush();
                Err(fault)
            }
        }
    }

    /// An instance that is ready, or else a new one, for a call that ends at `deadline`, when it is the turn of that call.
    ///
    /// # Errors
    /// The fault of a component that cannot start, or of a call whose turn it never was.
    pub(super) async fn obtain(shared: &Shared, deadline: Instant, claim: &mut Claim<'_>) -> Result<Box<Self>, Fault> {
        let late = |_| fault::of_stop(Stop::Deadline, &shared.revision.settings.limits);
        within(deadline, pin!(claim.stake(|_| ()))).await.map_err(late)?;
        match shared.pool.take() {
            Some(mut guest) => {
                shared.revision.tally.reused();
                guest.renew(deadline);
                Ok(guest)
            }
            None => Self::starting(shared, deadline, claim).await,
        }
    }

    /// Makes an instance, in a box and in a function of its own, so that the calls of instances that are there carry no room for
    /// making one, not even on the stack.
    #[cold]
    #[inline(never)]
    fn starting<'a>(
        shared: &'a Shared,
        deadline: Instant,
        claim: &'a mut Claim<'_>,
    ) -> BoxFuture<'a, Result<Box<Self>, Fault>> {
        Box::pin(Self::start(shared, deadline, claim))
    }

    /// The exported function that serves `wanted`, and how it is called.
    pub(super) fn find(&mut self, wanted: &Arc<FunctionName>) -> Option<(Func, Target)> {
        match &self.last {
            Some(last) if Arc::ptr_eq(&last.name, wanted) => Some((last.function, last.target)),
            _ => {
                let target = self.code.exports.find(wanted)?;
                let function = self.instance.get_func(&mut self.store, target.index)?;
                self.last = Some(Last { name: Arc::clone(wanted), target, function });
                Some((function, target))
            }
        }
    }

    /// It is at work on this call from now on.
    pub(super) fn begin(&mut self, assignment: Assignment) {
        self.uses += 1;
        self.store.data().output.attribute(Some(&assignment));
        self.store.data_mut().outgoing.at_work = AtWork::Call(assignment);
    }

    /// The work on the call is over.
    pub(super) fn rest(&mut self) {
        self.store.data().output.end();
        self.store.data_mut().outgoing.at_work = AtWork::Nothing;
    }

    /// Makes ready for another call.
    fn renew(&mut self, deadline: Instant) {
        self.store.set_epoch_deadline(1);
        let state = self.store.data_mut();
        state.limiter.reset();
        state.meter.begin(deadline, state.revision.settings.limits.cpu_time);
    }

    /// Whether the guest has left a body that it began and did not finish.
    pub(super) fn has_unfinished_body(&mut self) -> bool {
        self.store.data_mut().table.iter_mut().any(|resource| resource.is::<HostOutgoingBody>())
    }
}

/// The outcome of something that the guest did in time, late, or not at all.
pub(super) fn judge<T>(outcome: Result<Result<wasmtime::Result<T>, Panic>, Late>, state: &State) -> Result<T, Fault> {
    match outcome {
        Ok(Ok(Ok(value))) => Ok(value),
        Ok(Ok(Err(error))) => Err(state.fault(&error)),
        Ok(Err(panic)) => Err(fault::of_panic(&panic)),
        Err(Late) => Err(state.late()),
    }
}

fn other_service() -> Fault {
    Fault::new(FaultKind::Internal, "The host failed.").with_details("instances of the component work on several calls")
}

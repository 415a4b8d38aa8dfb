//! One instance and its work on one call.

use std::sync::Arc;
use std::time::Instant;

use patchbay_model::{CallId, Fault, FaultKind, Hold};
use wasmtime::Store;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::Proxy;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::body::HostOutgoingBody;

use super::Shared;
use super::progress::{Ending, Progress};
use crate::body::RequestBody;
use crate::code::Service;
use crate::fault;
use crate::meter::Panic;
use crate::outgoing::AtWork;
use crate::patience::{Late, within};
use crate::state::State;

/// An instance, between calls or at work on one.
pub(super) struct Guest {
    store: Store<State>,
    proxy: Proxy,
    /// Calls begun, the present one among them.
    pub(super) uses: u32,
}

impl Guest {
    /// Makes an instance. The CPU time of the call that it is made for begins to count.
    ///
    /// # Errors
    /// The fault of a component that cannot start.
    pub(super) async fn start(shared: &Shared, deadline: Instant) -> Result<Self, Fault> {
        let Service::P2(pre) = &shared.code.service else { return Err(other_service()) };
        let mut store = State::store(pre.engine(), &shared.revision);
        let meter = store.data().meter.clone();
        meter.begin(deadline, shared.revision.settings.limits.cpu_time);
        let made = within(deadline, meter.run(pre.instantiate_async(&mut store))).await;
        match judge(made, store.data()) {
            Ok(proxy) => Ok(Self { store, proxy, uses: 0 }),
            Err(fault) => {
                store.data().output.flush();
                Err(fault)
            }
        }
    }

    /// Makes ready for another call.
    fn renew(&mut self, deadline: Instant) {
        self.store.set_epoch_deadline(1);
        let state = self.store.data_mut();
        state.limiter.reset();
        state.meter.begin(deadline, state.revision.settings.limits.cpu_time);
    }

    async fn handle(
        &mut self,
        request: http::Request<RequestBody>,
        deadline: Instant,
        progress: Arc<Progress>,
    ) -> Result<(), Fault> {
        let meter = self.store.data().meter.clone();
        let mut view = self.store.data_mut().http();
        let is_https = request.uri().scheme() == Some(&http::uri::Scheme::HTTPS);
        let scheme = if is_https { Scheme::Https } else { Scheme::Http };
        let request = view.new_incoming_request(scheme, request);
        let answer = view.new_response_outparam_from_callback(move |answer| progress.answer(answer));
        let (request, answer) = match (request, answer) {
            (Ok(request), Ok(answer)) => (request, answer),
            (Err(error), _) | (_, Err(error)) => return Err(self.store.data().fault(&error)),
        };
        let handled = self.proxy.wasi_http_incoming_handler().call_handle(&mut self.store, request, answer);
        let handled = within(deadline, meter.run(handled)).await;
        judge(handled, self.store.data())
    }

    /// Whether the guest has left a body that it began and did not finish.
    fn has_unfinished_body(&mut self) -> bool {
        self.store.data_mut().table.iter_mut().any(|resource| resource.is::<HostOutgoingBody>())
    }
}

/// All of an instance's work on one call. `hold` is let go of when it is done.
pub(super) async fn work(
    shared: Arc<Shared>,
    (id, deadline, hops): (CallId, Instant, u32),
    request: http::Request<RequestBody>,
    progress: Arc<Progress>,
    _hold: Hold,
) {
    let mut guest = match shared.pool.take() {
        Some(mut guest) => {
            guest.renew(deadline);
            guest
        }
        None => match Guest::start(&shared, deadline).await {
            Ok(guest) => guest,
            Err(fault) => return progress.end(Ending { fault: Some(fault), unfinished: false }),
        },
    };
    guest.uses += 1;
    guest.store.data().output.attribute(Some(id));
    guest.store.data_mut().outgoing.at_work = AtWork::on(id, deadline, hops);
    let fault = guest.handle(request, deadline, progress.clone()).await.err();
    guest.store.data().output.flush();
    guest.store.data().output.attribute(None);
    guest.store.data_mut().outgoing.at_work = AtWork::Nothing;
    let unfinished = guest.has_unfinished_body();
    let fault = fault.map(|fault| fault::hint(fault, guest.uses));
    if let Some(fault) = &fault
        && progress.is_answered()
        && !unfinished
    {
        shared.revision.report(Some(id), fault);
    }
    let reusable = fault.is_none() && !unfinished;
    // Before the instance goes: with it goes what tells a finished body from an unfinished one.
    progress.end(Ending { fault, unfinished });
    if reusable {
        shared.pool.put(guest);
    }
}

/// The outcome of something that the guest did in time, late, or not at all.
fn judge<T>(outcome: Result<Result<wasmtime::Result<T>, Panic>, Late>, state: &State) -> Result<T, Fault> {
    match outcome {
        Ok(Ok(Ok(value))) => Ok(value),
        Ok(Ok(Err(error))) => Err(state.fault(&error)),
        Ok(Err(panic)) => Err(fault::of_panic(&panic)),
        Err(Late) => Err(state.late()),
    }
}

fn other_service() -> Fault {
    Fault::new(FaultKind::Internal, "The host failed.").with_details("the component handles requests with WASI 0.3")
}

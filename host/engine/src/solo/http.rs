//! HTTP requests, with WASI 0.2.

mod progress;
mod reply;

use std::future::{Future, ready};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Instant;

use patchbay_model::ports::{BoxFuture, in_place};
use patchbay_model::{Answering, Body, Call, CallContext, Fault, FaultKind, Hold, Reply};
use patchbay_striped::{Lent, Spread};
use wasmtime::component::Resource;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::types::{HostIncomingRequest, HostResponseOutparam};

use super::Shared;
use super::guest::{Guest, judge};
use crate::body::RequestBody;
use crate::patience::within;
use crate::reply::Answered;
use crate::turnstile::Claim;
use crate::{body, fault};
use progress::{Ending, Progress};

/// What a guest still does, to be polled by whoever has time.
type GuestWork = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Has an instance answer a request. Blocks and no `async fn`s, which would copy what they are given once more.
pub(super) fn serve(shared: &Spread<Shared>, call: Call) -> BoxFuture<'static, Result<Reply, Fault>> {
    let Call { context, request, hold } = call;
    Answering::note(&request, &shared.revision.id);
    if let Err(fault) = body::check_02(&request) {
        return Box::pin(ready(Err(fault)));
    }
    let bodyless = request.method() == ::http::Method::HEAD;
    let progress = Arc::new(Progress::default());
    let mut guest: GuestWork =
        in_place(Box::new_uninit(), work(shared.lend(), context, request, progress.clone(), hold.clone()));
    in_place(Box::new_uninit(), async move {
        let over = std::future::poll_fn(|cx| {
            let over = guest.as_mut().poll(cx).is_ready();
            if over || progress.is_answered() { std::task::Poll::Ready(over) } else { std::task::Poll::Pending }
        })
        .await;
        let rest = (!over).then_some(guest);
        match progress.take_answer() {
            Some(Ok(answered)) => Ok(reply::reply(answered, bodyless, progress, rest, hold)),
            Some(Err(code)) => {
                // It answered, if badly; what it still has to do it may do, until its deadline.
                drop(rest.map(tokio::spawn));
                Err(fault::no_answer(format_args!("it answered with the error code {code:?}")))
            }
            None => Err(progress.take_fault()),
        }
    })
}

/// All of an instance's work on one call. `hold` is let go of when it is done.
#[inline(always)]
fn work(
    shared: Lent<Shared>,
    context: Box<CallContext>,
    request: Box<::http::Request<Body>>,
    progress: Arc<Progress>,
    hold: Hold,
) -> impl Future<Output = ()> + Send + 'static {
    let (id, deadline) = (context.id, context.deadline);
    async move {
        let _hold = hold;
        let mut claim = shared.claim();
        let mut guest = match Guest::obtain(&shared, deadline, &mut claim).await {
            Ok(guest) => guest,
            Err(fault) => return progress.end(Ending { fault: Some(fault), unfinished: false }),
        };
        guest.begin(context.into());
        let fault = match hand_over(&mut guest, request, progress.clone()) {
            Ok(handed) => handle(&mut guest, handed, deadline, &mut claim).await.err(),
            Err(fault) => Some(fault),
        };
        guest.rest();
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
}

/// The arguments of the guest's function.
type Handed = (Resource<HostIncomingRequest>, Resource<HostResponseOutparam>);

/// Gives a request to an instance, and what to answer it with.
fn hand_over(guest: &mut Guest, request: Box<::http::Request<Body>>, progress: Arc<Progress>) -> Result<Handed, Fault> {
    let store = &mut guest.store;
    let mut view = store.data_mut().http();
    let is_https = request.uri().scheme() == Some(&::http::uri::Scheme::HTTPS);
    let scheme = if is_https { Scheme::Https } else { Scheme::Http };
    let request = view.new_incoming_request(scheme, request.map(RequestBody::new));
    let answer = view.new_response_outparam_from_callback(move |answer| progress.answer(answer.map(Answered::from)));
    match (request, answer) {
        (Ok(request), Ok(answer)) => Ok((request, answer)),
        (Err(error), _) | (_, Err(error)) => Err(store.data().fault(&error)),
    }
}

async fn handle(
    guest: &mut Guest,
    (request, answer): Handed,
    deadline: Instant,
    claim: &mut Claim<'_>,
) -> Result<(), Fault> {
    let Guest { store, proxy: Some(proxy), .. } = guest else {
        return Err(Fault::new(FaultKind::Invalid, "The service takes no HTTP requests."));
    };
    let meter = store.data().meter.clone();
    let handled = proxy.wasi_http_incoming_handler().call_handle(&mut *store, request, answer);
    let handled = within(deadline, pin!(meter.run(claim, handled))).await;
    judge(handled, store.data())
}

//! HTTP requests, with WASI 0.3.

use std::sync::Arc;

use patchbay_model::{Answering, Body, Call, Fault, FaultKind, Reply};
use wasmtime::AsContextMut;
use wasmtime::component::Accessor;
use wasmtime_wasi_http::p3::Request;
use wasmtime_wasi_http::p3::bindings::Service;
use wasmtime_wasi_http::{FieldMap, WasiHttpView};

use super::pool::Pool;
use super::serving::{Answer, Job, Presence, Serving, Work};
use super::vanished;
use crate::body::RequestBody;
use crate::state::State;
use crate::{body, fault, reply};

/// Has an instance answer a request. Dropping the future, or the body of the reply, forsakes the call.
///
/// # Errors
/// The fault that the call ended in.
pub(super) async fn serve(pool: &Arc<Pool>, call: Call) -> Result<Reply, Fault> {
    let Call { context, request, hold } = call;
    Answering::note(&request, &pool.revision.id);
    let request = body::request_03(request)?;
    let bodyless = request.method() == ::http::Method::HEAD;
    let (serving, answered) = Serving::new(context, hold.clone());
    // Tells the worker when this future is dropped.
    let presence = Presence::new(serving.clone());
    pool.dispatch(Job { serving, work: Work::Request(request) });
    let Answer::Response(answered) = answered.await.unwrap_or_else(|_| Err(vanished()))? else {
        return Err(vanished());
    };
    Ok(if presence.is_settled() {
        reply::settled(answered, bodyless, presence, hold)
    } else {
        reply::reply(answered, bodyless, presence, hold)
    })
}

/// Has the guest handle a request.
///
/// # Errors
/// What ends the instance.
pub(super) async fn handle(
    accessor: &Accessor<State>,
    service: Option<&Service>,
    serving: &Serving,
    request: Box<::http::Request<Body>>,
) -> wasmtime::Result<()> {
    let Some(service) = service else {
        serving.fail(Fault::new(FaultKind::Invalid, "The service takes no HTTP requests."));
        return Ok(());
    };
    let (parts, body) = request.into_parts();
    let uri = parts.uri.into_parts();
    let headers = accessor.with(|mut access| FieldMap::new_immutable(access.get().http().hooks, parts.headers));
    let (request, sent) = Request::new(
        parts.method,
        uri.scheme,
        uri.authority,
        uri.path_and_query,
        headers,
        None,
        RequestBody::new(body),
    );
    let function = service.wasi_http_handler().func_handle();
    let call = accessor.with(|mut access| {
        let request = access.get().http().table.push(request)?;
        function.start_call_concurrent(access.as_context_mut(), (request,))
    })?;
    serving.begun_as(call.task());
    match function.finish_call_concurrent(accessor, call).await? {
        (Ok(response),) => {
            let response = accessor.with(|mut access| {
                let response = access.get().http().table.delete(response)?;
                response.into_http(access.as_context_mut(), sent)
            })?;
            serving.answer(Answer::Response(response.into()));
        }
        (Err(code),) => serving.fail(fault::no_answer(format_args!("it answered with the error code {code:?}"))),
    }
    Ok(())
}

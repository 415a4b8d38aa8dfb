//! Inside an instance's event loop: begins the calls of the inbox, and passes on what the guest answers.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use wasmtime::AsContextMut;
use wasmtime::component::Accessor;
use wasmtime_wasi_http::p3::Request;
use wasmtime_wasi_http::p3::bindings::Service;
use wasmtime_wasi_http::{FieldMap, WasiHttpView};

use super::desk::Desk;
use super::serving::Job;
use super::worker::Worker;
use crate::fault;
use crate::state::State;

/// Runs until the instance breaks.
pub(super) async fn attend(
    accessor: &Accessor<State>,
    service: &Service,
    worker: &Worker,
    desk: &Mutex<Desk>,
) -> wasmtime::Result<Infallible> {
    let mut calls = FuturesUnordered::new();
    std::future::poll_fn(|cx| {
        loop {
            match calls.poll_next_unpin(cx) {
                Poll::Ready(Some(Ok(()))) => continue,
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(None) | Poll::Pending => {}
            }
            let Some(job) = worker.next_job() else { break };
            let first = desk.lock().unwrap_or_else(PoisonError::into_inner).begin(&job.serving);
            if first {
                // The epoch moved on while the instance waited; that is not this call's time.
                accessor.with(|mut access| {
                    let mut store = access.as_context_mut();
                    store.set_epoch_deadline(1);
                    store.data_mut().limiter.reset();
                });
            }
            calls.push(handle(accessor, service, job));
        }
        let quiet = calls.is_empty() && accessor.poll_no_interesting_tasks(cx).is_ready();
        desk.lock().unwrap_or_else(PoisonError::into_inner).report(quiet);
        Poll::Pending
    })
    .await
}

async fn handle(accessor: &Accessor<State>, service: &Service, job: Job) -> wasmtime::Result<()> {
    let Job { serving, request } = job;
    let (parts, body) = request.into_parts();
    let uri = parts.uri.into_parts();
    let headers = accessor.with(|mut access| FieldMap::new_immutable(access.get().http().hooks, parts.headers));
    let (request, sent) =
        Request::new(parts.method, uri.scheme, uri.authority, uri.path_and_query, headers, None, body);
    match service.handle(accessor, request).await? {
        Ok(response) => {
            let response = accessor.with(|mut access| response.into_http(access.as_context_mut(), sent))?;
            serving.answer(response);
        }
        Err(code) => serving.fail(fault::no_answer(format_args!("it answered with the error code {code:?}"))),
    }
    Ok(())
}

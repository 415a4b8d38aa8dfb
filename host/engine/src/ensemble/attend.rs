//! Inside an instance's event loop: begins the calls of the inbox, and has the guest work on them.

use std::convert::Infallible;
use std::sync::{Mutex, PoisonError};
use std::task::Poll;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use wasmtime::AsContextMut;
use wasmtime::component::Accessor;

use super::desk::Desk;
use super::serving::{Job, Work};
use super::worker::{Parts, Worker};
use super::{http, message, typed};
use crate::state::State;

/// Runs until the instance breaks.
pub(super) async fn attend(
    accessor: &Accessor<State>,
    parts: &Parts,
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
            calls.push(handle(accessor, parts, job));
        }
        let quiet = calls.is_empty() && accessor.poll_no_interesting_tasks(cx).is_ready();
        desk.lock().unwrap_or_else(PoisonError::into_inner).report(quiet);
        Poll::Pending
    })
    .await
}

async fn handle(accessor: &Accessor<State>, parts: &Parts, job: Job) -> wasmtime::Result<()> {
    let Job { serving, work } = job;
    match work {
        Work::Request(request) => http::handle(accessor, parts.service.as_ref(), &serving, request).await,
        Work::Message(message) => message::handle(accessor, parts.handler.as_ref(), &serving, message).await,
        Work::Function(function, arguments) => typed::handle(accessor, parts, &serving, &function, arguments).await,
    }
}

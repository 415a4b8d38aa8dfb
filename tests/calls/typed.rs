//! Typed calls from one component to another through the engine alone: no channel and no policy lies between them.

use std::error::Error;
use std::mem;
use std::sync::{Arc, LazyLock, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use patchbay_engine::Engine;
use patchbay_model::ports::{BoxFuture, Discovery, LinkCall, Links, Prepared};
use patchbay_model::{
    CallContext, CallId, Course, Fault, FaultKind, Hold, InstancePolicy, Invocation, ServiceInfo, ServiceName,
    TypedCall,
};
use serde_json::{Value, json};

use crate::{get, prepare, timing};

/// Leads every call to one component, if there is one.
#[derive(Default)]
pub(crate) struct Direct(OnceLock<Arc<dyn Prepared>>);

impl Discovery for Direct {
    fn version(&self) -> u64 {
        0
    }

    fn resolve(&self, _: &str) -> Option<ServiceInfo> {
        None
    }

    fn services(&self) -> Vec<ServiceInfo> {
        Vec::new()
    }
}

/// What its calls occupy.
static NOTHING: LazyLock<Hold> = LazyLock::new(Hold::default);

impl Links for Direct {
    fn call<'a>(&'a self, call: &'a mut LinkCall<'_>) -> BoxFuture<'a, Result<Bytes, Fault>> {
        match self.0.get() {
            Some(callee) => callee.invoke(TypedCall {
                context: Box::new(CallContext::new(CallId::new(0), call.course.deadline)),
                function: call.function,
                arguments: mem::take(&mut call.arguments),
                hold: &NOTHING,
            }),
            None => Box::pin(async { Err(Fault::new(FaultKind::Unavailable, "nobody serves it")) }),
        }
    }

    fn invoke<'a>(&'a self, _: &'a ServiceName, _: Course, _: Invocation) -> BoxFuture<'a, Result<String, Fault>> {
        Box::pin(async { Err(Fault::new(FaultKind::NotFound, "there are no services")) })
    }
}

/// Has `caller` time calls of `callee` for about so many milliseconds: `path` says of what, as the guest `bench-caller`
/// reads it. Microseconds per call.
///
/// # Errors
/// If a component cannot run, or the caller does not answer with a time.
pub(crate) async fn time(
    (engine, links): (&Engine, &Direct),
    (caller, callee): (Bytes, Bytes),
    path: &str,
    millis: u64,
) -> Result<Value, Box<dyn Error>> {
    let callee = prepare(engine, "callee@1", callee, InstancePolicy::Reuse).await?;
    links.0.set(callee).map_err(|_| "the callee is set once")?;
    let caller = prepare(engine, "caller@1", caller, InstancePolicy::Reuse).await?;
    let us = timing::us_per_call(millis, async |calls| {
        let reply = get(caller.as_ref(), &format!("{path}&calls={calls}"), Duration::from_secs(60)).await?;
        let body = reply.into_body().collect().await?.to_bytes();
        Ok(std::str::from_utf8(&body)?.parse()?)
    })
    .await?;
    Ok(json!({ "us": us }))
}

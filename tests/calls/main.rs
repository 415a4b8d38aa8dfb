//! Times calls through the engine alone: one after the other, on one thread, without HTTP, sockets and policies. With the
//! policy `fresh` a call is all of it: a store, an instance, the call, and letting go of both. Prints one JSON object of
//! microseconds of CPU time per call, which a busy machine does not change much.
#![allow(clippy::print_stdout, reason = "it prints its result")]

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use clap::Parser;
use http_body_util::BodyExt;
use patchbay_engine::{Engine, EngineConfig, Premises};
use patchbay_model::ports::{
    BoxFuture, Clock, Discovery, Executor, Links, LogSink, Outbound, Outlet, PrepareRequest, Prepared,
};
use patchbay_model::{
    Call, CallContext, CallId, Course, Digest, Fault, FaultKind, FunctionName, Hold, InstancePolicy, Invocation,
    LogRecord, OutboundError, OutboundRequest, Reply, RevisionId, ServiceInfo, ServiceName, Settings, empty_body,
};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

/// Times calls of a component.
#[derive(Parser)]
struct Arguments {
    /// The component, of WASI 0.2
    component: PathBuf,
    /// Calls to time
    #[arg(long, default_value_t = 50_000)]
    calls: u32,
    /// Calls to make before
    #[arg(long, default_value_t = 5_000)]
    warm_up: u32,
}

/// That of the host.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a call may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// What the component says and when is not looked at, and it reaches nobody.
struct Nobody;

impl LogSink for Nobody {
    fn record(&self, _: LogRecord) {}
}

impl Clock for Nobody {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
}

impl Outbound for Nobody {
    fn open(&self, _: &RevisionId, _: &Settings) -> Arc<dyn Outlet> {
        Arc::new(Self)
    }
}

impl Discovery for Nobody {
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

impl Links for Nobody {
    fn invoke<'a>(&'a self, _: &'a ServiceName, _: Course, _: Invocation) -> BoxFuture<'a, Result<String, Fault>> {
        Box::pin(async { Err(Fault::new(FaultKind::NotFound, "there are no services")) })
    }

    fn call<'a>(
        &'a self,
        _: &'a ServiceName,
        _: Course,
        _: &'a Arc<FunctionName>,
        _: bytes::Bytes,
    ) -> BoxFuture<'a, Result<bytes::Bytes, Fault>> {
        Box::pin(std::future::ready(Err(Fault::new(FaultKind::Unavailable, "nobody serves it"))))
    }
}

impl Outlet for Nobody {
    fn send(&self, _: OutboundRequest) -> BoxFuture<'static, Result<Reply, OutboundError>> {
        Box::pin(std::future::ready(Err(OutboundError::Denied)))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let bytes = bytes::Bytes::from(std::fs::read(&arguments.component)?);
    let nobody = Arc::new(Nobody);
    let config = EngineConfig::default();
    let engine = Engine::new(&config, Premises::default(), nobody.clone(), nobody.clone(), nobody.clone(), nobody)?;
    let mut result = Map::new();
    for policy in [InstancePolicy::Fresh, InstancePolicy::Reuse] {
        let request = PrepareRequest {
            revision: "timed@1".parse()?,
            component: Digest::of(&bytes),
            bytes: bytes.clone(),
            instances: policy,
            settings: Settings::default(),
        };
        let prepared = engine.prepare(request).await?.prepared;
        calls(prepared.as_ref(), arguments.warm_up).await?;
        let begun = cpu_us();
        calls(prepared.as_ref(), arguments.calls).await?;
        let us = (cpu_us() - begun) / f64::from(arguments.calls);
        result.insert(policy.name().to_owned(), json!(us));
    }
    println!("{}", Value::Object(result));
    Ok(())
}

/// What this thread has used.
fn cpu_us() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1_000_000.0 + time.tv_nsec as f64 / 1000.0
}

/// Makes calls, and reads their replies to the end.
async fn calls(prepared: &dyn Prepared, n_calls: u32) -> Result<(), Box<dyn Error>> {
    for number in 0..n_calls {
        let request = http::Request::get("/").header(http::header::HOST, "localhost").body(empty_body())?;
        let deadline = (Instant::now() + TIMEOUT).into_std();
        let id = CallId::new(number.into());
        let call = Call { context: CallContext::new(id, deadline), request, hold: Hold::default() };
        let reply = prepared.serve(call).await?;
        if !reply.status().is_success() {
            return Err(format!("the component answered {}", reply.status()).into());
        }
        reply.into_body().collect().await?;
    }
    Ok(())
}

//! Times calls through the engine alone: one after the other, on one thread, without HTTP, sockets and policies. With the
//! policy `fresh` a call is all of it: a store, an instance, the call, and letting go of both. Prints one JSON object of
//! microseconds of CPU time per call, which a busy machine does not change much. With `--callee`, it has the component time
//! its calls of another one, by its own clock; with `--way`, without the engine: as native code, or forwarded as wasmtime's
//! `Val`.
#![allow(clippy::print_stdout, reason = "it prints its result")]

#[path = "../../host/cli/src/allocator.rs"]
mod allocator;
mod forwarded;
mod native;
mod timing;
mod typed;

use std::error::Error;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use clap::Parser;
use http_body_util::BodyExt;
use patchbay_engine::{Engine, EngineConfig, Ports, Premises};
use patchbay_model::bus::{BusError, Message, Receipt};
use patchbay_model::ports::{
    BoxFuture, Clock, Executor, LogSink, Messaging, Outbound, Outlet, PrepareRequest, Prepared, Publication,
    TokenError, TokenWish, Tokens,
};
use patchbay_model::{
    Call, CallContext, CallId, Course, Digest, FunctionName, Hold, InstancePolicy, Limits, LogRecord, OutboundError,
    OutboundRequest, Reply, RevisionId, ServiceName, Settings, TypedCall, User, empty_body,
};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use typed::Direct;

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
    /// A function of the component, which is called with the number 1, instead of requests
    #[arg(long)]
    function: Option<FunctionName>,
    /// The component that is called
    #[arg(long)]
    callee: Option<PathBuf>,
    /// What the component is asked for, where it calls another one
    #[arg(long, default_value = "/number?size=0")]
    path: String,
    /// How long it may take, about
    #[arg(long, default_value_t = 300)]
    millis: u64,
    /// How the calls reach the component that is called
    #[arg(long, default_value = "engine")]
    way: Way,
}

/// How calls reach the component that is called.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Way {
    /// Packed, through the engine of the host
    Engine,
    /// As wasmtime's `Val`
    Val,
    /// As native code
    Native,
}

/// That of the host.
#[global_allocator]
static ALLOCATOR: allocator::Allocator = allocator::Allocator;

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

impl Outlet for Nobody {
    fn send(&self, _: OutboundRequest) -> BoxFuture<'static, Result<Reply, OutboundError>> {
        Box::pin(std::future::ready(Err(OutboundError::Denied)))
    }
}

impl Messaging for Nobody {
    fn publish<'a>(
        &'a self,
        _: &'a ServiceName,
        _: Course,
        _: Publication,
    ) -> BoxFuture<'a, Result<Receipt, BusError>> {
        Box::pin(std::future::ready(Err(nowhere())))
    }

    fn request<'a>(
        &'a self,
        _: &'a ServiceName,
        _: Course,
        _: Publication,
        _: NonZeroUsize,
        _: Option<Duration>,
    ) -> BoxFuture<'a, Result<Vec<Message>, BusError>> {
        Box::pin(std::future::ready(Err(nowhere())))
    }
}

impl Tokens for Nobody {
    fn verify<'a>(&'a self, _: &'a ServiceName, _: &'a str) -> BoxFuture<'a, Result<Arc<User>, TokenError>> {
        Box::pin(std::future::ready(Err(TokenError::Unavailable("there are no issuers here".to_owned()))))
    }

    fn mint<'a>(&'a self, _: &'a ServiceName, _: Course, _: TokenWish) -> BoxFuture<'a, Result<String, TokenError>> {
        Box::pin(std::future::ready(Err(TokenError::Unavailable("there is no key here".to_owned()))))
    }
}

fn nowhere() -> BusError {
    BusError::Unavailable("there is no bus here".to_owned())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let result = match (arguments.way, &arguments.callee) {
        (Way::Native, _) => native::time(&arguments.path, arguments.millis).await?,
        (Way::Val, Some(callee)) => {
            forwarded::time((&arguments.component, callee), &arguments.path, arguments.millis).await?
        }
        (Way::Val, None) => return Err("`--way val` needs `--callee`".into()),
        (Way::Engine, _) => engine(&arguments).await?,
    };
    println!("{result}");
    Ok(())
}

/// Times calls through the engine of the host.
async fn engine(arguments: &Arguments) -> Result<Value, Box<dyn Error>> {
    let bytes = Bytes::from(std::fs::read(&arguments.component)?);
    let (nobody, links) = (Arc::new(Nobody), Arc::new(Direct::default()));
    let (config, premises) = (EngineConfig::default(), Premises::default());
    let engine = Engine::new(
        &config,
        premises,
        Ports {
            sink: nobody.clone(),
            outbound: nobody.clone(),
            links: links.clone(),
            messaging: nobody.clone(),
            tokens: nobody.clone(),
            spans: Arc::new(patchbay_model::ports::NoSpans),
            clock: nobody,
            components: None,
        },
    )?;
    match &arguments.callee {
        Some(callee) => {
            let callee = Bytes::from(std::fs::read(callee)?);
            typed::time((&engine, &links), (bytes, callee), &arguments.path, arguments.millis).await
        }
        None => requests(&engine, &bytes, arguments).await,
    }
}

/// Times requests to the component, or calls of its function, under each policy.
async fn requests(engine: &Engine, bytes: &Bytes, arguments: &Arguments) -> Result<Value, Box<dyn Error>> {
    let mut result = Map::new();
    for policy in [InstancePolicy::Fresh, InstancePolicy::Reuse] {
        let prepared = prepare(engine, "timed@1", bytes.clone(), policy).await?;
        let function = arguments.function.clone().map(Arc::new);
        calls(prepared.as_ref(), function.as_ref(), arguments.warm_up).await?;
        let begun = cpu_us();
        calls(prepared.as_ref(), function.as_ref(), arguments.calls).await?;
        let us = (cpu_us() - begun) / f64::from(arguments.calls);
        result.insert(policy.name().to_owned(), json!(us));
    }
    Ok(Value::Object(result))
}

/// A component that is ready to be called.
async fn prepare(
    engine: &Engine,
    revision: &str,
    bytes: Bytes,
    instances: InstancePolicy,
) -> Result<Arc<dyn Prepared>, Box<dyn Error>> {
    let request = PrepareRequest {
        revision: revision.parse()?,
        component: Digest::of(&bytes),
        bytes,
        instances,
        settings: Settings { limits: Limits { cpu_time: TIMEOUT, ..Limits::default() }, ..Settings::default() },
        secrets: Default::default(),
    };
    Ok(engine.prepare(request).await?.prepared)
}

/// What this thread has used.
fn cpu_us() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1_000_000.0 + time.tv_nsec as f64 / 1000.0
}

/// Makes calls, and reads their replies to the end.
async fn calls(
    prepared: &dyn Prepared,
    function: Option<&Arc<FunctionName>>,
    n_calls: u32,
) -> Result<(), Box<dyn Error>> {
    for _ in 0..n_calls {
        match function {
            Some(function) => drop(number(prepared, function).await?),
            None => drop(get(prepared, "/", TIMEOUT).await?.into_body().collect().await?),
        }
    }
    Ok(())
}

/// Calls a function with the number 1. The packed result.
async fn number(prepared: &dyn Prepared, function: &Arc<FunctionName>) -> Result<Bytes, Box<dyn Error>> {
    let context = Box::new(CallContext::new(CallId::new(0), (Instant::now() + TIMEOUT).into_std()));
    let arguments = Bytes::copy_from_slice(&1_u32.to_le_bytes());
    let call = TypedCall { context, function, arguments, hold: &Hold::default() };
    Ok(prepared.invoke(call).await?)
}

/// Asks for a path; the answer has to be a success.
async fn get(prepared: &dyn Prepared, path: &str, timeout: Duration) -> Result<Reply, Box<dyn Error>> {
    let request = http::Request::get(path).header(http::header::HOST, "localhost").body(empty_body())?;
    let context = Box::new(CallContext::new(CallId::new(0), (Instant::now() + timeout).into_std()));
    let reply = prepared.serve(Call { context, request: Box::new(request), hold: Hold::default() }).await?;
    if reply.status().is_success() { Ok(reply) } else { Err(format!("it answered {}", reply.status()).into()) }
}

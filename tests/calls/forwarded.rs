//! The same two components, with calls forwarded between them as wasmtime's dynamic `Val`: what a host does that has no
//! packed values. Nothing else lies between them: no channel, no policy and no limit.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use serde_json::{Value, json};
use tokio::sync::{Mutex, oneshot};
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentExportIndex, Instance, Linker, ResourceTable, Val};
use wasmtime::error::Context as _;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Result, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;
use wasmtime_wasi_http::p2::bindings::{Proxy, ProxyPre};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;
use wasmtime_wasi_http::{RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView};

use crate::timing;

/// The interface that lies between the two.
const INTERFACE: &str = "bench:calls/values@0.1.0";

/// What an instance has of the host.
struct State {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    nobody: Nobody,
}

/// Sends no request.
struct Nobody;

type Sent = (http::Response<WasiBody>, Box<dyn Future<Output = std::result::Result<(), Code>> + Send>);
type Code = wasmtime_wasi_http::Error;

impl WasiHttpHooks for Nobody {
    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Box<dyn Future<Output = std::result::Result<(), Code>> + Send>,
    ) -> Box<dyn Future<Output = std::result::Result<Sent, Code>> + Send> {
        Box::new(std::future::ready(Err(Code::HttpRequestDenied)))
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.nobody }
    }
}

/// The instance that is called: one call at a time.
struct Callee {
    store: Store<State>,
    instance: Instance,
}

/// Has the caller time calls of the callee for about so many milliseconds. Microseconds per call.
///
/// # Errors
/// If a component cannot run, or the caller does not answer with a time.
pub(crate) async fn time(
    (caller, callee): (&Path, &Path),
    path: &str,
    millis: u64,
) -> std::result::Result<Value, Box<dyn Error>> {
    let engine = engine()?;
    let callee = Component::from_file(&engine, callee)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    let mut store = store(&engine);
    let instance = linker.instantiate_async(&mut store, &callee).await?;
    let target = Arc::new(Mutex::new(Callee { store, instance }));

    let caller = Component::from_file(&engine, caller)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    forward(&mut linker, &callee, &target)?;
    let mut store = self::store(&engine);
    let proxy = ProxyPre::new(linker.instantiate_pre(&caller)?)?.instantiate_async(&mut store).await?;
    let mut instance = (store, proxy);
    let us = timing::us_per_call(millis, async |calls| {
        let answer = get(&mut instance, &format!("{path}&calls={calls}")).await?;
        Ok(std::str::from_utf8(&answer)?.parse()?)
    })
    .await?;
    Ok(json!({ "us": us }))
}

/// One without concurrency, as the host has it for such components, and without interruption.
fn engine() -> Result<Engine> {
    let mut config = Config::new();
    config.concurrency_support(false);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(PoolingAllocationConfig::new()));
    Engine::new(&config)
}

fn store(engine: &Engine) -> Store<State> {
    let mut store = Store::new(
        engine,
        State {
            table: ResourceTable::new(),
            wasi: WasiCtx::builder().build(),
            http: WasiHttpCtx::new(),
            nobody: Nobody,
        },
    );
    // What a `Val` takes is charged, 32 bytes for each byte of a list.
    store.set_hostcall_fuel(usize::MAX);
    store
}

/// Defines what the caller imports as what the callee exports.
fn forward(linker: &mut Linker<State>, callee: &Component, target: &Arc<Mutex<Callee>>) -> Result<()> {
    let engine = linker.engine().clone();
    let exported = callee.component_type();
    let exported = exported.get_export(&engine, INTERFACE).context("the callee exports no such interface")?;
    let ComponentItem::ComponentInstance(functions) = exported.ty else { wasmtime::bail!("it is no interface") };
    let interface = callee.get_export_index(None, INTERFACE).context("the callee exports no such interface")?;
    let mut instance = linker.instance(INTERFACE)?;
    for (name, item) in functions.exports(&engine) {
        if !matches!(item.ty, ComponentItem::ComponentFunc(_)) {
            continue;
        }
        let index = callee.get_export_index(Some(&interface), name).context("the callee lacks an export")?;
        let target = Arc::clone(target);
        instance.func_new_async(name, move |_, _, arguments, results| {
            let target = Arc::clone(&target);
            Box::new(async move { call(&target, index, arguments, results).await })
        })?;
    }
    Ok(())
}

async fn call(
    target: &Mutex<Callee>,
    index: ComponentExportIndex,
    arguments: &[Val],
    results: &mut [Val],
) -> Result<()> {
    let mut target = target.lock().await;
    let Callee { store, instance } = &mut *target;
    let function = instance.get_func(&mut *store, index).context("the instance lacks an export")?;
    function.call_async(&mut *store, arguments, results).await
}

/// Asks the instance of the caller for a path; the body of the answer.
async fn get((store, proxy): &mut (Store<State>, Proxy), path: &str) -> std::result::Result<Bytes, Box<dyn Error>> {
    let none = Empty::<Bytes>::new().map_err(|never| -> Code { match never {} });
    let request = http::Request::get(path).header(http::header::HOST, "localhost").body(none)?;
    let (sender, answer) = oneshot::channel();
    let mut view = store.data_mut().http();
    let request = view.new_incoming_request(Scheme::Http, request)?;
    let out = view.new_response_outparam(sender)?;
    // Its answer is short, so that it waits for nobody to read it.
    proxy.wasi_http_incoming_handler().call_handle(&mut *store, request, out).await?;
    let response: http::Response<HyperOutgoingBody> = answer.await??;
    if !response.status().is_success() {
        return Err(format!("it answered {}", response.status()).into());
    }
    Ok(response.into_body().collect().await?.to_bytes())
}

//! The data of a store: everything that the host keeps for one instance.

use std::sync::Arc;

use patchbay_model::{Fault, LogStream};
use patchbay_striped::Lent;
use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::errand::Errands;
use crate::fault;
use crate::imports::Wire;
use crate::limiter::Limiter;
use crate::meter::{Meter, Stop};
use crate::outgoing::Outgoing;
use crate::revision::Revision;
use crate::stdio::{Output, Stream};
use crate::usage::Live;

/// Bytes that a guest may hand to the host in one call of a function: what the host allocates and works through for it
/// before anything can interrupt that.
pub(crate) const HANDED_OVER: usize = 8 << 20;
/// Random bytes that a guest may ask for at once: they are made one by one, and nothing interrupts that either.
const RANDOM_BYTES: u64 = 1 << 20;

/// The host's side of one instance.
pub(crate) struct State {
    // First: a body that is being sent has to be told that the instance is lost before its other end in the table goes.
    pub(crate) outgoing: Outgoing,
    pub(crate) table: ResourceTable,
    pub(crate) limiter: Limiter,
    pub(crate) meter: Arc<Meter>,
    pub(crate) output: Arc<Output>,
    pub(crate) revision: Lent<Revision>,
    /// The functions that it imports and has called, by their numbers.
    pub(crate) wires: Vec<Option<Wire>>,
    /// Of an instance that works on several calls at a time.
    pub(crate) errands: Option<Arc<Errands>>,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    _live: Live,
}

impl State {
    /// A store for one instance: no files, no environment, no arguments, no network; clocks and randomness are real.
    pub(crate) fn store(engine: &Engine, revision: &Lent<Revision>) -> Store<Self> {
        revision.tally.started();
        let output = Output::new(revision.clone());
        let mut table = ResourceTable::new();
        let limits = &revision.settings.limits;
        let handles = limits.handles as usize;
        table.set_max_capacity(handles);
        let state = Self {
            outgoing: Outgoing::new(revision.clone()),
            table,
            limiter: Limiter::new(limits, revision.tally.lend(), revision.instances.lend()),
            meter: revision.meter(),
            wasi: WasiCtxBuilder::new()
                .stdout(Stream::new(output.clone(), LogStream::Stdout))
                .stderr(Stream::new(output.clone(), LogStream::Stderr))
                .allow_tcp(false)
                .allow_udp(false)
                .max_random_size(RANDOM_BYTES)
                .build(),
            output,
            revision: revision.clone(),
            wires: Vec::new(),
            errands: None,
            http: WasiHttpCtx::new(),
            _live: Live::new(revision.instances.lend()),
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.limiter);
        store.set_hostcall_fuel(HANDED_OVER);
        store.set_max_component_handles(handles);
        if let Some(table) = store.concurrent_resource_table() {
            table.set_max_capacity(handles);
        }
        store.epoch_deadline_callback(|store| store.data().meter.tick().map_err(wasmtime::Error::from));
        store.set_epoch_deadline(1);
        store
    }

    /// The fault that an error of this instance is.
    pub(crate) fn fault(&self, error: &wasmtime::Error) -> Fault {
        fault::of_error(error, self.limiter.refused(), &self.revision)
    }

    /// The fault of a call that did not end in time.
    pub(crate) fn late(&self) -> Fault {
        fault::of_stop(Stop::Deadline, &self.revision.settings.limits)
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outgoing }
    }
}

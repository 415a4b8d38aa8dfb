//! The two wasmtime engines, and the probe that decides how they allocate.
//!
//! WASI 0.3 and every `async func` need wasmtime's support for concurrent calls in one instance. It costs a microsecond per
//! call and doubles the price of a fresh instance, so components that do not need it run on an engine without it.

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, Module, PoolingAllocationConfig, Result, Store};

use patchbay_model::Limits;

use crate::EngineConfig;

/// Part of each linear memory that stays in RAM when its slot is free, in bytes, as far as it was touched: the next
/// instance in the slot then takes no page faults. It is what a JavaScript engine touches in a call, which twice as many
/// can be made of with it than with 64 KiB; more brings nothing.
const KEEP_MEMORY: usize = 512 << 10;
/// The same of each table. Those of a JavaScript engine are large, and what is not kept is given back to the system each time, which
/// every core has to hear of.
const KEEP_TABLE: usize = 512 << 10;
/// Free slots for each core, and at least, that stay as the last instance in them left them: the next one of the same component
/// is then made without a new mapping. Each keeps some 150 kB, and the slots of services that nobody calls are among them.
const WARM_SLOTS_PER_CORE: u32 = 8;
const LEAST_WARM_SLOTS: u32 = 16;
/// JavaScript and Python components are made of dozens of core modules, with large function tables.
const CORE_INSTANCES_PER_COMPONENT: u32 = Limits::MAX_CORE_INSTANCES;
const TABLE_ELEMENTS: usize = Limits::MAX_TABLE_ELEMENTS as usize;
const MEMORIES_PER_COMPONENT: u32 = 20;
const TABLES_PER_COMPONENT: u32 = 50;
const INSTANCE_SIZE: usize = 4 << 20;
const MEMORY_SIZE: usize = 4 << 30;
/// Part of each stack that is left for the host's functions when the guest has used up its own.
const HOST_STACK: u64 = 3 << 19;

/// A core module with one memory of one page: the smallest thing that takes a slot.
const SLOT_PROBE: &[u8] = b"\0asm\x01\0\0\0\x05\x03\x01\0\x01";

/// Which engine a component needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Wasi {
    /// It needs no concurrency: it uses WASI 0.2 at the most, and nothing `async`.
    P2,
    /// It uses WASI 0.3, or something `async` of its own.
    P3,
}

/// How instances get their memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allocation {
    /// From slots that were reserved at start: an instance is made in microseconds.
    Pooling {
        /// Slots for each of the two engines.
        instances: u32,
        /// Whether the kernel tells which pages were touched (`PAGEMAP_SCAN`, Linux 6.7), which halves the time
        /// that a fresh instance takes.
        pagemap_scan: bool,
    },
    /// From the operating system, one by one: slower, and not bounded by `instances`.
    OnDemand {
        /// Why slots could not be reserved.
        reason: String,
    },
}

/// The engines and what the probe found.
pub(crate) struct Engines {
    p2: Engine,
    p3: Engine,
    pub(crate) allocation: Allocation,
}

impl Engines {
    /// Makes both engines, with pooling where this machine allows it.
    ///
    /// # Errors
    /// If wasmtime does not work on this machine at all.
    pub(crate) fn new(config: &EngineConfig) -> Result<Self> {
        match pooled(config) {
            Ok((p2, p3)) => {
                let pagemap_scan = PoolingAllocationConfig::is_pagemap_scan_available();
                Ok(Self { p2, p3, allocation: Allocation::Pooling { instances: config.instances, pagemap_scan } })
            }
            Err(error) => Ok(Self {
                p2: Engine::new(&settings(Wasi::P2, config)?)?,
                p3: Engine::new(&settings(Wasi::P3, config)?)?,
                allocation: Allocation::OnDemand { reason: format!("{error:#}") },
            }),
        }
    }

    /// The engine for components of this kind.
    pub(crate) const fn of(&self, wasi: Wasi) -> &Engine {
        match wasi {
            Wasi::P2 => &self.p2,
            Wasi::P3 => &self.p3,
        }
    }
}

fn pooled(config: &EngineConfig) -> Result<(Engine, Engine)> {
    let make = |wasi| -> Result<Engine> {
        let mut settings = settings(wasi, config)?;
        settings.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(config.instances)));
        let engine = Engine::new(&settings)?;
        // Some systems let address space be reserved and refuse it when it is used.
        let module = Module::from_binary(&engine, SLOT_PROBE)?;
        wasmtime::Instance::new(&mut Store::new(&engine, ()), &module, &[])?;
        Ok(engine)
    };
    Ok((make(Wasi::P2)?, make(Wasi::P3)?))
}

/// An engine that makes code for the one of this kind, and runs none.
///
/// # Errors
/// If wasmtime does not work on this machine.
pub(crate) fn for_compiling(wasi: Wasi, pooled: bool, config: &EngineConfig) -> Result<Engine> {
    let mut settings = settings(wasi, config)?;
    if pooled {
        settings.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(1)));
    }
    Engine::new(&settings)
}

fn settings(wasi: Wasi, config: &EngineConfig) -> Result<Config> {
    let mut settings = Config::new();
    settings.concurrency_support(wasi == Wasi::P3);
    settings.epoch_interruption(true);
    settings.max_wasm_stack(usize::try_from(config.stack)?);
    settings.async_stack_size(usize::try_from(config.stack + HOST_STACK)?);
    Ok(settings)
}

fn warm_slots() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX));
    cores.saturating_mul(WARM_SLOTS_PER_CORE).max(LEAST_WARM_SLOTS)
}

fn pool(instances: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_stacks(instances)
        .total_gc_heaps(instances)
        .total_memories(instances.saturating_mul(2))
        .total_tables(instances.saturating_mul(4))
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_PER_COMPONENT))
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT)
        .max_memories_per_component(MEMORIES_PER_COMPONENT)
        .max_tables_per_component(TABLES_PER_COMPONENT)
        .max_tables_per_module(TABLES_PER_COMPONENT)
        .max_core_instance_size(INSTANCE_SIZE)
        .max_component_instance_size(INSTANCE_SIZE)
        .max_memory_size(MEMORY_SIZE)
        .table_elements(TABLE_ELEMENTS)
        .linear_memory_keep_resident(KEEP_MEMORY)
        .table_keep_resident(KEEP_TABLE)
        .max_unused_warm_slots(warm_slots())
        .pagemap_scan(Enabled::Auto);
    pool
}

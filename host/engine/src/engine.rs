//! The engine: the executor of the host.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use patchbay_model::Hazard;
use patchbay_model::ports::{
    BoxFuture, Clock, CodeSource, ComponentStore, Executor, Links, LogSink, Messaging, Outbound, Preparation,
    PrepareError, PrepareRequest, Prepared, Spans, Tokens, Usage,
};

use crate::admit;
use crate::cache::Cache;
use crate::code::{Service, Shelf};
use crate::compile::{Compiler, Place};
use crate::config::EngineConfig;
use crate::engines::{Allocation, Engines, Wasi};
use crate::ensemble::Ensemble;
use crate::offers::Offers;
use crate::on_demand::{OnDemand, Sources};
use crate::revision::{Revision, Surroundings};
use crate::solo::Solo;
use crate::tally::Tallies;
use crate::ticker::Ticker;
use crate::usage::{Instances, Totals};
use crate::watchdog::Watchdog;
use crate::workshop::{Order, Workshop};

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The configuration cannot be run with.
    #[error("the engine cannot run with this configuration: {0}")]
    Config(String),
    /// WebAssembly cannot be run on this machine.
    #[error("WebAssembly cannot be run on this machine: {0}")]
    Machine(String),
}

/// What the engine found when it started, for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineReport {
    /// How instances get their memory.
    pub allocation: Allocation,
    /// Where compiled components are kept.
    pub cache: CacheReport,
    /// Threads that compile.
    pub compile_threads: usize,
}

/// Where compiled components are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheReport {
    /// Nowhere: no folder was given.
    Off,
    /// In this folder.
    Used(PathBuf),
    /// Nowhere, although a folder was given: it cannot be used, for this reason.
    Refused(String),
}

/// Where compiled components may be kept.
#[derive(Debug, Clone)]
pub struct CacheFolder {
    /// The folder, which has to be private to the user of the host.
    pub path: PathBuf,
    /// What can go wrong with the disk that it is on.
    pub hazard: Arc<dyn Hazard>,
}

/// What an engine works with on this machine.
#[derive(Debug, Clone, Default)]
pub struct Premises {
    /// Where compiled components may be kept; nowhere if there is none.
    pub cache: Option<CacheFolder>,
    /// The program that compiles. Without one, components are compiled in this process, and `compile_time` and
    /// `compile_memory` do not hold.
    pub workshop: Option<Workshop>,
}

/// The adapters that instances work with.
#[derive(Clone)]
pub struct Ports {
    /// Takes what guests print.
    pub sink: Arc<dyn LogSink>,
    /// Sends their requests.
    pub outbound: Arc<dyn Outbound>,
    /// Takes their calls of functions of other services, and tells them which services there are.
    pub links: Arc<dyn Links>,
    /// Publishes their messages.
    pub messaging: Arc<dyn Messaging>,
    /// Verifies tokens for them, and signs some.
    pub tokens: Arc<dyn Tokens>,
    /// Takes the spans that they make themselves.
    pub spans: Arc<dyn Spans>,
    /// Tells the time of day.
    pub clock: Arc<dyn Clock>,
    /// Where components can be read again, once their code was let go. `None`: it never is.
    pub components: Option<Arc<dyn ComponentStore>>,
}

/// Where machine code comes from, with the names in metrics.
const SOURCES: [(CodeSource, &str); 4] = [
    (CodeSource::Shared, "shared"),
    (CodeSource::Cache, "cache"),
    (CodeSource::Compiled, "compiled"),
    (CodeSource::CacheDamaged, "cache-damaged"),
];

/// Compiles and runs components. Implements [`Executor`].
pub struct Engine {
    offers: Offers,
    compiler: Arc<Compiler>,
    /// What code that was let go is made with again, if any is.
    sources: Option<Sources>,
    totals: Arc<Totals>,
    /// Components that were made ready, in the order of [`SOURCES`].
    prepared: [AtomicU64; SOURCES.len()],
    surroundings: Surroundings,
    report: EngineReport,
    _ticker: Ticker,
    _watchdog: Watchdog,
}

impl Engine {
    /// Starts an engine. If the folder for compiled components cannot be used, the engine runs without and the report
    /// says why. Guests reach what is outside of them through `ports`.
    ///
    /// # Errors
    /// If the configuration has problems, or this machine cannot run WebAssembly.
    pub fn new(config: &EngineConfig, premises: Premises, ports: Ports) -> Result<Self, EngineError> {
        let problems: Vec<_> = config.problems().iter().map(ToString::to_string).collect();
        if !problems.is_empty() {
            return Err(EngineError::Config(problems.join("; ")));
        }
        let machine = |error: wasmtime::Error| EngineError::Machine(format!("{error:#}"));
        let engines = Arc::new(Engines::new(config).map_err(machine)?);
        let both = [Wasi::P2, Wasi::P3].map(|wasi| engines.of(wasi).weak());
        let ticker =
            Ticker::start(both.into(), config.epoch_tick).map_err(|error| EngineError::Machine(error.to_string()))?;
        let watchdog = Watchdog::start().map_err(|error| EngineError::Machine(error.to_string()))?;
        let (cache, cache_report) = open_cache(premises.cache, config.cache_size);
        let report = EngineReport {
            allocation: engines.allocation.clone(),
            cache: cache_report,
            compile_threads: config.threads(),
        };
        let totals = Arc::new(Totals::default());
        let shelf = Shelf::new(totals.clone());
        let place = match premises.workshop {
            Some(workshop) => Place::Apart { workshop, order: order(config, &engines) },
            None => Place::here(config.threads()).map_err(machine)?,
        };
        let compiler = Arc::new(Compiler::new(engines, place, cache, shelf, ports.clock.clone()).map_err(machine)?);
        let sources = ports.components.clone().map(|components| Sources {
            compiler: Arc::clone(&compiler),
            components,
            idle: config.code_idle,
        });
        let surroundings = Surroundings {
            ports,
            pulse: ticker.pulse(),
            tick: config.epoch_tick,
            stack: config.stack,
            watch: watchdog.watch(),
            turnstiles: Arc::default(),
            tallies: Arc::default(),
        };
        Ok(Self {
            offers: Offers::new(),
            compiler,
            sources,
            totals,
            prepared: Default::default(),
            surroundings,
            report,
            _ticker: ticker,
            _watchdog: watchdog,
        })
    }

    /// What was found at start.
    pub const fn report(&self) -> &EngineReport {
        &self.report
    }

    /// What is counted of the instances of services.
    pub(crate) fn tallies(&self) -> &Tallies {
        &self.surroundings.tallies
    }

    /// Components that were made ready, by the names of where their machine code came from.
    pub(crate) fn prepared(&self) -> impl Iterator<Item = (&'static str, u64)> {
        SOURCES.into_iter().zip(&self.prepared).map(|((_, name), count)| (name, count.load(Ordering::Relaxed)))
    }

    async fn prepare(&self, request: PrepareRequest) -> Result<Preparation, PrepareError> {
        let begun = tokio::time::Instant::now();
        let wasi = admit::admit(&request.bytes, request.instances, &self.offers)?;
        let (code, source) = self.compiler.obtain((request.component, wasi), request.bytes.clone()).await?;
        let place = SOURCES.iter().position(|(known, _)| *known == source);
        if let Some(count) = place.and_then(|place| self.prepared.get(place)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let instances = Instances::new(self.totals.clone());
        let revision = Arc::new(Revision::new(&request, instances, self.surroundings.clone()));
        let is_solo = matches!(code.service, Service::Solo { .. });
        let code = OnDemand::new(code, self.sources.clone(), revision.instances.clone());
        let prepared: Arc<dyn Prepared> =
            if is_solo { Arc::new(Solo::new(revision, code)) } else { Arc::new(Ensemble::new(revision, code)) };
        Ok(Preparation { prepared, source, elapsed: begun.elapsed() })
    }
}

impl Executor for Engine {
    fn prepare(&self, request: PrepareRequest) -> BoxFuture<'_, Result<Preparation, PrepareError>> {
        Box::pin(self.prepare(request))
    }

    fn usage(&self) -> Usage {
        let (memory_bytes, stuck_threads) = (self.tallies().memory(), self.surroundings.watch.stuck());
        Usage { memory_bytes, stuck_threads, ..self.totals.read() }
    }
}

/// What the compiler of this engine is told.
fn order(config: &EngineConfig, engines: &Engines) -> Order {
    Order {
        wasi: Wasi::P2,
        pooled: matches!(engines.allocation, Allocation::Pooling { .. }),
        threads: config.threads(),
        stack: config.stack,
        memory: config.compile_memory,
        cpu_time: config.compile_time,
    }
}

fn open_cache(folder: Option<CacheFolder>, limit: u64) -> (Option<Cache>, CacheReport) {
    match folder.map(|CacheFolder { path, hazard }| (Cache::open(path.clone(), limit, hazard), path)) {
        None => (None, CacheReport::Off),
        Some((Ok(cache), folder)) => (Some(cache), CacheReport::Used(folder)),
        Some((Err(problem), _)) => (None, CacheReport::Refused(problem)),
    }
}
